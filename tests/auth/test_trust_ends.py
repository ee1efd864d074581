"""Any change of password, key or access ends trust: the next connection is asked for a code again [R15]."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection

from auth import accounts, endings, keys
from auth.principal import AccountState, Layout
from policy import membership
from policy.access import HEADTEACHER
from tests.auth.test_trust import is_asked, trusts
from tests.auth.world import Someone, World
from tests.support import world as homes
from tests.support.people import OTHER_KEY
from tests.support.world import HERE, THERE, a_world

Change = Callable[[World, Connection, Someone], object]


def _back(world: World, connection: Connection, who: Someone) -> None:
    accounts.set_state(connection, who.id, AccountState.SUSPENDED, world.clock.now())
    accounts.set_state(connection, who.id, AccountState.ACTIVE, world.clock.now())


def _same_password(world: World, connection: Connection, who: Someone) -> None:
    accounts.set_password_hash(connection, who.id, accounts.password_hash(connection, who.id), world.clock.now())


def _same_secret(world: World, connection: Connection, who: Someone) -> None:
    accounts.set_totp_sealed(connection, who.id, accounts.totp_sealed(connection, who.id), world.clock.now())


CHANGES: dict[str, Change] = {
    "the password is chosen anew": _same_password,
    "the authenticator is enrolled anew": _same_secret,
    "a key is added": lambda world, connection, who: keys.add(
        connection, who.id, OTHER_KEY, "tablet", at=world.clock.now()
    ),
    "a key is removed": lambda world, connection, who: keys.remove(
        connection, who.id, keys.listing(connection, who.id)[0].id, world.clock.now()
    ),
    "the layout changes": lambda world, connection, who: accounts.set_layout(connection, who.id, Layout.BY_SCHOOL),
    "suspended and back": _back,
    "sessions are ended": lambda world, connection, who: endings.end_sessions(connection, who.id, world.clock.now()),
    "trust is ended": lambda world, connection, who: endings.end_trust(connection, who.id),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_credentials_or_standing_ends_trust(world: World, jo: Someone, change: Change) -> None:
    world.sign_in(jo)
    with world.database.write() as connection:
        change(world, connection, jo)
    assert is_asked(world, jo)


def test_a_change_of_somebody_else_ends_nothing(world: World, jo: Someone) -> None:
    sam = world.someone("sam.shah")
    world.sign_in(jo)
    with world.database.write() as connection:
        endings.end_sessions(connection, sam.id, world.clock.now())
    assert not is_asked(world, jo)


# --- access to schools


Access = Callable[[homes.World, Connection, int], object]
ACCESS: dict[str, Access] = {
    "another role": lambda world, connection, who: membership.join(
        connection, who, world.schools[HERE], HEADTEACHER, world.clock.now()
    ),
    "another school": lambda world, connection, who: membership.join(
        connection, who, world.schools[THERE], "Office", world.clock.now()
    ),
    "a school less": lambda world, connection, who: membership.leave(
        connection, who, world.schools[HERE], world.clock.now()
    ),
    "a grant": lambda world, connection, who: membership.grant(
        connection, who, world.schools[HERE], world.categories["General"], world.clock.now()
    ),
    "a grant less": lambda world, connection, who: membership.revoke(
        connection, who, world.schools[HERE], world.categories["SEND"], world.clock.now()
    ),
}


@pytest.mark.parametrize("change", ACCESS.values(), ids=ACCESS)
def test_a_change_of_access_ends_trust(tmp_path: Path, change: Access) -> None:
    with a_world(tmp_path) as world:
        world.school(HERE)
        world.school(THERE, "Another Primary")
        who = world.person("o.office", {HERE: ["SEND"]}, layout=Layout.BY_SCHOOL)
        world.sign_in_by_key("o.office")
        assert trusts(world.database) == 1
        with world.changing() as connection:
            change(world, connection, who)
        assert trusts(world.database) == 0
