"""Roles that end by themselves and acting headteachers, on both databases [R5] [R21]."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert

from auth.principal import Door, Factor, Layout, Principal
from auth.verdicts import Verdict
from config.errors import OperatorError
from policy import membership, roster
from policy.access import HEADTEACHER, Reason, Scope
from policy.doors import PolicyDoors
from policy.holdings import scope_for
from policy.models import SchoolNetwork
from policy.reach import schools_reached
from tests.support.world import HERE, NETWORK, OFFICER, THERE, World

DAYS = timedelta(days=10)


def stand_in(world: World, username: str, dfe: str = HERE, days: timedelta = DAYS) -> None:
    """Let somebody act as the headteacher of a school for `days` from now."""
    now = world.clock.now()
    with world.changing() as connection:
        membership.stand_in(
            connection,
            world.accounts[username],
            world.schools[dfe],
            now,
            until=now + days,
            given_by=world.accounts[OFFICER],
            why="on maternity leave",
        )


def join(world: World, username: str, dfe: str, role: str, days: timedelta | None = None) -> None:
    now = world.clock.now()
    with world.changing() as connection:
        until = None if days is None else now + days
        membership.join(connection, world.accounts[username], world.schools[dfe], role, now, until=until)


def held(world: World, principal: Principal, later: timedelta = timedelta()) -> Scope:
    with world.database.read() as connection:
        return scope_for(connection, principal, world.clock.now() + later)


def categories(world: World, principal: Principal, later: timedelta = timedelta()) -> set[int]:
    """What may be read of the first school, as the scope of that moment says."""
    school = held(world, principal, later).schools.get(world.schools[HERE])
    return set() if school is None else set(school.categories_at(world.clock.now() + later))


def test_an_acting_headteacher_holds_all_and_afterwards_what_was_held_before(world: World) -> None:
    principal, own = world.principal("o.office"), {world.categories[name] for name in ("General", "SEND")}
    stand_in(world, "o.office")
    before = categories(world, principal, DAYS - timedelta(microseconds=1))
    assert (before, categories(world, principal, DAYS)) == (set(world.categories.values()), own)


def test_a_scope_that_was_read_before_the_end_judges_as_one_that_is_read_after(world: World) -> None:
    principal, now = world.principal("o.office"), world.clock.now()
    stand_in(world, "o.office")
    school = world.schools[HERE]
    earlier, later = held(world, principal).schools[school], held(world, principal, DAYS).schools[school]
    for at in (now + DAYS, now + 2 * DAYS):
        assert earlier.categories_at(at) == later.categories_at(at)
        assert earlier.roles_at(at) == later.roles_at(at) == {"Office"}
    assert (held(world, principal).until(now), held(world, principal, DAYS).until(now + DAYS)) == (now + DAYS, None)


def test_a_grant_beyond_the_acting_ends_when_it_would_have(world: World) -> None:
    principal, now = world.principal("o.office"), world.clock.now()
    world.grant("o.office", HERE, "SEND", expires_at=now + 2 * DAYS)
    stand_in(world, "o.office")
    ends = held(world, principal).schools[world.schools[HERE]].categories
    assert ends[world.categories["SEND"]] == now + 2 * DAYS
    assert ends[world.categories["General"]] is None
    assert ends[world.categories["EHSG Report Confidential"]] == now + DAYS


def test_both_the_holder_of_the_post_and_the_acting_one_head_the_school(world: World) -> None:
    stand_in(world, "o.office")
    now, school = world.clock.now(), world.schools[HERE]
    both = [world.accounts["h.head"], world.accounts["o.office"]]
    with world.database.read() as connection:
        assert roster.heads_of(connection, school, now) == both
        assert roster.heads_of(connection, school, now + DAYS) == both[:1]
        assert roster.headteachers(connection) == {HERE: "h.head"}
        assert roster.party(connection, both[1], now).heads == {school}
        assert roster.party(connection, both[1], now + DAYS).heads == frozenset()


def test_a_role_goes_on_beside_the_acting_and_may_change_meanwhile(world: World) -> None:
    principal = world.principal("o.office")
    stand_in(world, "o.office")
    join(world, "o.office", HERE, "DSL")
    assert held(world, principal).schools[world.schools[HERE]].roles_at(world.clock.now()) == {"DSL", HEADTEACHER}
    assert categories(world, principal, DAYS) == set()


def test_the_acting_ends_before_its_time_without_the_role_beside_it(world: World) -> None:
    principal, school, now = world.principal("o.office"), world.schools[HERE], world.clock.now()
    stand_in(world, "o.office")
    with world.changing() as connection:
        ended = [membership.step_back(connection, principal.account_id, school, now) for _ in range(2)]
    assert ended == [1, 0]
    assert categories(world, principal) == {world.categories[name] for name in ("General", "SEND")}


def test_acting_again_moves_the_end(world: World) -> None:
    stand_in(world, "o.office")
    stand_in(world, "o.office", days=3 * DAYS)
    with world.database.read() as connection:
        [belonging] = roster.belongings(connection, world.accounts["o.office"], world.clock.now())
    assert (belonging.role, belonging.acting_until) == ("Office", world.clock.now() + 3 * DAYS)


def test_of_a_school_one_acts_at_a_time(world: World) -> None:
    world.person("s.senco", {HERE: ()}, "SENCO")
    stand_in(world, "o.office")
    with pytest.raises(OperatorError, match=r"acting headteacher already \(o.office, until "):
        stand_in(world, "s.senco")
    world.clock.advance(days=DAYS.days)
    stand_in(world, "s.senco")


def test_neither_the_headteacher_nor_a_script_acts(world: World) -> None:
    world.service("nightly", "h.head", {HERE: ["SEND"]})
    for username, words in (("h.head", "is the headteacher"), ("nightly", "is a person")):
        with pytest.raises(OperatorError, match=words):
            stand_in(world, username)


def test_a_headteacher_is_named_while_another_acts_and_whoever_acts_may_be_the_one(world: World) -> None:
    world.person("a.acting", {THERE: ()})
    stand_in(world, "a.acting", THERE)
    join(world, "a.acting", THERE, HEADTEACHER)
    with world.database.read() as connection:
        assert roster.heads_of(connection, world.schools[THERE], world.clock.now() + DAYS) == [
            world.accounts["a.acting"]
        ]


def test_who_comes_from_outside_to_act_holds_nothing_afterwards(world: World) -> None:
    world.person("a.acting", {})
    stand_in(world, "a.acting")
    principal = world.principal("a.acting")
    assert categories(world, principal) == set(world.categories.values())
    after = held(world, principal, DAYS)
    assert (dict(after.schools), after.obstacle) == ({}, Reason.NO_SCHOOL)
    assert held(world, principal).obstacle_at(world.clock.now() + DAYS) is Reason.NO_SCHOOL


def test_a_head_elsewhere_acts_here_beside_the_own_school_with_folders_alone(world: World) -> None:
    world.person("t.head", {THERE: ()}, HEADTEACHER)
    with pytest.raises(OperatorError, match="by-school"):
        stand_in(world, "t.head")
    world.person("e.executive", {}, layout=Layout.BY_SCHOOL)
    join(world, "e.executive", HERE, "Governor")
    stand_in(world, "e.executive")
    assert categories(world, world.principal("e.executive")) == set(world.categories.values())


# Roles for a time


def test_a_role_ends_by_itself_with_all_that_was_granted_in_it(world: World) -> None:
    world.person("c.cover", {})
    join(world, "c.cover", HERE, "SENCO", DAYS)
    world.grant("c.cover", HERE, "SEND")
    principal = world.principal("c.cover")
    assert categories(world, principal, DAYS - timedelta(microseconds=1)) == {world.categories["SEND"]}
    assert held(world, principal, DAYS).obstacle is Reason.NO_SCHOOL


def test_the_same_role_with_another_end_keeps_its_grants(world: World) -> None:
    principal = world.principal("o.office")
    join(world, "o.office", HERE, "Office", DAYS)
    kept = categories(world, principal)
    join(world, "o.office", HERE, "Office")
    assert len(kept) == 2
    assert categories(world, principal, 2 * DAYS) == kept


@pytest.mark.parametrize("again", ["join", "stand in"])
def test_grants_of_a_role_that_ended_do_not_come_back(world: World, again: str) -> None:
    world.person("c.cover", {})
    join(world, "c.cover", HERE, "SENCO", DAYS)
    world.grant("c.cover", HERE, "SEND")
    world.clock.advance(days=DAYS.days)
    if again == "join":
        join(world, "c.cover", HERE, "SENCO")
    else:
        stand_in(world, "c.cover")
        join(world, "c.cover", HERE, "Office")
        world.clock.advance(days=DAYS.days)
    assert categories(world, world.principal("c.cover")) == set()


def test_a_headteacher_for_a_time_is_an_acting_one(world: World) -> None:
    with pytest.raises(OperatorError, match="--acting"):
        join(world, "o.office", THERE, HEADTEACHER, DAYS)


@pytest.mark.parametrize("days", [timedelta(), -DAYS])
def test_what_would_be_over_already_is_not_given(world: World, days: timedelta) -> None:
    with pytest.raises(OperatorError, match="a later day"):
        stand_in(world, "o.office", days=days)
    with pytest.raises(OperatorError, match="a later day"):
        join(world, "o.office", HERE, "DSL", days)


def test_nothing_is_granted_in_a_role_that_has_ended(world: World) -> None:
    world.person("c.cover", {})
    join(world, "c.cover", HERE, "SENCO", DAYS)
    world.clock.advance(days=DAYS.days)
    with pytest.raises(OperatorError, match="give it a role there first"):
        world.grant("c.cover", HERE, "SEND")


def test_the_door_opens_until_the_last_role_ends(world: World) -> None:
    world.person("c.cover", {})
    join(world, "c.cover", HERE, "SENCO", DAYS)
    account, factors, now = world.account("c.cover"), frozenset({Factor.DEVICE_PASSWORD}), world.clock.now()

    def verdict(later: timedelta) -> Verdict:
        with world.database.read() as connection:
            return PolicyDoors().judge(connection, account, Door.WEBDAV, factors, "192.0.2.7", now + later)

    assert [verdict(later).reason for later in (DAYS - timedelta(microseconds=1), DAYS)] == ["granted", "no school"]


def test_the_networks_of_a_school_are_known_places_until_the_role_ends(world: World) -> None:
    world.person("c.cover", {})
    join(world, "c.cover", HERE, "SENCO", DAYS)
    account, now = world.accounts["c.cover"], world.clock.now()
    with world.database.write() as connection:
        connection.execute(insert(SchoolNetwork).values(school_id=world.schools[HERE], network=NETWORK))
    with world.database.read() as connection:
        found = [list(PolicyDoors().known_networks(connection, account, now + later)) for later in (timedelta(), DAYS)]
    assert found == [[NETWORK], []]


def test_a_school_is_not_reached_through_a_role_that_has_ended(world: World) -> None:
    world.person("a.acting", {})
    stand_in(world, "a.acting", THERE)
    with world.database.read() as connection:
        reached = [
            schools_reached(
                connection,
                [world.schools[THERE]],
                world.categories["SEND"],
                audience=None,
                not_headteacher=withheld,
                at=world.clock.now() + later,
            )
            for later, withheld in ((timedelta(), False), (timedelta(), True), (DAYS, False))
        ]
    assert reached == [{world.schools[THERE]}, set(), set()]


# By whom, and why


def test_everything_held_says_by_whom_and_why_and_until_when(world: World) -> None:
    now, office = world.clock.now(), world.accounts["o.office"]
    stand_in(world, "o.office")
    world.grant("o.office", HERE, "General", expires_at=now + DAYS, given_by=world.accounts["h.head"], why="for a trip")
    with world.database.read() as connection:
        found = roster.given(connection, office, now)
        later = roster.given(connection, office, now + DAYS)
    assert [(one.what, one.until, one.given_by, one.why) for one in found] == [
        ("role Office", None, None, ""),
        ("role Headteacher", now + DAYS, OFFICER, "on maternity leave"),
        ("category SEND", None, None, ""),
        ("category General", now + DAYS, "h.head", "for a trip"),
    ]
    assert [one.what for one in later] == ["role Office", "category SEND"]


def test_acting_is_shown_among_the_members_and_not_exported(world: World) -> None:
    stand_in(world, "o.office")
    now = world.clock.now()
    with world.database.read() as connection:
        members = roster.members(connection, world.schools[HERE], now)
        every = roster.every_belonging(connection, now)
    assert [(m.username, m.role, m.acting_until) for m in members] == [
        ("h.head", "Headteacher", None),
        ("o.office", "Office", now + DAYS),
    ]
    assert every[world.accounts["o.office"]] == [(HERE, "Office", ("General", "SEND"))]


def test_standing_in_begins_on_its_day(world: World) -> None:
    principal, now = world.principal("o.office"), world.clock.now()
    own = {world.categories[name] for name in ("General", "SEND")}
    with world.changing() as connection:
        membership.stand_in(
            connection,
            world.accounts["o.office"],
            world.schools[HERE],
            now,
            until=now + 2 * DAYS,
            begins_at=now + DAYS,
        )
    before = categories(world, principal, DAYS - timedelta(microseconds=1))
    assert (before, categories(world, principal, DAYS)) == (own, set(world.categories.values()))


def test_nobody_stands_in_where_somebody_will_at_that_time(world: World) -> None:
    now = world.clock.now()
    world.person("s.senco", {HERE: ["SEND"]}, "SENCO")
    with world.changing() as connection:
        membership.stand_in(
            connection,
            world.accounts["o.office"],
            world.schools[HERE],
            now,
            until=now + 3 * DAYS,
            begins_at=now + DAYS,
        )
    with pytest.raises(OperatorError, match="has an acting headteacher already"):
        stand_in(world, "s.senco", days=2 * DAYS)
    stand_in(world, "s.senco", days=DAYS)


def test_a_grant_begins_on_its_day_beside_the_one_that_is_there(world: World) -> None:
    principal, now = world.principal("o.office"), world.clock.now()
    category = world.categories["SEND"]
    world.grant("o.office", HERE, "SEND", expires_at=now + DAYS)
    with world.changing() as connection:
        place = (world.accounts["o.office"], world.schools[HERE], category)
        membership.grant(connection, *place, now, begins_at=now + 2 * DAYS)
    moments = [timedelta(), DAYS, 2 * DAYS - timedelta(microseconds=1), 2 * DAYS]
    assert [category in categories(world, principal, later) for later in moments] == [True, False, False, True]


def test_a_grant_that_begins_later_ends_with_its_category(world: World) -> None:
    principal, now = world.principal("o.office"), world.clock.now()
    place = (world.accounts["o.office"], world.schools[HERE], world.categories["SEND"])
    with world.changing() as connection:
        membership.grant(connection, *place, now, begins_at=now + DAYS)
        membership.revoke(connection, *place, now)
    assert world.categories["SEND"] not in categories(world, principal, DAYS)


def test_nothing_begins_in_the_past(world: World) -> None:
    now = world.clock.now()
    place = (world.accounts["o.office"], world.schools[HERE], world.categories["SEND"])
    with world.changing() as connection, pytest.raises(OperatorError, match="would have begun already"):
        membership.grant(connection, *place, now, begins_at=now)
