"""What everybody holds, as `scope_for` reads it: one story for each kind of account [R5] [R6] [R32]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from auth import accounts
from auth.models import Account, Device
from auth.principal import AccountState, Layout, Principal
from policy import membership, schools
from policy.access import Reason, SchoolScope, Scope
from policy.holdings import scope_for
from policy.schools import SchoolState, folder_name
from tests.support.world import HERE, THERE, World, a_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path) as world:
        world.school(HERE, "Alder Primary")
        world.school(THERE, "Birch Primary")
        world.person("h.head", {HERE: ()}, "Headteacher")
        world.person("s.senco", {HERE: ["SEND"]}, "SENCO")
        yield world


def held(world: World, principal: Principal) -> Scope:
    """What `principal` holds now."""
    with world.database.read() as connection:
        return scope_for(connection, principal, world.clock.now())


def school_of(scope: Scope) -> SchoolScope:
    """The one school of a scope that nothing stands in the way of."""
    assert scope.obstacle is None
    [school] = scope.schools.values()
    return school


def test_a_headteacher_holds_every_category_without_a_grant(world: World) -> None:
    school = school_of(held(world, world.principal("h.head")))
    assert school.is_headteacher_at(world.clock.now())
    assert dict(school.categories) == dict.fromkeys(world.categories.values())


def test_a_headteacher_of_several_schools_holds_every_category_of_each(world: World) -> None:
    world.person("e.executive", {THERE: ()}, "Headteacher", layout=Layout.BY_SCHOOL)
    world.school("830-2003")
    with world.changing() as connection:
        account, school = world.accounts["e.executive"], world.schools["830-2003"]
        membership.join(connection, account, school, "Headteacher", world.clock.now())
    scope = held(world, world.principal("e.executive"))
    assert set(scope.schools) == {world.schools[THERE], world.schools["830-2003"]}
    assert all(len(school.categories) == len(world.categories) for school in scope.schools.values())


def test_other_staff_hold_what_was_granted(world: World) -> None:
    world.grant("s.senco", HERE, "General", expires_at=world.clock.now() + timedelta(days=30))
    school = school_of(held(world, world.principal("s.senco")))
    assert school.roles == {"SENCO": None}
    assert dict(school.categories) == {
        world.categories["SEND"]: None,
        world.categories["General"]: world.clock.now() + timedelta(days=30),
    }
    assert school.categories_at(world.clock.now() + timedelta(days=30)) == {world.categories["SEND"]}


def test_who_was_granted_nothing_holds_a_school_without_categories(world: World) -> None:
    world.person("n.nothing", {HERE: ()})
    assert dict(school_of(held(world, world.principal("n.nothing"))).categories) == {}


def test_the_grants_of_one_school_open_nothing_in_another(world: World) -> None:
    world.person("b.both", {HERE: ["SEND"], THERE: ["General"]}, "Business manager", layout=Layout.BY_SCHOOL)
    scope = held(world, world.principal("b.both"))
    assert {world.schools[HERE]: {world.categories["SEND"]}, world.schools[THERE]: {world.categories["General"]}} == {
        number: set(school.categories) for number, school in scope.schools.items()
    }


def test_a_script_holds_what_was_granted_also_when_a_headteacher_owns_it(world: World) -> None:
    world.service("nightly", "h.head", {HERE: ["SEND"], THERE: ["SEND"]})
    scope = held(world, world.principal("nightly"))
    assert [set(school.categories) for school in scope.schools.values()] == [{world.categories["SEND"]}] * 2
    assert not any(school.is_headteacher_at(world.clock.now()) for school in scope.schools.values())


def test_an_officer_holds_no_school_even_as_a_member_of_one(world: World) -> None:
    with world.changing() as connection:
        membership.join(connection, world.accounts["o.officer"], world.schools[HERE], "Governor", world.clock.now())
    scope = held(world, world.officers_principal())
    assert (dict(scope.schools), scope.obstacle) == ({}, None)


def test_a_change_of_role_ends_what_the_first_one_held(world: World) -> None:
    principal = world.principal("s.senco")
    with world.changing() as connection:
        membership.join(connection, principal.account_id, world.schools[HERE], "Governor", world.clock.now())
    school = school_of(held(world, principal))
    assert school.roles == {"Governor": None} and not school.categories


def test_a_headteacher_who_steps_down_holds_nothing_of_it(world: World) -> None:
    principal = world.principal("h.head")
    with world.changing() as connection:
        membership.join(connection, principal.account_id, world.schools[HERE], "Governor", world.clock.now())
    assert dict(school_of(held(world, principal)).categories) == {}


def test_who_comes_back_to_a_school_begins_without_grants(world: World) -> None:
    principal = world.principal("s.senco")
    with world.changing() as connection:
        membership.leave(connection, principal.account_id, world.schools[HERE], world.clock.now())
        membership.join(connection, principal.account_id, world.schools[HERE], "SENCO", world.clock.now())
    assert dict(school_of(held(world, principal)).categories) == {}


# Obstacles


def _suspended(world: World) -> None:
    with world.changing() as connection:
        accounts.set_state(connection, world.accounts["s.senco"], AccountState.SUSPENDED, world.clock.now())


def _left(world: World) -> None:
    with world.changing() as connection:
        accounts.set_state(connection, world.accounts["s.senco"], AccountState.LEFT, world.clock.now())


def _expired(world: World) -> None:
    with world.changing() as connection:
        connection.execute(update(Account).values(expires_at=world.clock.now()))


def _device_revoked(world: World) -> None:
    with world.changing() as connection:
        connection.execute(update(Device).values(revoked_at=world.clock.now()))


def _schoolless(world: World) -> None:
    with world.changing() as connection:
        membership.leave(connection, world.accounts["s.senco"], world.schools[HERE], world.clock.now())


@pytest.mark.parametrize(
    ("happens", "obstacle"),
    [
        (_suspended, Reason.ACCOUNT_SUSPENDED),
        (_left, Reason.ACCOUNT_ENDED),
        (_expired, Reason.ACCOUNT_EXPIRED),
        (_device_revoked, Reason.CREDENTIAL_ENDED),
        (_schoolless, Reason.NO_SCHOOL),
    ],
)
def test_what_stands_in_the_way_of_everything(world: World, happens: Callable[[World], None], obstacle: Reason) -> None:
    principal = world.principal("s.senco")
    happens(world)
    scope = held(world, principal)
    assert (dict(scope.schools), scope.obstacle) == ({}, obstacle)


def test_an_account_that_is_not_there_has_ended(world: World) -> None:
    principal = world.principal("s.senco")
    with world.database.read() as connection:
        scope = scope_for(connection, replace(principal, account_id=999), world.clock.now())
    assert scope.obstacle is Reason.ACCOUNT_ENDED


def test_a_suspended_school_is_an_obstacle_of_its_own(world: World) -> None:
    world.person("b.both", {HERE: ["SEND"], THERE: ["SEND"]}, layout=Layout.BY_SCHOOL)
    with world.changing() as connection:
        schools.set_state(connection, world.schools[HERE], SchoolState.SUSPENDED)
    scope = held(world, world.principal("b.both"))
    assert scope.obstacle is None
    assert {number: school.obstacle for number, school in scope.schools.items()} == {
        world.schools[HERE]: Reason.SCHOOL_SUSPENDED,
        world.schools[THERE]: None,
    }


# Folders of schools


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Example Primary", "830-2001 Example Primary"),
        ("St Mary's Catholic Voluntary Academy, Glossop", "830-2001 St Mary's Catholic Voluntary Ac"),
        ('The "Old" School: Infants/Juniors', "830-2001 The Old School InfantsJuniors"),
        ("A very long name that ends at a space here", "830-2001 A very long name that ends at a"),
        ("E\u0301cole", "830-2001 \u00c9cole"),
        ("Be\u0085ll\u007f", "830-2001 Bell"),
        ("...", "830-2001"),
    ],
)
def test_a_schools_folder_is_one_that_windows_can_carry(world: World, name: str, folder: str) -> None:
    assert folder_name("830-2001", name, None, None, world.clock.now()) == folder
    assert len(folder) <= 40
