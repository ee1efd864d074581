"""`pace`: refusals of one kind are told after one time, and what was not tried looks like what was [R18]."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from auth import devices
from auth.pace import Pace
from auth.principal import Door
from tests.auth.world import HOME, Someone, World
from tests.support.clock import FakeClock

WRONG = "WRNG-WRNG-WRNG-WRNG-WRNG-WRNG"


class Room:
    """Refusals one after another, on a clock that a pause moves."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.pace = Pace(self.clock, lambda seconds: self.clock.advance(seconds=seconds), first=0.5)

    def refuse(self, seconds: float, *, tried: bool = True) -> float:
        """How long a refusal lasts that was found in so many seconds."""
        began = self.clock.monotonic()
        self.clock.advance(seconds=seconds)
        self.pace.keep(began, tried=tried)
        return self.clock.monotonic() - began

    def after(self, tries: Sequence[float]) -> Room:
        """This room, when so long tries have been made."""
        for seconds in tries:
            self.refuse(seconds)
        return self


USUAL = [0.1, 0.12, 0.11] * 20


def test_what_was_not_tried_lasts_as_long_as_what_was() -> None:
    room = Room().after(USUAL)
    assert room.refuse(0.0, tried=False) == pytest.approx(room.refuse(0.1)) == pytest.approx(0.12)


def test_one_that_was_held_up_slows_no_other() -> None:
    assert Room().after([*USUAL, 1.9]).refuse(0.1) == pytest.approx(0.12)


def test_one_that_lasts_longer_is_not_held_back() -> None:
    assert Room().after(USUAL).refuse(0.7) == pytest.approx(0.7)


def test_it_follows_what_tries_take_of_late() -> None:
    assert Room().after([*USUAL, *[0.3] * 64]).refuse(0.1) == pytest.approx(0.3)


def test_a_flood_of_what_is_not_tried_quickens_nothing() -> None:
    room = Room().after(USUAL)
    for _ in range(200):
        room.refuse(0.001, tried=False)
    assert room.refuse(0.1) == pytest.approx(0.12)


def test_before_anything_was_tried_there_is_a_time_to_begin_with() -> None:
    assert Room().refuse(0.0, tried=False) == pytest.approx(0.5)


def test_however_long_tries_take_nobody_is_held_back_for_more_than_two_seconds() -> None:
    assert Room().after([19.0] * 64).refuse(0.0, tried=False) == pytest.approx(2.0)


def _fill(world: World, who: Someone) -> None:
    for known in (True, False):
        for _ in range(10):
            world.throttle.reserve(who.id, who.username, HOME, known=known, at=world.clock.now())


def _locked(check: str, typed: str) -> Callable[[World, Someone], object]:
    def act(world: World, who: Someone) -> object:
        _fill(world, who)
        return getattr(world.authenticator, check)(world.candidate(), typed)

    return act


def _revoked(world: World, who: Someone) -> object:
    with world.database.write() as connection:
        devices.revoke(connection, who.id, devices.listing(connection, who.id)[0].id, world.clock.now())
    return world.authenticator.check_device(world.candidate(door=Door.WEBDAV), who.device)


UNTRIED: dict[str, Callable[[World, Someone], object]] = {
    "a password, locked": _locked("check_password", "seven quiet otters"),
    "a code, locked": _locked("check_code", "000000"),
    "a code of a new secret, locked": _locked("check_new_code", "000000"),
    "a recovery code, locked": _locked("check_recovery_code", "00000-00000"),
    "a device password, locked": _locked("check_device", WRONG),
    "a device password that has ended": _revoked,
    "what is no device password": lambda world, who: world.authenticator.check_device(world.candidate(), who.password),
}


@pytest.mark.parametrize("act", UNTRIED.values(), ids=UNTRIED)
def test_whatever_is_refused_untried_is_held_back(world: World, jo: Someone, act: Callable[..., object]) -> None:
    assert act(world, jo) is None
    assert len(world.pauses.lengths) == 1 and world.pauses.lengths[0] > 0


def test_what_is_right_is_not_held_back(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    world.authenticator.check_device(world.candidate(door=Door.WEBDAV), jo.device)
    assert world.pauses.lengths == []


def test_a_wrong_one_is_timed(world: World, jo: Someone) -> None:
    world.authenticator.check_device(world.candidate(), WRONG)  # takes no time on this clock
    world.authenticator.check_device(world.candidate(), jo.password)
    assert world.pauses.lengths == []
