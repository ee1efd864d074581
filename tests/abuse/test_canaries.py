"""No secret is left behind: not in the log, the record, its exports, a traceback, a database or another mail.

Everything that somebody types or is shown once is a canary (`tests.abuse.flight`), driven right and wrong through a
real server that logs all it can, libraries included.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.abuse.canaries import Canaries
from tests.abuse.flight import Flight, files_of
from tests.support.county import serving
from tests.support.story import Founded

TELLING = (str(Path(__file__).parents[1] / "support" / "telling.py"),)
_LIBRARIES = (" sqlalchemy.", " asyncssh")
"""Whose lines, in a log of this depth alone, hold what was typed as a name: the statement that looks it up."""


@dataclass(frozen=True)
class Landed:
    """What is there to be searched when all is over."""

    canaries: Canaries
    home: Path
    log: str
    said: list[str]
    shown: list[str]
    mails: list[str]


@pytest.fixture(scope="module")
def landed(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Landed:
    folder = tmp_path_factory.mktemp("canaries")
    with serving(founded, folder, {"LADOCS_DEBUG": "1"}, TELLING) as county:
        flight = Flight(county)
        flight.all()
        for export in (("audit", "list"), ("account", "show", "c.newcomer"), ("account", "list")):
            assert flight.ladocs(*export, "--json").returncode == 0
        assert flight.ladocs("account", "export").returncode == 0
        mails = flight.mails()
    return Landed(flight.canaries, county.home, county.log(), flight.said, flight.shown, mails)


def test_a_search_finds_what_was_shown_on_purpose(landed: Landed) -> None:
    assert landed.canaries.found_in("".join(landed.shown).encode()) == ["device password of the command"]


def test_the_log_holds_no_secret(landed: Landed) -> None:
    assert landed.canaries.found_in(landed.log.encode(), but=landed.canaries.names) == []


def test_what_was_typed_as_a_name_stands_in_no_line_of_ours(landed: Landed) -> None:
    ours = "\n".join(line for line in landed.log.splitlines() if not any(name in line for name in _LIBRARIES))
    assert landed.canaries.found_in(ours.encode()) == []


def test_commands_exports_and_tracebacks_hold_no_secret(landed: Landed) -> None:
    assert any("Traceback" in said for said in landed.said)
    assert landed.canaries.found_in("\n".join(landed.said).encode()) == []


def test_no_file_of_the_home_holds_a_secret_in_clear_but_the_mails_that_carry_links(landed: Landed) -> None:
    found = {
        name: landed.canaries.found_in(data) for name, data in files_of(landed.home) if not name.startswith("mail/")
    }
    assert {"ladocs.db", "record.db"} <= set(found)
    assert {name: what for name, what in found.items() if what} == {}


def test_a_link_stands_in_its_own_mail_and_no_mail_holds_another_secret(landed: Landed) -> None:
    everything = [landed.canaries.found_in(mail.encode(), but=landed.canaries.links) for mail in landed.mails]
    assert everything == [[]] * len(landed.mails)
    carrying = [sum(link in mail for mail in landed.mails) for link in landed.canaries.links]
    assert carrying == [1] * len(landed.canaries.links)
