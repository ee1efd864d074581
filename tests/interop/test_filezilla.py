"""FileZilla, with five transfers at a time: one code for all its connections [R15]."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from pathlib import Path

import pytest

from auth.principal import Door
from policy.audit.events import EventKind
from tests.interop.filezilla import TRANSFERS, FileZilla, Logon, filezilla
from tests.interop.running import key_options, openssh, well
from tests.support.county import County
from tests.support.story import Letter, Person
from tests.support.waiting import until

pytestmark = [pytest.mark.needs("filezilla"), pytest.mark.needs("Xvfb"), pytest.mark.needs("xdotool")]


@pytest.fixture
def letters(county: County) -> list[Letter]:
    """Sixteen documents of today."""
    return [letter for letter in county.letters if letter.name.startswith("Circular ")]


def judge(county: County, person: Person, running: FileZilla, letters: Sequence[Letter], since: int) -> None:
    """All came, over as many connections as FileZilla opens, one of which was asked for a code."""
    for letter in letters:
        county.received(person, Door.SFTP, letter)
    shown = [event.reason.partition(" + ")[2] for event in county.events(since, EventKind.SIGN_IN)]
    assert shown.count("totp") == 1
    assert shown.count("trust") >= TRANSFERS
    assert "Access denied" not in running.log


def test_with_a_key_one_window_asks_for_one_code(county: County, tmp_path: Path, letters: list[Letter]) -> None:
    person, since = county["r.reader16"], county.head()
    with filezilla(county, tmp_path, person, Logon.INTERACTIVE, letters, key=True) as running:
        assert running.work([county.code(person)]), running.log
    judge(county, person, running, letters, since)
    assert running.windows == 1


def test_with_a_password_each_connection_asks_for_it_and_one_for_the_code(
    county: County, tmp_path: Path, letters: list[Letter]
) -> None:
    person, since = county["r.reader17"], county.head()
    answers = [person.password, county.code(person), *repeat(person.password, TRANSFERS)]
    with filezilla(county, tmp_path, person, Logon.INTERACTIVE, letters) as running:
        assert running.work(answers), running.log
    judge(county, person, running, letters, since)
    assert running.windows == len(answers)


@pytest.mark.needs("sftp")
@pytest.mark.parametrize(
    ("username", "logon", "refusal"),
    [
        ("r.reader19", Logon.NORMAL, "You need to use the interactive login type"),
        ("r.reader20", Logon.KEY_FILE, "Authentication failed"),
    ],
    ids=["Normal", "Key file"],
)
def test_a_stored_password_or_key_goes_through_where_a_code_was_given_before(
    county: County, tmp_path: Path, letters: list[Letter], username: str, logon: Logon, refusal: str
) -> None:
    person = county[username]
    with filezilla(county, _folder(tmp_path, "before"), person, logon, letters) as running:
        assert until(lambda: running.work([], 0.0) or refusal in running.log, 30), running.log
        assert not running.arrived
    by_key = key_options(person) if logon is Logon.KEY_FILE else ["-o", "PubkeyAuthentication=no"]
    answers = [*([] if logon is Logon.KEY_FILE else [person.password]), county.code(person)]
    well(openssh(county, _folder(tmp_path, "openssh"), person, *by_key, commands="ls\n", answers=answers))
    with filezilla(county, _folder(tmp_path, "after"), person, logon, letters) as running:
        assert running.work([]), running.log
    assert running.windows == 0


def _folder(above: Path, name: str) -> Path:
    (above / name).mkdir()
    return above / name
