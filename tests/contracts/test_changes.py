"""A change of access is made whole and told, or not made: whichever statement or write of the record fails [R24]."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from auth.accounts import AccountRow
from config.database import Base
from gateway import giving, staffing
from gateway.change import Change, changing
from gateway.core import Core
from policy import membership
from policy.audit.events import EventKind, RecordUnavailable
from tests.support.faults import PowerCut, Statements, asked, asked_of_record, record_statements, sweep
from tests.support.people import OTHER_KEY
from tests.support.world import HERE, World

Act = Callable[[World, Change, AccountRow], object]


def _granted(world: World, change: Change, account: AccountRow) -> None:
    at, school = change.at, world.schools[HERE]
    membership.grant(change.connection, account.id, school, world.categories["Shared Services HR"], at)
    change.record(EventKind.ACCESS_GRANTED, f"account:{account.id}", school=school)


def _revoked(world: World, change: Change, account: AccountRow) -> None:
    school = world.schools[HERE]
    membership.revoke(change.connection, account.id, school, world.categories["SEND"], change.at)
    change.record(EventKind.ACCESS_REVOKED, f"account:{account.id}", school=school)


def _another_role(world: World, change: Change, account: AccountRow) -> None:
    membership.join(change.connection, account.id, world.schools[HERE], "SENCO", change.at)
    change.record(EventKind.ACCESS_GRANTED, f"account:{account.id}", reason="SENCO")


def _acting(world: World, change: Change, account: AccountRow) -> None:
    until = change.at + timedelta(days=7)
    membership.stand_in(change.connection, account.id, world.schools[HERE], change.at, until=until)
    change.record(EventKind.ACCESS_GRANTED, f"account:{account.id}", reason="acting headteacher")


def _core(act: Callable[[Core, Change, AccountRow], object]) -> Act:
    return lambda world, change, account: act(world.core, change, account)


ACTS: dict[str, Act] = {
    "grant": _granted,
    "revoke": _revoked,
    "another role": _another_role,
    "stand in": _acting,
    "suspend": _core(lambda core, change, account: staffing.suspend(core, change, account, "a complaint")),
    "leave": _core(staffing.leave),
    "password reset": _core(staffing.reset_password),
    "codes reset": _core(staffing.reset_codes),
    "device password": _core(lambda core, change, account: giving.give_device(core, change, account, "Laptop")),
    "key": _core(lambda core, change, account: giving.give_key(core, change, account, OTHER_KEY, "Laptop")),
}


def contents(world: World) -> dict[str, object]:
    """Every row of the main database."""
    with world.database.read() as connection:
        return {table.name: connection.execute(select(table)).all() for table in Base.metadata.sorted_tables}


def do(world: World, act: Act) -> None:
    with changing(world.core, world.services.log, None, "an operator") as change:
        act(world, change, world.account("o.office"))


@pytest.mark.parametrize("power_cut", [False, True], ids=["an error", "a power cut"])
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_whichever_statement_fails_a_change_is_made_whole_or_not_at_all(
    world: World, act: Act, power_cut: bool
) -> None:
    before = contents(world)
    for statements in sweep(Statements, power_cut=power_cut):
        try:
            with asked(world.core.database.engine, statements):
                do(world, act)
        except (OperationalError, PowerCut):
            assert contents(world) == before, statements.taken
    assert contents(world) != before
    assert statements.fails_at > 4


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_whichever_write_of_the_record_fails_no_change_is_made(world: World, act: Act) -> None:
    before, log = contents(world), world.services.log
    for statements in sweep(record_statements(log)):
        try:
            with asked_of_record(log, statements):
                do(world, act)
        except RecordUnavailable:
            assert contents(world) == before, statements.taken
            world.clock.advance(seconds=1)  # then the record is tried again
    assert contents(world) != before
    assert statements.fails_at > 4
