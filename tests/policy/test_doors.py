"""Which factors open which door, enumerated [R14] [R16] [R17]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import chain, combinations
from pathlib import Path

import pytest

from auth.accounts import AccountRow
from auth.principal import AccountState, Door, Factor, Kind, StaffRole
from auth.verdicts import Effect, Verdict
from policy import schools
from policy.access import Reason
from policy.doors import PolicyDoors
from policy.schools import SchoolState
from tests.support.world import World, a_world

HERE = "830-2001"
PASSWORD, KEY, CODE, DEVICE = Factor.PASSWORD, Factor.PUBLIC_KEY, Factor.TOTP, Factor.DEVICE_PASSWORD
TRUST, RECOVERY = Factor.TRUST, Factor.RECOVERY_CODE
SMALLEST = {
    (Door.SFTP, Kind.PERSON): [{KEY, CODE}, {PASSWORD, CODE}, {KEY, TRUST}, {PASSWORD, TRUST}],
    (Door.SFTP, Kind.SERVICE): [{KEY}],
    (Door.WEBDAV, Kind.PERSON): [{DEVICE}],
    (Door.WEBDAV, Kind.SERVICE): [{DEVICE}],
    (Door.PORTAL, Kind.PERSON): [{PASSWORD, CODE}, {PASSWORD, RECOVERY}],
    (Door.PORTAL, Kind.SERVICE): [],
}
ANY_FACTORS = [frozenset(some) for some in chain.from_iterable(combinations(Factor, n) for n in range(len(Factor) + 1))]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("doors")) as world:
        world.school(HERE)
        world.person("o.office", {HERE: ["SEND"]})
        world.service("nightly", "o.office", {HERE: ["SEND"]})
        yield world


def judge(world: World, account: AccountRow, door: Door, factors: frozenset[Factor], **options: str) -> Verdict:
    address = options.get("address", "192.0.2.7")
    with world.database.read() as connection:
        return PolicyDoors().judge(connection, account, door, factors, address, world.clock.now())


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize(("username", "kind"), [("o.office", Kind.PERSON), ("nightly", Kind.SERVICE)])
def test_no_other_set_of_factors_opens_a_door(world: World, door: Door, username: str, kind: Kind) -> None:
    account = world.account(username)
    opened = [some for some in ANY_FACTORS if judge(world, account, door, some).effect is Effect.PERMIT]
    assert opened == [some for some in ANY_FACTORS if any(least <= some for least in SMALLEST[door, kind])]


def test_what_is_missing_is_told_so_that_it_can_be_asked_for(world: World) -> None:
    account = world.account("o.office")
    verdicts = [judge(world, account, Door.SFTP, frozenset({shown})) for shown in (KEY, PASSWORD)]
    assert all(verdict.effect is Effect.MORE and verdict.missing == {CODE} for verdict in verdicts)
    assert judge(world, account, Door.WEBDAV, frozenset({PASSWORD, CODE})).missing == {DEVICE}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": AccountState.SUSPENDED}, Reason.ACCOUNT_SUSPENDED),
        ({"state": AccountState.INVITED}, Reason.ACCOUNT_INVITED),
        ({"state": AccountState.LEFT}, Reason.ACCOUNT_ENDED),
        ({"networks": ("198.51.100.0/24",)}, Reason.OTHER_NETWORK),
        ({"roles": frozenset({StaffRole.OFFICER})}, Reason.STAFF),
        ({"id": 999}, Reason.NO_SCHOOL),
    ],
)
def test_who_has_shown_enough_is_told_what_stands_in_the_way(
    world: World, changes: dict[str, object], reason: Reason
) -> None:
    account = replace(world.account("o.office"), **changes)  # type: ignore[arg-type]
    verdict = judge(world, account, Door.WEBDAV, frozenset({DEVICE}))
    assert (verdict.effect, verdict.reason) == (Effect.DENY, reason)
    assert verdict.message


def test_an_account_that_has_run_out_is_told_so_from_that_moment_on(world: World) -> None:
    now = world.clock.now()
    ends = {now: Reason.ACCOUNT_EXPIRED, now + timedelta(microseconds=1): Reason.GRANTED}
    for end, reason in ends.items():
        account = replace(world.account("o.office"), expires_at=end)
        assert judge(world, account, Door.WEBDAV, frozenset({DEVICE})).reason == reason


def test_who_has_not_shown_enough_is_told_nothing_else(world: World) -> None:
    account = replace(world.account("o.office"), state=AccountState.LEFT)
    assert judge(world, account, Door.SFTP, frozenset({PASSWORD})).effect is Effect.MORE


def test_an_officer_comes_by_sftp_and_has_no_drive(world: World) -> None:
    officer = world.account("o.officer")
    assert judge(world, officer, Door.SFTP, frozenset({KEY, CODE})).effect is Effect.PERMIT
    assert judge(world, officer, Door.WEBDAV, frozenset({DEVICE})).reason == Reason.STAFF


def test_one_school_in_order_is_enough_to_come_in(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        world.school(HERE)
        world.school("830-2002")
        world.service("nightly", "o.officer", {HERE: ["SEND"], "830-2002": ["SEND"]})
        found = []
        for school in world.schools.values():
            with world.changing() as connection:
                schools.set_state(connection, school, SchoolState.SUSPENDED)
            found.append(judge(world, world.account("nightly"), Door.SFTP, frozenset({KEY})).reason)
    assert found == [Reason.GRANTED, Reason.SCHOOL_SUSPENDED]
