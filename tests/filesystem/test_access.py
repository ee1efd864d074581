"""Who sees what, how alike absences look, and that an obstacle is never one of them [R5] [R19] [R32]."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from auth import accounts
from auth.principal import AccountState, Layout
from auth.verdicts import Refusal
from gateway.errors import FSError, NotFound, Unavailable
from gateway.tree import FileSystem
from policy import membership, schools
from policy.schools import SchoolState
from tests.support.people import SERVICE_LIFE
from tests.support.world import HERE, THERE, World, names, path, read, tree

DOCUMENTS = "/Derbyshire Documents"
NOVEMBER = f"{DOCUMENTS}/2026-11 November"
SEND = f"{NOVEMBER}/SEND"
LETTER = f"{SEND}/letter.pdf"


@pytest.mark.parametrize(
    ("title", "publish"),
    [
        ("never there", lambda world: None),
        ("another school's", lambda world: world.publish("letter.pdf", THERE, "SEND")),
        ("for another role", lambda world: world.publish("letter.pdf", HERE, "SEND", roles=["SENCO"])),
        ("for another person", lambda world: world.publish("letter.pdf", HERE, "SEND", people=["n.nothing"])),
        ("past its last day", lambda world: world.publish("letter.pdf", HERE, "SEND") and world.pass_time(days=91)),
    ],
)
def test_every_absence_is_one_answer(world: World, title: str, publish: Callable[[World], object]) -> None:
    publish(world)
    fs = world.fs("o.office")
    assert refusals(fs, LETTER) == [(NotFound, "Not found.")] * 3, title
    assert refusals(fs, SEND) == [(NotFound, "Not found.")] * 3, title
    assert tree(fs) == [DOCUMENTS, "/About this drive.txt"]


def test_a_category_that_was_not_granted_is_absent_like_one_that_does_not_exist(world: World) -> None:
    world.publish("letter.pdf", HERE, "Shared Services HR")
    fs = world.fs("o.office")
    for category in ("Shared Services HR", "No such category"):
        for place in (f"{NOVEMBER}/{category}", f"{NOVEMBER}/{category}/letter.pdf"):
            assert refusals(fs, place) == [(NotFound, "Not found.")] * 3


def test_a_headteacher_sees_every_category_and_every_audience_of_the_own_school(world: World) -> None:
    for category in world.categories:
        world.publish("letter.pdf", HERE, category, roles=["SENCO"])
        world.publish("letter.pdf", THERE, category)
    found = tree(world.fs("h.head"), NOVEMBER)
    assert sum(place.endswith(".pdf") for place in found) == len(world.categories)


def test_a_document_withheld_from_the_headteacher_does_not_exist_for_the_headteacher(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND", not_headteacher="a complaint about the headteacher")
    assert refusals(world.fs("h.head"), LETTER) == [(NotFound, "Not found.")] * 3
    assert read(world.fs("o.office"), LETTER)


def test_an_audience_is_of_roles_or_of_named_people(world: World) -> None:
    world.person("s.senco", {HERE: ["SEND"]}, "SENCO")
    world.publish("role.pdf", HERE, "SEND", roles=["SENCO"])
    world.publish("person.pdf", HERE, "SEND", people=["o.office"])
    assert names(world.fs("s.senco"), SEND) == ["role.pdf"]
    assert names(world.fs("o.office"), SEND) == ["person.pdf"]


def test_being_named_opens_no_category_that_was_not_granted(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND", people=["n.nothing"])
    assert refusals(world.fs("n.nothing"), LETTER) == [(NotFound, "Not found.")] * 3


def test_a_grant_ends_at_its_own_moment_also_for_an_open_document(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    world.grant("n.nothing", HERE, "SEND", expires_at=world.clock.now() + timedelta(seconds=2))
    fs = world.fs("n.nothing")
    with fs.open(path(LETTER)) as handle:
        world.clock.advance(seconds=1)
        assert handle.pread(0, 1)
        world.clock.advance(seconds=1)
        with pytest.raises(NotFound):
            handle.pread(0, 1)
    assert names(fs, DOCUMENTS) == []


# What was taken away


def _revoke(world: World) -> None:
    world.revoke("o.office", HERE, "SEND")


def _change_role(world: World) -> None:
    with world.changing() as connection:
        membership.join(connection, world.accounts["o.office"], world.schools[HERE], "Governor", world.clock.now())


@pytest.mark.parametrize("take_away", [_revoke, _change_role])
def test_what_is_taken_away_is_gone_from_an_open_session_and_handle_within_five_seconds(
    world: World, take_away: Callable[[World], None]
) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    fs = world.fs("o.office")
    with fs.open(path(LETTER)) as handle:
        take_away(world)
        world.clock.advance(seconds=5)
        assert handle.cached(0, 1) is None
        with pytest.raises(NotFound):
            handle.pread(0, 1)
    assert names(fs, DOCUMENTS) == []


@pytest.mark.parametrize("step", [0.3, 0.4, 0.7])
def test_five_seconds_hold_however_polls_and_checks_fall(world: World, step: float) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    for steps_before in range(1, 20):
        world.grant("o.office", HERE, "SEND")
        world.clock.advance(seconds=2)
        session = world.session("o.office")
        names(session.fs, SEND)
        world.clock.advance(seconds=2)
        with session.fs.open(path(LETTER)) as handle:
            for _ in range(steps_before):
                world.clock.advance(seconds=step)
                assert handle.pread(0, 1)
                names(session.fs, SEND)
            _revoke(world)
            end = world.clock.now() + timedelta(seconds=5)
            while world.clock.now() + timedelta(seconds=step) < end:
                world.clock.advance(seconds=step)
                with suppress(NotFound):  # it may be noticed sooner
                    handle.pread(0, 1)
            world.clock.advance(seconds=(end - world.clock.now()).total_seconds())
            assert handle.cached(0, 1) is None
            with pytest.raises(NotFound):
                handle.pread(0, 1)
        session.close()


def test_what_is_taken_away_ends_also_while_the_clock_stands_behind(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    world.pass_time(minutes=1)
    with world.fs("o.office").open(path(LETTER)) as handle:
        world.clock.set(world.clock.now() - timedelta(hours=1))
        world.revoke("o.office", HERE, "SEND")
        before = world.clock.now()
        world.clock.advance(seconds=5)
        assert world.clock.now() - before == timedelta(seconds=5)
        assert handle.cached(0, 1) is None
        with pytest.raises(NotFound):
            handle.pread(0, 1)


def test_what_is_granted_appears_in_an_open_session(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    fs = world.fs("n.nothing")
    assert names(fs, DOCUMENTS) == []
    world.grant("n.nothing", HERE, "SEND")
    world.clock.advance(seconds=1)
    assert names(fs, SEND) == ["letter.pdf"]


# Obstacles


def _suspend_school(world: World) -> None:
    with world.changing() as connection:
        schools.set_state(connection, world.schools[HERE], SchoolState.SUSPENDED)


def _suspend_account(world: World) -> None:
    with world.changing() as connection:
        accounts.set_state(connection, world.accounts["o.office"], AccountState.SUSPENDED, world.clock.now())


def _leave(world: World) -> None:
    with world.changing() as connection:
        accounts.set_state(connection, world.accounts["o.office"], AccountState.LEFT, world.clock.now())


def _leave_school(world: World) -> None:
    with world.changing() as connection:
        membership.leave(connection, world.accounts["o.office"], world.schools[HERE], world.clock.now())


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (_suspend_school, "this school is suspended"),
        (_suspend_account, "account is suspended"),
        (_leave, "account has ended"),
        (_leave_school, "belongs to no school"),
    ],
)
def test_an_obstacle_is_an_error_everywhere_and_never_emptiness(
    world: World, happens: Callable[[World], None], said: str
) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    fs = world.fs("o.office")
    handle = fs.open(path(LETTER))
    happens(world)
    world.clock.advance(seconds=5)
    for place in ("/", DOCUMENTS, NOVEMBER, SEND, LETTER, f"{SEND}/nothing.pdf", "/About this drive.txt"):
        for kind, message in refusals(fs, place):
            assert kind is Unavailable and said in message
    for act in (fs.usage, lambda: handle.pread(0, 1)):
        with pytest.raises(Unavailable, match=said) as caught:
            act()
        assert caught.value.standing
    handle.close()


def test_a_script_whose_time_is_over_meets_an_error(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    world.service("nightly", "h.head", {HERE: ["SEND"]})
    begun = world.clock.now()
    for days in (80, 160, 240):  # a device password that nobody uses ends by itself
        world.pass_until(begun + timedelta(days=days))
        world.principal("nightly")
    world.pass_until(begun + SERVICE_LIFE - timedelta(seconds=1))
    fs = world.fs("nightly")
    assert names(fs, "/") == ["830-2001 Alder Primary"]
    world.pass_time(seconds=1)
    for kind, _ in refusals(fs, "/"):
        assert kind is Unavailable


def test_who_may_not_come_in_is_told_why_at_the_door(world: World) -> None:
    world.principal("o.office")
    _suspend_school(world)
    outcome = world.try_signing_in("o.office")
    assert isinstance(outcome, Refusal)
    assert outcome.message is not None and "school is suspended" in outcome.message


def test_with_several_schools_the_suspended_one_stays_listed_and_is_an_error_inside(world: World) -> None:
    world.person("b.both", {HERE: ["SEND"], THERE: ["SEND"]}, layout=Layout.BY_SCHOOL)
    world.publish("letter.pdf", [HERE, THERE], "SEND")
    alder, birch = "/830-2001 Alder Primary", "/830-2002 Birch Primary"
    _suspend_school(world)
    fs = world.fs("b.both")
    assert names(fs, "/") == [alder[1:], birch[1:], "About this drive.txt"]
    assert read(fs, birch + LETTER)
    for place in (alder, alder + DOCUMENTS, alder + SEND, alder + LETTER, f"{alder}/no such thing"):
        for kind, message in refusals(fs, place):
            assert kind is Unavailable and "this school is suspended" in message
    with pytest.raises(NotFound):
        fs.stat(path("/830-2003 No such school"))


def test_with_several_schools_all_suspended_nothing_is_listed(world: World) -> None:
    world.person("b.both", {HERE: ["SEND"], THERE: ["SEND"]}, layout=Layout.BY_SCHOOL)
    fs = world.fs("b.both")
    with world.changing() as connection:
        for school in world.schools.values():
            schools.set_state(connection, school, SchoolState.SUSPENDED)
    world.clock.advance(seconds=1)
    assert {kind for kind, _ in refusals(fs, "/")} == {Unavailable}


def refusals(fs: FileSystem, place: str) -> list[tuple[type[FSError], str]]:
    """How stat, scandir and open refuse `place`: the error's kind and its words."""
    found = []
    for act in (fs.stat, fs.scandir, fs.open):
        with pytest.raises(FSError) as caught:
            act(path(place))
        found.append((caught.type, str(caught.value)))
    return found
