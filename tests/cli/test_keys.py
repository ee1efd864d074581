"""`ladocs keys`: a second live holder of the keys, and what is said of the holders there are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.vault.keyfolder import KeyFolder
from tests.cli.county import PRIMARY, SECONDARY, County
from tests.cli.test_doctor import of, rows
from tests.cli.test_trace import in_session
from tests.support.world import read, tree


@pytest.fixture
def second(county: County) -> Path:
    """A second holder."""
    county("keys", "replicate", county.root / "second")
    return county.root / "second"


def standings(county: County) -> dict[str, str]:
    return {Path(row["folder"]).name: row["state"] for row in county("keys", "list", "--json").json}


def top_up(county: County) -> None:
    """A rotation: a new home makes its keys with its first document."""
    letter = county.root / "Letter.txt"
    letter.write_bytes(b"Dear headteacher\n")
    county("publish", letter, "--category", "SEND", "--school", PRIMARY, "--school", SECONDARY)


def test_a_home_has_one_holder_at_first(county: County) -> None:
    [row] = county("keys", "list", "--json").json
    assert (row["folder"], row["state"]) == (str(county.keys), "in use")


def test_a_second_holder_is_listed_recorded_and_said_to_lie_on_the_same_disk(county: County) -> None:
    folder = county.root / "second"
    ran = county("keys", "replicate", folder, "--json")
    assert (ran.json["folder"], ran.json["state"]) == (str(folder), "in step")
    assert "lies on the same disk as keys.dir" in ran.err
    assert standings(county) == {"keys": "in use", "second": "in step"}
    [told] = county("audit", "list", "--event", "keys:replicated", "--json").json
    assert (told["object"], told["actor"]) == (str(folder), "ada")


def test_publishing_makes_keys_in_every_holder(county: County, second: Path) -> None:
    top_up(county)
    assert len(KeyFolder(second).read()) == len(KeyFolder(county.keys).read()) > 100


def test_when_the_key_folder_is_lost_the_documents_open_with_the_second_holder(county: County, second: Path) -> None:
    top_up(county)
    shutil.rmtree(county.keys)
    county.change_settings(str(county.keys), str(second))
    seen: list[bytes] = []
    county("clock", "confirm")
    in_session(county, "m.head", lambda fs: seen.extend(read(fs, one) for one in tree(fs) if one.endswith(".txt")))
    assert b"Dear headteacher\n" in seen


@pytest.mark.parametrize("where", ["home/second", "keys", "home"])
def test_a_folder_in_the_home_or_with_anything_in_it_is_refused(county: County, where: str) -> None:
    assert county("keys", "replicate", county.root / where, status=1).line
    assert standings(county) == {"keys": "in use"}


def test_a_refusal_by_the_disk_is_recorded_too(county: County) -> None:
    county("keys", "replicate", county.keys, status=1)
    told = county("audit", "list", "--event", "keys:replicated", "--json").json
    assert [one["result"] for one in told] == ["permit", "error"]


def test_a_holder_is_forgotten_with_its_keys(county: County, second: Path) -> None:
    assert county("keys", "forget", second, "--json").json["state"] == "destroyed"
    assert list(second.iterdir()) == []
    assert standings(county) == {"keys": "in use"}


def test_a_lost_holder_is_given_up_with_a_reason_alone(county: County, second: Path) -> None:
    shutil.rmtree(second)
    assert "--because" in county("keys", "forget", second, status=1).line
    row = county("keys", "forget", second, "--because", "the stick was shredded", "--json").json
    assert (row["state"], row["because"]) == ("given up", "the stick was shredded")
    assert standings(county) == {"keys": "in use", "second": "given up"}
    told = county("audit", "list", "--event", "keys:forgotten", "--json").json
    assert [(one["result"], one["reason"]) for one in told] == [
        *(("permit", ""), ("error", "")),
        ("permit", "the stick was shredded"),
    ]


def test_doctor_says_that_the_loss_of_the_only_holder_loses_the_documents(county: County) -> None:
    row = of(rows(county), "key holders")
    assert (row["state"], "loses 90 days of documents" in row["found"]) == ("warning", True)


def test_doctor_finds_nothing_wrong_with_a_holder_in_step(county: County, second: Path) -> None:
    assert of(rows(county), "key holders")["state"] == "ok"


def test_doctor_says_that_a_holder_is_behind(county: County, second: Path) -> None:
    shutil.rmtree(second)
    top_up(county)
    row = of(rows(county, status=1), "key holders")
    assert (row["state"], "is behind" in row["found"]) == ("wrong", True)


def test_doctor_warns_of_a_holder_in_the_home(county: County) -> None:
    with county.services() as services:
        services.vault._box.replicate(county.home / "second")
    row = of(rows(county), "key holders")
    assert (row["state"], "lies in the home" in row["found"]) == ("warning", True)
