"""Only a wrong device password is a guess: lanes full of them keep no right one out, and are no wider for it [R18]."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import Connection, func, select, text, update

from auth import devices
from auth.models import Account, Device, KnownPlace, ThrottleCount
from auth.principal import AccountState, Door, Principal, Proof
from auth.verdicts import Refusal, RefusalReason, SignInUnavailable
from tests.auth.world import ELSEWHERE, HOME, Someone, World

WRONG = "WRNG-WRNG-WRNG-WRNG-WRNG-WRNG"


def shown(world: World, typed: str, address: str = HOME, username: str = "jo.bloggs") -> Proof | None:
    return world.authenticator.check_device(world.candidate(username, address, Door.WEBDAV), typed)


def come_in(world: World, typed: str, address: str = HOME) -> Principal | Refusal | None:
    proof = shown(world, typed, address)
    candidate = world.candidate(address=address, door=Door.WEBDAV)
    return None if proof is None else world.authenticator.authenticate(candidate, [proof])


def filled(world: World, address: str = HOME, username: str = "jo.bloggs") -> None:
    """One try more than the lane has places."""
    for _ in range(world.limits.known + 1):
        assert shown(world, WRONG, address, username) is None
    assert world.recorder.reasons[-1] in (RefusalReason.TOO_MANY_GUESSES, RefusalReason.UNKNOWN_ACCOUNT)


def counted(world: World) -> int:
    with world.database.read() as connection:
        return connection.execute(select(func.coalesce(func.sum(ThrottleCount.count), 0))).scalar_one()


@pytest.fixture
def at_home(world: World, jo: Someone) -> None:
    """Jo's drive has been in use at this place."""
    assert isinstance(come_in(world, jo.device), Principal)


@pytest.mark.usefixtures("at_home")
def test_a_right_one_comes_in_at_a_known_place_whose_lane_is_full(world: World, jo: Someone) -> None:
    filled(world)
    assert isinstance(come_in(world, jo.device), Principal)


def test_a_right_one_comes_in_elsewhere_too(world: World, jo: Someone) -> None:
    filled(world, ELSEWHERE)
    assert isinstance(come_in(world, jo.device, ELSEWHERE), Principal)


@pytest.mark.usefixtures("at_home")
def test_use_and_place_are_noted_as_ever(world: World, jo: Someone) -> None:
    filled(world)
    world.clock.advance(minutes=1)
    come_in(world, jo.device)
    with world.database.read() as connection:
        assert _noted(connection) == (world.clock.now(), world.clock.now())


def _noted(connection: Connection) -> tuple[datetime | None, datetime]:
    return (
        connection.execute(select(Device.last_used_at)).scalar_one(),
        connection.execute(select(KnownPlace.last_at)).scalar_one(),
    )


def test_right_ones_take_no_place(world: World, jo: Someone) -> None:
    for _ in range(30):
        assert shown(world, jo.device) is not None
    assert counted(world) == 0


@pytest.mark.usefixtures("at_home")
def test_wrong_ones_fill_the_lane_of_passwords_as_before(world: World, jo: Someone) -> None:
    filled(world)
    assert world.authenticator.check_password(world.candidate(), jo.password) is None


@pytest.mark.usefixtures("at_home")
def test_one_that_has_ended_is_refused_and_is_no_guess(world: World, jo: Someone) -> None:
    with world.database.write() as connection:
        devices.revoke(connection, jo.id, devices.listing(connection, jo.id)[0].id, world.clock.now())
    assert shown(world, jo.device) is None
    assert (world.recorder.reasons, counted(world)) == ([RefusalReason.DEVICE_REVOKED], 0)


@pytest.mark.usefixtures("at_home")
def test_whoever_is_suspended_does_not_come_in(world: World, jo: Someone) -> None:
    filled(world)
    with world.database.write() as connection:
        connection.execute(update(Account).where(Account.id == jo.id).values(state=AccountState.SUSPENDED))
    assert isinstance(come_in(world, jo.device), Refusal)


@pytest.mark.parametrize("typed", ["", "seven quiet otters", WRONG[:-1], f"{WRONG}7", "U" * 24, "\ud800" * 24])
def test_what_has_not_the_shape_of_one_is_refused_and_is_no_guess(world: World, jo: Someone, typed: str) -> None:
    assert shown(world, typed) is None
    assert (world.recorder.reasons, counted(world)) == ([RefusalReason.NOT_A_DEVICE], 0)


def test_of_a_name_that_nobody_has_the_record_says_no_more_for_the_shape(world: World, jo: Someone) -> None:
    assert shown(world, "seven quiet otters", username="nobody") is None
    assert world.recorder.reasons == [RefusalReason.UNKNOWN_ACCOUNT]


def test_the_accounts_own_password_is_not_verified_at_the_drive(world: World, jo: Someone) -> None:
    before = world.gate.runs
    assert shown(world, jo.password) is None
    assert world.gate.runs == before


def test_a_name_that_nobody_has_is_counted_alike(world: World, jo: Someone) -> None:
    filled(world, ELSEWHERE)
    of_jo = counted(world)
    filled(world, ELSEWHERE, username="nobody")
    assert counted(world) == 2 * of_jo


def test_a_wrong_one_that_cannot_be_counted_is_a_fault_of_ours(world: World, jo: Someone) -> None:
    with world.database.write() as connection:
        connection.execute(text("DROP TABLE throttle_count"))
    with pytest.raises(SignInUnavailable):
        shown(world, WRONG)
