"""`ladocs doctor`: a row for each thing that can be wrong with a home, what was found and how to mend it."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat

from config.clock import SystemClock, microseconds
from config.entropy import system_entropy
from config.secrets import TLS_CERTIFICATE, TLS_KEY, Secrets
from gateway import founding
from gateway.vault.keybox import KeyBox
from tests.audit.test_targets import collector
from tests.cli.county import PRIMARY, County, ladocs, lists_an_agreement
from tests.mail.server import PASSWORD, USERNAME, mail_server, make_certificate, silent_server
from tests.support.clock import FakeClock
from tests.support.ports import free_ports

Row = dict[str, str]


def rows(county: County, *, status: int = 0) -> list[Row]:
    """What doctor says of a home, and its exit status."""
    found: list[Row] = county("doctor", "--json", status=status).json
    return found


def of(found: list[Row], check: str) -> Row:
    """The row of a check: the worst, where it has several."""
    order = ("ok", "warning", "wrong")
    return max((row for row in found if row["check"] == check), key=lambda row: order.index(row["state"]))


def add_settings(county: County, text: str) -> None:
    county.settings.write_text(f"{county.settings.read_text()}\n{text}\n")


@contextmanager
def served(county: County) -> Iterator[None]:
    """As while somebody serves the home."""
    (county.home / "run").mkdir(exist_ok=True)
    with (county.home / "run/serve.lock").open("w") as lease:
        fcntl.flock(lease, fcntl.LOCK_EX)
        yield


def a_mail(county: County, **values: object) -> None:
    """A mail in the outbox, posted just now unless `values` say otherwise."""
    now = microseconds(datetime.now(UTC))
    posted = {"created_at": now, "due_at": now, "attempts": 0, "trouble": "", **values}
    row = {
        "kind": "password changed",
        "address": "s.senco@primary.example",
        "facts": "{}",
        "message_id": "0a",
        **posted,
    }
    with closing(sqlite3.connect(county.home / "ladocs.db")) as connection, connection:
        marks = ", ".join("?" for _ in row)
        connection.execute("UPDATE mail SET dropped_at = created_at")  # what the county itself posted
        connection.execute(f"INSERT INTO mail ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))


def test_a_new_home_has_nothing_wrong(county: County) -> None:
    found = rows(county)
    assert {row["check"] for row in found} == {
        "key holders",
        *("home", "settings", "secrets", "database", "record", "checkpoints", "keys", "clock", "jobs", "disk"),
        *("certificate", "server", "address", "terms", "agreement", "mail server", "mails"),
    }
    assert {row["check"] for row in found if row["state"] == "warning"} == {
        "key holders",
        *("checkpoints", "certificate", "server", "address", "agreement", "mail server"),
    }


def test_every_row_that_is_not_well_says_how_to_mend_it(county: County) -> None:
    assert all(row["mend"] for row in rows(county) if row["state"] != "ok")


def test_it_prints_a_table_for_people(county: County) -> None:
    shown = county("doctor").out
    assert "check" in shown
    assert "no mail server is set: mails lie in" in shown


def test_it_needs_no_account(county: County) -> None:
    county.change_settings('= "ada"', '= "nobody"')
    assert of(rows(county), "settings")["state"] == "ok"


def test_it_changes_nothing(county: County) -> None:
    before = county.state()
    rows(county)
    assert county.state() == before


def test_a_folder_that_is_no_home_is_wrong(tmp_path: Path) -> None:
    ran = ladocs("--home", tmp_path, "doctor", "--json")
    assert ran.status == 1
    [row] = ran.json
    assert (row["check"], row["state"]) == ("home", "wrong")
    assert row["found"].endswith("is no ladocs home")
    assert row["mend"].startswith("make one with 'ladocs init")


def _unknown_setting(county: County) -> None:
    add_settings(county, "[servise]\nname = 1")


def _unreadable_settings(county: County) -> None:
    county.settings.write_text("= nothing")


def _open_secret(county: County) -> None:
    (county.home / "secrets/device-key.1").chmod(0o644)


def _open_secrets(county: County) -> None:
    (county.home / "secrets").chmod(0o755)


def _lost_secret(county: County) -> None:
    (county.home / "secrets/totp-seal.1").unlink()


def _lost_database(county: County) -> None:
    (county.home / "ladocs.db").unlink()


def _older_record(county: County) -> None:
    county.execute("record.db", "DELETE FROM schema_version_audit")


def _lost_keys(county: County) -> None:
    (county.keys / "box").unlink()


def _keys_without_a_documents(county: County) -> None:
    """The key folder is one that was behind when it took the place of another."""
    letter = county.home / "Letter.txt"
    letter.write_text("Dear all")
    county("publish", letter, "--category", "SEND", "--school", PRIMARY)
    box = KeyBox(county.keys, SystemClock(), system_entropy)
    with closing(sqlite3.connect(county.home / "ladocs.db")) as connection:
        [(used,)] = connection.execute("SELECT kek_id FROM object")
    with box.rotating() as held:
        box.replace({kek_id: key for kek_id, key in held.items() if kek_id != used})


def _open_keys(county: County) -> None:
    county.keys.chmod(0o750)


def _slept(county: County) -> None:
    long_ago = microseconds(datetime.now(UTC) - timedelta(days=3))
    county.execute("ladocs.db", f"UPDATE clock_mark SET at = {long_ago}")


def _old_certificate(county: County) -> None:
    _certificate(county, ["localhost"], FakeClock(datetime(2020, 1, 1, tzinfo=UTC)))


def _certificate(county: County, hosts: list[str], clock: FakeClock | SystemClock) -> None:
    key, secrets = ec.generate_private_key(ec.SECP256R1()), Secrets(county.home / "secrets")
    secrets.create(TLS_KEY, founding._private(key, PrivateFormat.PKCS8))
    secrets.create(TLS_CERTIFICATE, founding._certificate(key, hosts, clock).public_bytes(Encoding.PEM))


def _lost_agreement(county: County) -> None:
    lists_an_agreement(county, "# Agreement\n").unlink()


def _changed_agreement(county: County) -> None:
    file = lists_an_agreement(county, "# Agreement\n")
    county("agreement", "record", PRIMARY, "--version", "2026-1", "--signed-on", "2025-09-03", "--signed-by", "M. Head")
    file.write_text("# Another agreement\n")


def _mail_waits_for_days(county: County) -> None:
    a_mail(county, created_at=microseconds(datetime.now(UTC) - timedelta(days=2)))


@pytest.mark.parametrize(
    ("spoil", "check", "found", "mend"),
    [
        (_unknown_setting, "settings", "There is no setting called servise", "did you mean"),
        (_unreadable_settings, "settings", "is broken", "line 1, column"),
        (_open_secret, "secrets", "device-key.1 is open to others", "chmod 600"),
        (_open_secrets, "secrets", "secrets is open to others", "chmod 700"),
        (_lost_secret, "secrets", "The secret totp-seal is missing", "put it back"),
        (_lost_database, "database", "is missing", "put it back"),
        (_older_record, "record", "older than this ladocs", "ladocs db upgrade"),
        (_lost_keys, "keys", "holds no key box", "set keys.dir"),
        (_open_keys, "keys", "is open to others", "chmod 700"),
        (_keys_without_a_documents, "keys", "nobody can read 1 of the documents", "set keys.dir"),
        (_slept, "clock", "far past the last moment served", "ladocs clock confirm"),
        (_old_certificate, "certificate", "it was good until 2021", "put a new one"),
        (_lost_agreement, "agreement", "agreement.md, cannot be read (No such file", "agreement.versions"),
        (_changed_agreement, "agreement", "The text of 2026-1 is not the one", "put that one back"),
        (_mail_waits_for_days, "mails", "1 wait, 0 of them tried in vain", "mail server"),
    ],
)
def test_what_is_wrong_is_found_and_said_how_to_mend(
    county: County, spoil: Callable[[County], None], check: str, found: str, mend: str
) -> None:
    spoil(county)
    row = of(rows(county, status=1), check)
    assert row["state"] == "wrong"
    assert found in row["found"]
    assert mend in row["mend"]


def test_a_missing_database_is_not_made(county: County) -> None:
    _lost_database(county)
    rows(county, status=1)
    assert not (county.home / "ladocs.db").exists()


def test_keys_in_the_home_go_on_being_warned_of(county: County) -> None:
    county.keys.rename(county.home / "keys")
    county.change_settings(f'"{county.keys}"', '"keys"')
    assert "a backup of it could bring back what was destroyed" in of(rows(county), "keys")["found"]


def test_a_certificate_that_does_not_name_the_server_is_wrong(county: County) -> None:
    county.change_settings("[support]", 'url = "https://documents.derbyshire.example"\n\n[support]')
    assert "does not name documents.derbyshire.example" in of(rows(county, status=1), "certificate")["found"]
    _certificate(county, ["*.derbyshire.example"], SystemClock())
    found = rows(county)
    assert of(found, "certificate")["state"] == "warning"
    assert of(found, "address")["found"] == "links in mails begin https://documents.derbyshire.example/"


def test_a_service_that_runs_and_writes_no_record_is_wrong(county: County) -> None:
    with served(county):
        found = rows(county, status=1)
    assert of(found, "server")["state"] == "ok"
    assert "none is a heartbeat of the last day" in of(found, "record")["found"]
    assert of(found, "record")["state"] == "wrong"


def test_a_clock_before_the_last_moment_served_is_warned_of(county: County) -> None:
    ahead = microseconds(datetime.now(UTC) + timedelta(hours=1))
    county.execute("ladocs.db", f"UPDATE clock_mark SET at = {ahead}")
    assert "before the last moment served" in of(rows(county), "clock")["found"]


def test_terms_that_are_over_are_warned_of(county: County) -> None:
    text = county.settings.read_text()
    county.settings.write_text(f"terms = [{{ first = 2020-09-02, last = 2020-12-18 }}]\n{text}")
    assert of(rows(county), "terms")["state"] == "warning"


def test_a_specimen_in_force_is_warned_of(county: County) -> None:
    row = of(rows(county), "agreement")
    assert (row["state"], row["found"]) == ("warning", "specimen-1, the version in force, is a specimen")


def test_a_text_of_the_council_s_own_is_well(county: County) -> None:
    lists_an_agreement(county, "# Agreement\n")
    assert {row["found"]: row["state"] for row in rows(county)}["2026-1 is in force"] == "ok"


def test_a_version_that_is_still_to_come_is_warned_of(county: County) -> None:
    lists_an_agreement(county, "# Agreement\n", day="2126-09-01")
    assert "no version has come into force yet" in of(rows(county), "agreement")["found"]


def test_schools_without_an_agreement_are_counted(county: County) -> None:
    county("school", "add", "830-2009", "--name", "Newbold School")
    said = "1 schools have no agreement in force, and no documents"
    assert said in {row["found"] for row in rows(county) if row["check"] == "agreement"}


# Mail


def test_mails_in_the_folder_are_counted(county: County) -> None:
    (county.home / "mail/new").mkdir(parents=True)
    (county.home / "mail/new/one").write_text("a mail")
    assert "mail (1 new)" in of(rows(county), "mail server")["found"]


def test_mails_that_were_given_up_are_shown_with_the_last_trouble(county: County) -> None:
    a_mail(county, given_up_at=microseconds(datetime.now(UTC)), trouble="refused: 550 no such mailbox")
    row = of(rows(county), "mails")
    assert row["state"] == "warning"
    assert "1 given up in two weeks" in row["found"]
    assert row["found"].endswith("the last trouble: refused: 550 no such mailbox")


def test_a_trouble_s_terminal_codes_are_not_printed(county: County) -> None:
    a_mail(county, trouble="refused: \x1b[2J")
    shown = county("doctor").out
    assert "refused: " in shown
    assert "\x1b" not in shown


def test_mails_that_were_tried_in_vain_are_late(county: County) -> None:
    a_mail(county, attempts=2, trouble="out of reach")
    row = of(rows(county), "mails")
    assert "1 wait, 1 of them tried in vain" in row["found"]
    assert (row["state"], row["mend"]) == ("warning", "wait: it is tried again, for two days")


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A mail server's, which this machine trusts."""
    made = make_certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(made[0]))
    return made


def use_server(county: County, port: int, password: str = PASSWORD) -> None:
    file = county.home / "secrets/mail-password"
    file.write_text(password)
    file.chmod(0o600)
    add_settings(
        county,
        f'[mail]\nserver = "localhost"\nport = {port}\nusername = "{USERNAME}"\n'
        'password_file = "secrets/mail-password"\ntimeout_seconds = 0.5',
    )


def test_the_mail_server_is_tried_and_no_mail_is_sent(county: County, certificate: tuple[Path, Path]) -> None:
    with mail_server(certificate) as running:
        use_server(county, running.port)
        row = of(rows(county), "mail server")
    assert row["found"] == f"localhost port {running.port} answers with STARTTLS, and accepts ladocs"
    assert running.postmaster.taken == []


def test_a_mail_server_that_does_not_let_us_in_is_wrong(county: County, certificate: tuple[Path, Path]) -> None:
    with mail_server(certificate) as running:
        use_server(county, running.port, "another-canary")
        found = county("doctor", "--json", status=1)
    assert of(found.json, "mail server")["mend"] == "check mail.password_file"
    assert "another-canary" not in found.out


def test_a_mail_server_that_hangs_does_not_hang_doctor(county: County) -> None:
    with silent_server() as running:
        use_server(county, running.port)
        assert (
            "timed out"
            in of(rows(county, status=1), "mail server")["found"] + of(rows(county, status=1), "mail server")["mend"]
        )


def test_a_mail_server_that_is_not_there_is_wrong(county: County) -> None:
    [port] = free_ports(1)
    use_server(county, port)
    assert f"localhost port {port} is out of reach" in of(rows(county, status=1), "mail server")["found"]


def test_a_database_that_is_damaged_is_a_row_like_others(county: County) -> None:
    with closing(sqlite3.connect(county.home / "ladocs.db")) as connection, connection:
        connection.execute("DROP TABLE mail")
    found = rows(county, status=1)
    assert "no such table: mail" in of(found, "mails")["found"]
    assert of(found, "clock")["state"] == "ok"


def signed(county: County) -> Path:
    """A checkpoint of the home, as the service keeps it; the file."""
    kept = county.home / "checkpoints" / "2026-11-25.txt"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(county("audit", "checkpoint").out)
    return kept


def test_a_record_that_does_not_continue_its_checkpoint_is_wrong(county: County) -> None:
    signed(county)
    for table, column in (("audit_record", "batch"), ("audit_batch", "b")):
        county.execute("record.db", f"DROP TRIGGER {table}_delete")
        county.execute("record.db", f"DELETE FROM {table} WHERE {column} > 2")
    row = of(rows(county, status=1), "checkpoints")
    assert row["state"] == "wrong"
    assert row["found"].startswith("the record does not continue them: the record has no batch")


def test_a_service_that_signs_no_checkpoint_is_wrong(county: County) -> None:
    with served(county):
        row = of(rows(county, status=1), "checkpoints")
    assert (row["state"], row["found"]) == ("wrong", "none is signed yet, and the service signs none")


@pytest.mark.parametrize(("has", "state"), [(True, "ok"), (False, "wrong")])
def test_a_file_outside_has_the_newest_checkpoint(county: County, tmp_path: Path, *, has: bool, state: str) -> None:
    witness = tmp_path / "witness"
    kept = signed(county)
    if has:
        witness.write_text(f"{'x' * 5000}\n{kept.read_text()}")
    add_settings(county, f'[audit]\ncheckpoint_file = "{witness}"')
    assert of(rows(county, status=0 if has else 1), "checkpoints")["state"] == state


def test_a_syslog_server_that_does_not_answer_is_wrong(county: County) -> None:
    [port] = free_ports(1)
    add_settings(county, f'[audit]\ncheckpoint_syslog = "127.0.0.1:{port}"')
    row = of(rows(county, status=1), "checkpoints")
    assert (row["state"], row["found"]) == ("wrong", f"syslog at 127.0.0.1 port {port}: [Errno 111] Connection refused")


def test_a_syslog_server_that_answers_is_well(county: County, tmp_path: Path) -> None:
    files = make_certificate(tmp_path, "127.0.0.1")
    with collector(files) as server:
        add_settings(county, f'[audit]\ncheckpoint_syslog = "127.0.0.1:{server.port}"\ncheckpoint_ca = "{files[0]}"')
        found = [row for row in rows(county) if row["check"] == "checkpoints"]
    assert {row["state"] for row in found} == {"ok"}
    assert f"port {server.port} answers" in found[-1]["found"]
