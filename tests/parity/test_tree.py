"""One tree over two protocols [R7]: for each person the same names, sizes, times, bytes, refusals and record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from auth.principal import Door, Kind
from tests.parity.tale import ACTS, SLICES, Told, expected, rows_of, tell
from tests.support.county import County, every_byte_was_granted, serving
from tests.support.drives import Node, dav_drive, sftp_drive
from tests.support.story import ABOUT, Founded, Person

READERS = ("h.head", "s.senco", "b.both", "n.nothing", "r.reader1", "nightly")


@dataclass(frozen=True)
class Both:
    """The story of one person, as each door told it and as the record kept it."""

    county: County
    person: Person
    told: Mapping[Door, Told]

    @property
    def about(self) -> bool:
        return self.person.kind is Kind.PERSON


@pytest.fixture(scope="module")
def stories(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Both]:
    """Everybody's story over both doors, on a server that has ended: only then has the record the last word of each."""
    with serving(founded, tmp_path_factory.mktemp("stories")) as county:
        told = {name: Both(county, county[name], _told(county, county[name])) for name in READERS}
    every_byte_was_granted(county)
    return told


def _told(county: County, person: Person) -> Mapping[Door, Told]:
    with sftp_drive(county, person) as sftp, dav_drive(county, person) as dav:
        return {drive.door: tell(county, person, drive) for drive in (sftp, dav)}


@pytest.fixture(params=READERS)
def both(request: pytest.FixtureRequest, stories: Mapping[str, Both]) -> Both:
    return stories[request.param]


@pytest.mark.parametrize("door", [Door.SFTP, Door.WEBDAV])
def test_the_tree_is_what_the_rules_say(both: Both, door: Door) -> None:
    nodes = {path: node for path, node in both.told[door].nodes.items() if path != f"/{ABOUT}"}
    assert nodes == expected(both.county, both.person)


def test_names_sizes_and_times_are_alike(both: Both) -> None:
    assert both.told[Door.SFTP].nodes == both.told[Door.WEBDAV].nodes


@pytest.mark.parametrize("door", [Door.SFTP, Door.WEBDAV])
def test_looking_at_a_name_says_what_its_folder_says(both: Both, door: Door) -> None:
    assert both.told[door].stats == both.told[door].nodes


@pytest.mark.parametrize("door", [Door.SFTP, Door.WEBDAV])
def test_every_document_arrives_as_it_was_sent(both: Both, door: Door) -> None:
    letters = both.county.visible(both.person)
    contents = {path: data for path, data in both.told[door].contents.items() if path != f"/{ABOUT}"}
    assert contents == {path: letters[path].data for path in contents}
    assert bool(contents) == bool(letters)


def test_the_text_of_the_root_is_the_same_for_every_person_and_absent_for_scripts(both: Both) -> None:
    texts = [told.contents.get(f"/{ABOUT}", b"") for told in both.told.values()]
    nodes = [told.nodes.get(f"/{ABOUT}") for told in both.told.values()]
    assert texts[0] == texts[1]
    assert nodes[0] == (Node(False, len(texts[0]), datetime(2026, 9, 1, tzinfo=UTC)) if both.about else None)
    assert (b"copy, never mirror" in texts[0]) == both.about


def test_slices_are_alike(both: Both) -> None:
    assert both.told[Door.SFTP].slices == both.told[Door.WEBDAV].slices
    contents = max(both.told[Door.SFTP].contents.values(), key=len, default=b"")
    cut = {(start, size): contents[start : start + size] for start, size in SLICES} if contents else {}
    assert both.told[Door.SFTP].slices == cut


@pytest.mark.parametrize("door", [Door.SFTP, Door.WEBDAV])
def test_hidden_foreign_expired_and_missing_are_one_answer(both: Both, door: Door) -> None:
    absences = both.told[door].absences
    assert len(absences) >= 10
    assert {path: said for path, said in absences.items() if said != ["Not found."] * 3} == {}


@pytest.mark.parametrize("door", [Door.SFTP, Door.WEBDAV])
def test_writing_is_refused_with_a_sentence_that_says_whom_to_ask(both: Both, door: Door) -> None:
    refusals = both.told[door].refusals
    assert set(refusals) == set(ACTS)
    assert len(set(refusals.values())) == 1
    assert all("cs.web@derbyshire.gov.uk" in sentence for sentence in refusals.values())


def test_the_record_keeps_the_same_of_both(both: Both) -> None:
    rows = {door: rows_of(both.county, both.person, door) for door in both.told}
    assert rows[Door.SFTP] == rows[Door.WEBDAV]
    assert {row.event for row in rows[Door.SFTP]} >= {"folder:browse", "file:refused", "write:refused"}
