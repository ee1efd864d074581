"""Which factors open which door, enumerated [R14] [R16] [R17]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations
from pathlib import Path

import pytest

from auth.accounts import AccountRow
from auth.principal import AccountState, Door, Factor, Kind, Principal, StaffRole
from auth.verdicts import Effect, Verdict
from policy import schools
from policy.access import OBSTACLES, Reason
from policy.doors import SUFFICES, PolicyDoors
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
AT_PORTAL = frozenset({PASSWORD, CODE})
AT = datetime(2026, 1, 1, tzinfo=UTC)  # long ago
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


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("door", Door)
def test_every_door_has_a_row_for_every_kind(door: Door, kind: Kind) -> None:
    assert (door, kind) in SUFFICES


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize("shown", ANY_FACTORS, ids=lambda shown: " ".join(sorted(shown)))
def test_nobody_is_asked_for_trust(world: World, door: Door, shown: frozenset[Factor]) -> None:
    assert TRUST not in judge(world, world.account("o.office"), door, shown).missing


def test_a_recovery_code_goes_with_a_password(world: World) -> None:
    assert judge(world, world.account("o.office"), Door.PORTAL, frozenset({RECOVERY})).missing == {PASSWORD}


def test_who_has_not_shown_enough_is_told_nothing_else(world: World) -> None:
    account = replace(world.account("o.office"), state=AccountState.LEFT)
    assert judge(world, account, Door.SFTP, frozenset({PASSWORD})).effect is Effect.MORE


# --- the pages let people in to what mends it: [R32]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": AccountState.SUSPENDED}, Reason.ACCOUNT_SUSPENDED),
        ({"state": AccountState.INVITED}, Reason.ACCOUNT_INVITED),
        ({"state": AccountState.LEFT}, Reason.ACCOUNT_ENDED),
        ({"expires_at": AT}, Reason.ACCOUNT_EXPIRED),
        ({"networks": ("198.51.100.0/24",)}, Reason.OTHER_NETWORK),
    ],
)
def test_what_is_wrong_with_the_account_keeps_it_out_of_the_pages(
    world: World, changes: dict[str, object], reason: Reason
) -> None:
    account = replace(world.account("o.office"), **changes)  # type: ignore[arg-type]
    assert judge(world, account, Door.PORTAL, AT_PORTAL).reason == reason


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize("state", [None, *SchoolState])
def test_what_is_wrong_with_the_school_keeps_people_from_documents_and_not_from_the_pages(
    tmp_path: Path, state: SchoolState | None, door: Door
) -> None:
    with a_world(tmp_path) as world:
        account = _of_a_school_that_is(world, state)
        shown = frozenset(next(iter(SMALLEST[door, Kind.PERSON])))
        let_in = judge(world, account, door, shown).effect is Effect.PERMIT
        assert let_in == (state is SchoolState.ACTIVE or door is Door.PORTAL)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (None, OBSTACLES[Reason.NO_SCHOOL]),
        (SchoolState.SUSPENDED, OBSTACLES[Reason.SCHOOL_SUSPENDED]),
        (SchoolState.ACTIVE, None),
    ],
)
def test_the_pages_say_why_there_are_no_documents(tmp_path: Path, state: SchoolState | None, told: str | None) -> None:
    with a_world(tmp_path) as world:
        assert _notice(world, _of_a_school_that_is(world, state)) == told


def test_the_authoritys_people_are_told_nothing_of_schools(world: World) -> None:
    assert _notice(world, world.account("o.officer")) is None


def _of_a_school_that_is(world: World, state: SchoolState | None) -> AccountRow:
    """Somebody of one school in this state, or of none."""
    world.school(HERE)
    world.person("o.office", {} if state is None else {HERE: ["SEND"]})
    if state is not None:
        with world.changing() as connection:
            schools.set_state(connection, world.schools[HERE], state)
    return world.account("o.office")


def _notice(world: World, account: AccountRow) -> str | None:
    principal = Principal(
        account_id=account.id,
        username=account.username,
        name=account.name,
        kind=account.kind,
        layout=account.layout,
        roles=account.roles,
        factors=AT_PORTAL,
        credential_id=None,
        authenticated_at=world.clock.now(),
        address="192.0.2.7",
        door=Door.PORTAL,
        valid_until=None,
    )
    with world.database.read() as connection:
        return PolicyDoors().notice(connection, principal, world.clock.now())


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
