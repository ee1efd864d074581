"""A role that ends by itself, in open sessions and handles, at its moment and not before [R5] [R32]."""

from __future__ import annotations

from datetime import timedelta

import pytest

from auth.principal import Layout
from gateway.errors import NotFound, Unavailable
from policy import membership
from tests.support.world import HERE, THERE, World, names, path, read

DOCUMENTS = "/Derbyshire Documents"
NOVEMBER = f"{DOCUMENTS}/2026-11 November"
LETTER = f"{NOVEMBER}/SEND/letter.pdf"


def stand_in(world: World, username: str, seconds: float = 2) -> None:
    now = world.clock.now()
    with world.changing() as connection:
        account, school = world.accounts[username], world.schools[HERE]
        membership.stand_in(connection, account, school, now, until=now + timedelta(seconds=seconds))


def test_what_an_acting_headteacher_sees_ends_at_its_moment_also_for_an_open_document(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND", roles=["DSL"])
    stand_in(world, "n.nothing")
    fs = world.fs("n.nothing")
    with fs.open(path(LETTER)) as handle:
        world.clock.advance(seconds=1.999999)
        assert handle.pread(0, 1)
        world.clock.advance(seconds=0.000001)
        assert handle.cached(0, 1) is None
        with pytest.raises(NotFound):
            handle.pread(0, 1)
    assert names(fs, DOCUMENTS) == []


def test_what_is_withheld_from_the_headteacher_is_from_an_acting_one_while_it_acts(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND", not_headteacher="a complaint about the headteacher")
    fs = world.fs("o.office")
    assert read(fs, LETTER)
    stand_in(world, "o.office")
    world.clock.advance(seconds=1)
    with pytest.raises(NotFound):
        fs.open(path(LETTER))
    world.clock.advance(seconds=1)
    assert read(fs, LETTER)


def test_the_end_of_the_last_role_is_an_obstacle_and_never_emptiness(world: World) -> None:
    world.person("a.acting", {})
    world.publish("letter.pdf", HERE, "SEND")
    stand_in(world, "a.acting")
    fs = world.fs("a.acting")
    with fs.open(path(LETTER)) as handle:
        assert names(fs, DOCUMENTS) == ["2026-11 November"]
        world.clock.advance(seconds=2)
        for act in (lambda: handle.pread(0, 1), lambda: names(fs, "/"), lambda: fs.stat(path(LETTER)), fs.usage):
            with pytest.raises(Unavailable, match="belongs to no school"):
                act()
    assert not hasattr(world.try_signing_in("a.acting"), "account_id")


def test_the_folder_of_a_school_goes_at_the_moment_in_which_the_role_there_ends(world: World) -> None:
    world.person("e.executive", {THERE: ()}, "Headteacher", layout=Layout.BY_SCHOOL)
    stand_in(world, "e.executive")
    fs = world.fs("e.executive")
    folders = [name for name in names(fs, "/") if name.startswith("830-")]
    world.clock.advance(seconds=2)
    assert len(folders) == 2
    assert [name for name in names(fs, "/") if name.startswith("830-")] == folders[1:]
    with pytest.raises(NotFound):
        names(fs, f"/{folders[0]}")


def test_an_executive_head_reads_all_of_each_school_in_its_folder(world: World) -> None:
    world.person("e.executive", {THERE: ()}, "Headteacher", layout=Layout.BY_SCHOOL)
    stand_in(world, "e.executive", seconds=3600)
    for dfe in (HERE, THERE):
        world.publish("letter.pdf", dfe, "SEND", dfe.encode(), roles=["DSL"])
    fs = world.fs("e.executive")
    found = [read(fs, f"/{name}{LETTER}") for name in names(fs, "/") if name.startswith("830-")]
    assert found == [HERE.encode(), THERE.encode()]
