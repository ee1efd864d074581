"""One code for a working day [R15], as OpenSSH's sftp meets it: many connections, each with its first factor alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from policy.audit.events import EventKind
from tests.interop.running import key_options, openssh, well
from tests.support.askpass import asked
from tests.support.county import County, serving
from tests.support.story import ASHBY, GENERAL, Founded, Person

pytestmark = pytest.mark.needs("sftp")
PASSWORD, CODE = "Password:", "One-time code:"
TEN = 10
_numbers = itertools.count(1)


@pytest.fixture
def place() -> str:
    """An address of this machine from which nobody has signed in yet."""
    return f"127.1.0.{next(_numbers)}"


@pytest.fixture(scope="module")
def forgetful(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """A server that asks for a code each time."""
    with serving(founded, tmp_path_factory.mktemp("forgetful"), {"LADOCS_AUTH__MFA_TRUST_HOURS": "0"}) as served:
        yield served


@pytest.fixture(scope="module")
def restless(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """A server whose people are changed while they work."""
    with serving(founded, tmp_path_factory.mktemp("restless")) as served:
        yield served


def by_password(person: Person) -> list[str]:
    """The options of somebody without a key."""
    return ["-o", "PubkeyAuthentication=no"]


def enter(
    county: County, folder: Path, person: Person, place: str, options: Sequence[str], answers: Sequence[str]
) -> list[str]:
    """What the client asked for, that signed in from `place` with no more than `answers`."""
    folder.mkdir()
    bound = ("-o", f"BindAddress={place}", "-o", "NumberOfPasswordPrompts=1")
    well(openssh(county, folder, person, *bound, *options, commands="ls\n", answers=answers))
    return asked(folder)


@pytest.mark.parametrize(
    ("username", "options", "first"),
    [("r.reader11", by_password, [PASSWORD]), ("r.reader12", key_options, [])],
    ids=["password", "key"],
)
def test_ten_connections_after_the_first_ask_for_no_code(
    county: County,
    tmp_path: Path,
    place: str,
    username: str,
    options: Callable[[Person], list[str]],
    first: list[str],
) -> None:
    person, since = county[username], county.head()
    answers = [person.password for _ in first]
    code = county.code(person)
    assert enter(county, tmp_path / "first", person, place, options(person), [*answers, code]) == [*first, CODE]

    def follow(number: int) -> list[str]:
        return enter(county, tmp_path / str(number), person, place, options(person), answers)

    with ThreadPoolExecutor(TEN) as pool:
        assert list(pool.map(follow, range(TEN))) == [first] * TEN
    shown = [event.reason.partition(" + ")[2] for event in county.events(since, EventKind.SIGN_IN)]
    assert sorted(shown) == ["totp", *["trust"] * TEN]


def test_a_code_after_a_key_spares_no_code_after_a_password(county: County, tmp_path: Path, place: str) -> None:
    person = county["r.reader13"]
    enter(county, tmp_path / "key", person, place, key_options(person), [county.code(person)])
    answers = [person.password, county.code(person)]
    assert enter(county, tmp_path / "password", person, place, by_password(person), answers) == [PASSWORD, CODE]
    assert enter(county, tmp_path / "again", person, place, key_options(person), []) == []


def test_another_address_is_asked_for_a_code_of_its_own(county: County, tmp_path: Path, place: str) -> None:
    person, elsewhere = county["r.reader14"], f"127.2.0.{next(_numbers)}"
    for number, where in enumerate((place, elsewhere)):
        code = county.code(person)
        assert enter(county, tmp_path / str(number), person, where, key_options(person), [code]) == [CODE]


def test_without_hours_of_trust_each_connection_asks(forgetful: County, tmp_path: Path, place: str) -> None:
    person = forgetful["r.reader1"]
    for number in range(2):
        code = forgetful.code(person)
        assert enter(forgetful, tmp_path / str(number), person, place, key_options(person), [code]) == [CODE]


@pytest.mark.parametrize(
    ("username", "change"),
    [
        ("r.reader1", ("account", "revoke", "{}", "--school", ASHBY, "--category", GENERAL)),
        ("r.reader2", ("account", "grant", "{}", "--school", ASHBY, "--role", "SENCO")),
        ("r.reader3", ("key", "add", "{}", "KEY", "--name", "Another")),
        ("r.reader5", ("account", "revoke", "{}", "--trust")),
    ],
    ids=["a category less", "another role", "a key more", "the trust itself"],
)
def test_a_change_by_a_command_ends_the_trust(
    restless: County, tmp_path: Path, place: str, username: str, change: Sequence[str]
) -> None:
    person, files = restless[username], {"KEY": str(restless["r.reader4"].key) + ".pub", "{}": username}
    enter(restless, tmp_path / "before", person, place, key_options(person), [restless.code(person)])
    assert enter(restless, tmp_path / "trusted", person, place, key_options(person), []) == []
    restless.command(*(files.get(part, part) for part in change))
    code = restless.code(person)
    assert enter(restless, tmp_path / "after", person, place, key_options(person), [code]) == [CODE]
