"""`ladocs audit find`: the letter that is being asked about, and who read it, by the doors' own acts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auth.principal import Principal
from tests.cli.county import PRIMARY, County
from tests.support.world import peer, read, tree

LETTER = b"Dear headteacher\n"


def in_session(county: County, username: str, act: Any) -> None:
    """`act` with the file system of a drive of somebody, which is disconnected afterwards."""
    password = county("device", "add", username, "--name", "Office PC", "--json").json["device_password"]
    with county.services() as services:
        candidate = services.authenticator.candidate(username, peer())
        proof = services.authenticator.check_device(candidate, password)
        assert proof is not None
        principal = services.authenticator.authenticate(candidate, [proof])
        assert isinstance(principal, Principal)
        act(services.sessions.open(principal, peer(client="davfs2/1.6")).fs)


@pytest.fixture
def reference(county: County, letter: Path) -> str:
    """A letter to the primary, which its headteacher has read and its SENCO has only seen in a listing."""
    published = county("publish", letter, "--category", "SEND", "--school", PRIMARY, "--json").json["published"]
    in_session(county, "m.head", lambda fs: [read(fs, one) for one in tree(fs) if one.endswith(letter.name)])
    in_session(county, "s.senco", tree)
    return str(published[0]["reference"])


def test_who_read_a_letter_is_told_apart_from_who_listed_it(county: County, reference: str) -> None:
    said = county("audit", "find", "--reference", reference.lower(), "--json").json
    assert list(said) == ["documents", "read", "listed", "unreadable"]
    [row] = said["read"]
    assert (row["account"], row["school"], row["client"], row["protocol"]) == (
        "m.head",
        PRIMARY,
        "davfs2/1.6",
        "webdav",
    )
    assert (row["sent"], row["of"], row["unconfirmed"], row["times"]) == (len(LETTER), len(LETTER), 0, 1)
    assert {row["account"] for row in said["listed"]} == {"m.head", "s.senco"}
    assert said["listed"][0]["folder"].endswith("/SEND")


def test_a_letter_is_found_by_its_file(county: County, reference: str, letter: Path) -> None:
    by_file = county("audit", "find", "--file", letter, "--json").json
    assert by_file == county("audit", "find", "--reference", reference, "--json").json


def test_a_letter_is_found_by_its_file_when_its_bytes_are_destroyed(
    county: County, reference: str, letter: Path
) -> None:
    county.execute("ladocs.db", "UPDATE object SET wrap = NULL")
    for stored in (county.home / "store").rglob("*"):
        if stored.is_file():
            stored.unlink()
    said = county("audit", "find", "--file", letter, "--json").json
    assert [one["reference"] for one in said["documents"]] == [reference]
    assert [row["account"] for row in said["read"]] == ["m.head"]


def test_two_publications_of_one_file_are_both_found(county: County, reference: str, letter: Path) -> None:
    county("publish", letter, "--category", "General", "--school", PRIMARY)
    assert len(county("audit", "find", "--file", letter, "--json").json["documents"]) == 2


def test_a_file_of_other_bytes_is_not_found(county: County, reference: str, letter: Path) -> None:
    letter.write_bytes(LETTER.replace(b"D", b"d"))
    line = county("audit", "find", "--file", letter, status=1).line
    assert line == (f"Nothing that was published has the bytes of {letter}: give the original itself.")


def test_what_an_account_read_is_found(county: County, reference: str) -> None:
    head = county("audit", "find", "--account", "m.head", "--json").json
    assert [(row["reference"], row["of"]) for row in head["read"]] == [(reference, len(LETTER))]
    senco = county("audit", "find", "--account", "s.senco", "--json").json
    assert (senco["read"], len(senco["listed"])) == ([], 1)


def test_people_are_shown_two_tables(county: County, reference: str) -> None:
    out = county("audit", "find", "--reference", reference).out
    assert out.index("Read:") < out.index("m.head") < out.index("Listed:") < out.index("s.senco")


def test_a_letter_that_nobody_opened_says_so(county: County, letter: Path) -> None:
    published = county("publish", letter, "--category", "SEND", "--school", PRIMARY, "--json").json["published"]
    out = county("audit", "find", "--reference", published[0]["reference"]).out
    assert out.count("Nobody, as far as the record goes.") == 2


@pytest.mark.parametrize("given", [(), ("--reference", "D-7KQ2-M4", "--account", "ada")])
def test_one_thing_is_asked_for(county: County, given: tuple[str, ...]) -> None:
    assert county("audit", "find", *given, status=2).line == "Say what to find: --reference, --file or --account."


def test_a_reference_that_was_never_given_is_refused(county: County) -> None:
    assert county("audit", "find", "--reference", "D-0000-00", status=1).line == (
        "No document has the reference 'D-0000-00': see 'ladocs document list'."
    )
