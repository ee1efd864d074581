"""Who gives access to whom, and that what is refused is recorded and changes nothing [R21]."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from auth.accounts import AccountRow
from auth.principal import Layout
from gateway.admission import belong, part, stand_in, step_back, withdraw
from gateway.change import Change, NotAllowed
from policy import membership, roster, schools
from policy.access import HEADTEACHER
from policy.audit.events import EventKind, Result
from policy.schools import SchoolRow
from policy.staffing import Refusal
from tests.support.enrolled import People
from tests.support.world import HERE, THERE

Doing = Callable[[Change, AccountRow, SchoolRow], None]


def school(folk: People, dfe: str) -> SchoolRow:
    with folk.world.database.read() as connection:
        return schools.find(connection, dfe)


def attempt(folk: People, actor: str, username: str, dfe: str, doing: Doing) -> None:
    account, where = folk.world.account(username), school(folk, dfe)
    with folk.act(by=actor) as change:
        doing(change, account, where)


def in_role(role: str) -> Doing:
    return lambda change, account, where: belong(change, account, where.dfe, role, ())


def granting(change: Change, account: AccountRow, where: SchoolRow) -> None:
    belong(change, account, where.dfe, None, ["General"])


def acting(change: Change, account: AccountRow, where: SchoolRow) -> None:
    stand_in(change, account, where.dfe, until=change.at + timedelta(days=30), because="ill")


def withdrawing(change: Change, account: AccountRow, where: SchoolRow) -> None:
    withdraw(change, account, where, ["SEND"])


REFUSED: list[tuple[str, str, str, Doing, Refusal, str]] = [
    ("o.office", "s.senco", HERE, granting, Refusal.OTHER_SCHOOL, "grant a category"),
    ("h.head", "t.office", THERE, granting, Refusal.OTHER_SCHOOL, "grant a category"),
    ("h.head", "t.office", THERE, part, Refusal.OTHER_SCHOOL, "remove from the school"),
    ("h.head", "s.senco", THERE, in_role("Governor"), Refusal.OTHER_SCHOOL, "give a role"),
    ("h.head", "s.senco", HERE, in_role(HEADTEACHER), Refusal.AUTHORITY_ALONE, "change the headteacher"),
    ("h.head", "s.senco", HERE, acting, Refusal.AUTHORITY_ALONE, "change the headteacher"),
    ("h.head", "h.head", HERE, acting, Refusal.ONESELF, "change the headteacher"),
    ("h.head", "h.head", HERE, in_role("Governor"), Refusal.ONESELF, "give a role"),
    ("h.head", "h.head", HERE, part, Refusal.ONESELF, "remove from the school"),
    ("h.head", "o.officer", HERE, in_role("Governor"), Refusal.OF_AUTHORITY, "give a role"),
    ("a.acting", "h.head", HERE, part, Refusal.HEADTEACHER, "remove from the school"),
    ("h.head", "a.acting", HERE, step_back, Refusal.AUTHORITY_ALONE, "change the headteacher"),
    ("a.acting", "a.acting", HERE, withdrawing, Refusal.ONESELF, "revoke a category"),
    ("o.officer", "s.senco", HERE, granting, Refusal.OTHER_SCHOOL, "grant a category"),
]


@pytest.fixture
def staffed(folk: People) -> People:
    """A school with staff and an acting headteacher beside its own; another school with an office."""
    world = folk.world
    world.person("s.senco", {HERE: ["SEND"]}, "SENCO")
    world.person("a.acting", {HERE: ["SEND"]}, "DSL")
    world.person("t.office", {THERE: ["SEND"]})
    now = world.clock.now()
    with world.changing() as connection:
        account, at = world.accounts["a.acting"], world.schools[HERE]
        membership.stand_in(connection, account, at, now, until=now + timedelta(days=30))
    return folk


@pytest.mark.parametrize(("actor", "username", "dfe", "doing", "why", "act"), REFUSED)
def test_what_is_refused_is_recorded_and_changes_nothing(
    staffed: People, actor: str, username: str, dfe: str, doing: Doing, why: Refusal, act: str
) -> None:
    world = staffed.world
    before, recorded = _given(staffed, username), len(world.recorded())
    with pytest.raises(NotAllowed) as refused:
        attempt(staffed, actor, username, dfe, doing)
    assert refused.value.reason is why
    [event] = world.recorded()[recorded:]
    assert (event.event, event.result, event.reason) == (EventKind.ACCESS_REFUSED, Result.DENY, f"{act}: {why}")
    assert (event.actor, event.object, event.school) == (
        world.accounts[actor],
        f"account:{world.accounts[username]}",
        world.schools[dfe],
    )
    assert _given(staffed, username) == before


@pytest.mark.parametrize("actor", ["h.head", "a.acting"])
def test_a_headteacher_and_an_acting_one_change_the_staff(staffed: People, actor: str) -> None:
    steps: list[tuple[Doing, list[str]]] = [
        (granting, ["category General", "category SEND", "role SENCO"]),
        (withdrawing, ["category General", "role SENCO"]),
        (in_role("DSL"), ["role DSL"]),
        (part, []),
    ]
    for doing, left in steps:
        attempt(staffed, actor, "s.senco", HERE, doing)
        assert _given(staffed, "s.senco") == left


def test_an_executive_head_changes_the_staff_of_each_own_school_and_of_no_other(staffed: People) -> None:
    world = staffed.world
    world.school("830-2003")
    world.person("x.office", {"830-2003": ()})
    world.person("e.executive", {THERE: ()}, HEADTEACHER, layout=Layout.BY_SCHOOL)
    with pytest.raises(NotAllowed):
        attempt(staffed, "e.executive", "x.office", "830-2003", granting)
    with world.changing() as connection:
        account, at = world.accounts["e.executive"], world.schools["830-2003"]
        membership.join(connection, account, at, HEADTEACHER, world.clock.now())
    for username, dfe in (("x.office", "830-2003"), ("t.office", THERE)):
        attempt(staffed, "e.executive", username, dfe, granting)
        assert "category General" in _given(staffed, username)
    with pytest.raises(NotAllowed):
        attempt(staffed, "e.executive", "s.senco", HERE, granting)


def test_a_trusts_script_is_granted_by_each_headteacher_for_the_own_school(staffed: People) -> None:
    world = staffed.world
    world.service("trust-it", "h.head", {HERE: (), THERE: ()})
    attempt(staffed, "h.head", "trust-it", HERE, granting)
    with pytest.raises(NotAllowed):
        attempt(staffed, "h.head", "trust-it", THERE, granting)
    with world.database.read() as connection:
        held = roster.belongings(connection, world.accounts["trust-it"], world.clock.now())
    assert {one.dfe: one.categories for one in held} == {HERE: ("General",), THERE: ()}


def test_what_is_given_keeps_by_whom_and_why(staffed: People) -> None:
    account = staffed.world.account("s.senco")
    with staffed.act(by="h.head") as change:
        belong(change, account, HERE, None, ["General"], because=" for the review ")
        [given] = [
            one for one in roster.given(change.connection, account.id, change.at) if one.what == "category General"
        ]
    assert (given.given_by, given.why) == ("h.head", "for the review")
    assert staffed.reasons(EventKind.ACCESS_GRANTED)[-1] == "category General: for the review"


def _given(folk: People, username: str) -> list[str]:
    world = folk.world
    with world.database.read() as connection:
        given = roster.given(connection, world.accounts[username], world.clock.now())
    return sorted(one.what for one in given)
