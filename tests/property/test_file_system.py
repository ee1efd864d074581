"""Listing equals opening, and names come back as they were published, on the whole file system [R5] [R7] [R8]."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.principal import Layout
from gateway.errors import FSError, Unavailable
from gateway.names import fault, proposal
from gateway.path import VirtualPath
from gateway.quiet import is_quiet_name
from gateway.tree import FileSystem
from policy import membership, schools
from policy.access import HEADTEACHER
from policy.schools import SchoolState
from tests.support.world import HERE, THERE, World, a_world, path, read, tree

FOLDERS = {HERE: "830-2001 Alder Primary", THERE: "830-2002 Birch Primary"}
CATEGORIES = ("General", "SEND")
MONTHS = ("2026-11 November", "2026-12 December")
ROLES = st.sampled_from([HEADTEACHER, "SENCO", "Office"])


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A document, `hours` after the one before."""

    hours: int
    schools: frozenset[str]
    category: str
    roles: frozenset[str]
    named: bool
    withheld: bool


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What the reader is in one school."""

    role: str
    categories: dict[str, int | None]
    suspended: bool


letters = st.builds(
    Letter,
    hours=st.sampled_from([0, 1, 24 * 9]),
    schools=st.frozensets(st.sampled_from([HERE, THERE]), min_size=1),
    category=st.sampled_from(CATEGORIES),
    roles=st.frozensets(st.sampled_from(["SENCO", "Office"]), max_size=2),
    named=st.booleans(),
    withheld=st.booleans(),
)
holdings = st.builds(
    Holding,
    role=ROLES,
    categories=st.dictionaries(st.sampled_from(CATEGORIES), st.sampled_from([None, None, 24 * 30])),
    suspended=st.sampled_from([False, False, False, True]),
)


@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(st.sampled_from([HERE, THERE]), holdings, min_size=1),
    st.lists(letters, min_size=1, max_size=5),
    st.sampled_from([0, 1, 24 * 31, 24 * 80, 24 * 90, 24 * 91]),
)
def test_what_a_folder_lists_is_what_opens_there(held: dict[str, Holding], published: list[Letter], hours: int) -> None:
    with tempfile.TemporaryDirectory() as folder, a_world(Path(folder)) as world:
        _tell(world, held, published)
        world.pass_time(hours=hours)
        if all(holding.suspended for holding in held.values()):
            return  # nobody comes in
        fs = world.fs("r.reader")
        seen = {place for place in tree_or_errors(fs) if place.endswith(".pdf")}
        assert seen == {
            place
            for school in FOLDERS.values()
            for month in MONTHS
            for category in CATEGORIES
            for number in range(len(published))
            if opens(fs, place := f"/{school}/Derbyshire Documents/{month}/{category}/letter {number}.pdf")
        }


def _tell(world: World, held: dict[str, Holding], published: list[Letter]) -> None:
    world.school(HERE, "Alder Primary")
    world.school(THERE, "Birch Primary")
    world.person("r.reader", {}, layout=Layout.BY_SCHOOL)
    reader, now = world.accounts["r.reader"], world.clock.now()
    for number, letter in enumerate(published):
        world.publish(
            f"letter {number}.pdf",
            letter.schools,
            letter.category,
            roles=letter.roles,
            people=["r.reader"] if letter.named else [],
            not_headteacher="a complaint" if letter.withheld else None,
        )
        world.pass_time(hours=letter.hours)
    with world.changing() as connection:
        for dfe, holding in held.items():
            membership.join(connection, reader, world.schools[dfe], holding.role, now)
            for category, ends in holding.categories.items():
                until = None if ends is None else world.clock.now() + timedelta(hours=ends)
                membership.grant(connection, reader, world.schools[dfe], world.categories[category], now, until)
            if holding.suspended:
                schools.set_state(connection, world.schools[dfe], SchoolState.SUSPENDED)


def tree_or_errors(fs: FileSystem) -> Iterator[str]:
    """Every path, but for what lies in a school that is suspended."""
    for entry in fs.scandir(path("/")):
        try:
            yield from tree(fs, f"/{entry.name}") if entry.attributes.is_folder else [f"/{entry.name}"]
        except Unavailable:
            with pytest.raises(Unavailable):
                fs.stat(path(f"/{entry.name}"))


def opens(fs: FileSystem, place: str) -> bool:
    """Whether `place` opens; if it does not, neither is it there for `stat`, with the same words."""
    try:
        fs.open(path(place)).close()
    except FSError as exc:
        with pytest.raises(type(exc), match=f"^{re.escape(str(exc))}$"):
            fs.stat(path(place))
        return False
    assert not fs.stat(path(place)).is_folder
    return True


# Names

texts = st.text(min_size=1, max_size=40) | st.text("aAéÉßẞſıİΣςσﬁ. ()2'&-", min_size=1, max_size=12)
texts |= st.sampled_from(
    ["desktop.ini", "Thumbs.db", "._letter.pdf", "~$letter.docx", ".DS_Store", "folder.jpg", "CON"]
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("names")) as world:
        world.school(HERE, "Alder Primary")
        world.person("h.head", {HERE: ()}, "Headteacher")
        yield world


@settings(max_examples=50, deadline=None)
@given(texts)
def test_a_published_name_is_listed_as_it_is_and_opens_however_it_is_composed(world: World, text: str) -> None:
    name = proposal(text)
    assert fault(name) is None and not is_quiet_name(name)
    data = name.encode()
    [(_, given_name)] = world.publish(name, HERE, "SEND", data).names
    session = world.session("h.head")
    folder = VirtualPath.parse("/Derbyshire Documents/2026-11 November/SEND")
    assert given_name in [entry.name for entry in session.fs.scandir(folder)]
    for form in ("NFC", "NFD"):
        spelt = unicodedata.normalize(form, given_name)
        assert read(session.fs, f"{folder}/{spelt}") == data
        assert session.fs.stat(VirtualPath.parse(f"{folder}/{spelt}".encode())).size == len(data)
    session.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(texts, min_size=2, max_size=4))
def test_no_two_names_of_a_folder_are_one_to_a_client_without_case(world: World, wanted: list[str]) -> None:
    for text in wanted:
        world.publish(proposal(text), HERE, "General")
    session = world.session("h.head")
    found = [entry.name for entry in session.fs.scandir(path("/Derbyshire Documents/2026-11 November/General"))]
    session.close()
    assert len({unicodedata.normalize("NFC", name).casefold() for name in found}) == len(found)
