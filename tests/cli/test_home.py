"""A home that is not in order: one line, exit status 2, and nothing has changed. `db upgrade`, `clock confirm`."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.county import PRIMARY, County, Ran

SERVE = ("serve",)
PUBLISH = ("publish", "Letter.txt", "--category", "SEND", "--school", PRIMARY)
COMMANDS = [("school", "list"), ("school", "add", "830-2009", "--name", "New"), PUBLISH, ("clock", "confirm"), SERVE]


@pytest.fixture(autouse=True)
def _letter(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(county.root)
    Path("Letter.txt").write_text("Dear headteacher\n")
    for port in ("SFTP_PORT", "HTTPS_PORT"):
        monkeypatch.setenv(f"LADOCS_SERVE__{port}", "0")


def run(county: County, *arguments: str) -> Ran:
    """Run a command: `serve`, which sets up a log, in a process of its own."""
    return (county.program if arguments == SERVE else county)(*arguments, status=2)


def newer_layout(county: County) -> None:
    (county.home / "format").write_text("ladocs home 2\n")


def no_home(county: County) -> None:
    (county.home / "format").unlink()


def newer_database(county: County) -> None:
    county.execute("ladocs.db", "UPDATE schema_version_main SET version_num = '9999'")


def newer_record(county: County) -> None:
    county.execute("record.db", "UPDATE schema_version_audit SET version_num = '9999'")


def older_database(county: County) -> None:
    county.execute("ladocs.db", "DELETE FROM schema_version_main")


def no_settings(county: County) -> None:
    county.settings.unlink()


def broken_settings(county: County) -> None:
    county.change_settings("[service]", "[service")


def unknown_setting(county: County) -> None:
    county.change_settings("sftp_host", "sftp_hots")


def empty_setting(county: County) -> None:
    county.change_settings('phone = "01629 536797"', 'phone = ""')


def missing_setting(county: County) -> None:
    county.change_settings('phone = "01629 536797"', "")


BROKEN: list[tuple[Callable[[County], None], str]] = [
    (newer_layout, "was made by a newer ladocs (layout 2, this one knows 1): install that version"),
    (no_home, "is no ladocs home: make one with 'ladocs init --home"),
    (newer_database, "The main database was made by a newer ladocs (revision 9999): install that version"),
    (newer_record, "The audit database was made by a newer ladocs (revision 9999): install that version"),
    (older_database, "The main database is older than this ladocs: stop the service and run 'ladocs db upgrade'"),
    (no_settings, "ladocs.toml cannot be read"),
    (broken_settings, "ladocs.toml is broken"),
    (unknown_setting, "There is no setting called serve.sftp_hots: did you mean serve.sftp_host"),
    (empty_setting, "The setting support.phone is empty: a good value is support.phone ="),
    (missing_setting, "The setting support.phone is missing: a good value is support.phone ="),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]))
@pytest.mark.parametrize(("broken", "words"), BROKEN, ids=[broken.__name__ for broken, _ in BROKEN])
def test_a_home_that_is_not_in_order_stops_every_command_with_one_line(
    county: County, command: tuple[str, ...], broken: Callable[[County], None], words: str
) -> None:
    broken(county)
    before = county.state()
    assert words in run(county, *command).line
    assert {name: kept for name, kept in county.state().items() if "/run/" not in name} == before


@pytest.mark.parametrize("command", [PUBLISH, SERVE], ids=lambda command: str(command[0]))
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda keys: (keys / "root.1").write_bytes(bytes(32)), "does not open the key box: set keys.dir"),
        (lambda keys: (keys / "box").write_bytes(b"x"), "is cut short"),
        (lambda keys: keys.rename(keys.with_name("away")), "holds no key box: set keys.dir"),
    ],
    ids=["another root key", "a damaged box", "no folder"],
)
def test_keys_that_do_not_fit_stop_serving_and_publishing(
    county: County, command: tuple[str, ...], spoil: Callable[[Path], object], words: str
) -> None:
    spoil(county.keys)
    before = county.state()
    assert words in run(county, *command).line
    assert {name: kept for name, kept in county.state().items() if "/run/" not in name} == before


def test_a_port_in_use_is_told_with_its_setting(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("LADOCS_SERVE__HTTPS_PORT", str(port))
        before = county.state()
        line = run(county, "serve").line
    assert line == f"Port {port} on 127.0.0.1 is in use: set serve.https_port to a free one."
    assert county.state() == before


def test_an_address_of_another_machine_is_told_with_its_setting(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LADOCS_SERVE__SFTP_HOST", "192.0.2.1")
    assert "Cannot listen on 192.0.2.1 port 0" in run(county, "serve").line


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(county: County) -> None:
    before = county.state()
    rows = county("db", "upgrade", "--json").json
    assert [(row["database"], row["changed"]) for row in rows] == [("main", False), ("audit", False)]
    assert rows[0].keys() == {"database", "before", "after", "changed"}
    assert county.state() == before


def test_an_upgrade_makes_a_database_that_is_empty(county: County) -> None:
    (county.home / "record.db").unlink()
    rows = county("db", "upgrade", "--json").json
    assert [(row["database"], row["before"], row["changed"]) for row in rows][1] == ("audit", None, True)


@pytest.mark.parametrize("broken", [newer_database, newer_layout, unknown_setting])
def test_an_upgrade_refuses_what_it_does_not_know(county: County, broken: Callable[[County], None]) -> None:
    broken(county)
    before = county.state()
    county("db", "upgrade", status=2)
    assert county.state() == before


def test_a_confirmed_clock_is_recorded(county: County) -> None:
    assert county("clock", "confirm").out.startswith("It is 2")
    entry = county("audit", "list", "--json").json[-1]
    assert (entry["event"], entry["object"], entry["actor"]) == ("clock:confirmed", "clock", "ada")


def test_a_record_that_cannot_be_written_leaves_everything_as_it_was(county: County) -> None:
    county.execute("record.db", "CREATE TRIGGER full BEFORE INSERT ON audit_batch BEGIN SELECT RAISE(ABORT, 'x'); END")
    before = county.state()
    line = county("school", "add", "830-2009", "--name", "New", status=1).line
    assert line.startswith("The record cannot be written, so nothing was done")
    assert county.state() == before
