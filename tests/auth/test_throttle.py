"""`throttle`: the lanes [R18], on both databases, at once, and closed when the database fails."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from auth.models import ThrottleCount
from auth.throttle import GuessLimits, Reservation, Throttle, TurnRefused, give_back
from tests.auth.world import ELSEWHERE, HOME, World
from tests.support.concurrency import all_at_once


@dataclass(frozen=True)
class _Guess:
    """One wrong guess: at whose account (0: nobody's), from where, known or not, after so many seconds."""

    account: int = 1
    address: str = ELSEWHERE
    known: bool = False
    after: float = 0.0
    name: str = "jo"


def _taken(world: World, guesses: list[_Guess]) -> list[bool]:
    """Which of the guesses found a place."""
    return [_guess(world, guess) is not None for guess in guesses]


def _guess(world: World, guess: _Guess) -> Reservation | None:
    world.clock.advance(seconds=guess.after)
    return world.throttle.reserve(
        guess.account or None, guess.name, guess.address, known=guess.known, at=world.clock.now()
    )


_OTHERS = [_Guess(address=f"198.51.{n}.1") for n in range(12)]
_KNOWN = [_Guess(address=f"192.0.{n}.7", known=True) for n in range(12)]

_TABLE = {
    "ten from one place": ([_Guess()] * 12, 10),
    "ten from twelve places together": (_OTHERS, 10),
    "ten from known places together": (_KNOWN, 10),
    "twenty in all": (_OTHERS + _KNOWN, 20),
    "strangers do not use up the known lane": (_OTHERS * 3 + [_Guess(known=True)], 11),
    "the known do not use up the strangers' lane": (_KNOWN * 3 + [_Guess()], 11),
    "accounts have lanes of their own": ([_Guess(account=n) for n in (1, 2)] * 12, 20),
    "nobody's lanes are as narrow": ([_Guess(account=0)] * 12, 10),
    "ten more after five minutes": ([_Guess()] * 12 + [_Guess(after=302)] + [_Guess()] * 12, 20),
    "no more within five minutes": ([_Guess()] * 10 + [_Guess(after=299)], 10),
    "each guess counts for its own five minutes": ([_Guess(after=31)] * 20, 20),
    "a slow drip fills the lane": ([_Guess(after=29)] * 12, 11),
}


@pytest.mark.parametrize("case", _TABLE)
def test_guesses_find_as_many_places_as_the_table_says(world: World, case: str) -> None:
    guesses, places = _TABLE[case]
    assert sum(_taken(world, guesses)) == places


def test_one_prefix_guesses_at_many_accounts_within_its_lane(world: World) -> None:
    throttle = Throttle(world.database, GuessLimits(prefix=20))
    found = [
        throttle.reserve(n, "x", f"203.0.113.{n}", known=False, at=world.clock.now()) is not None for n in range(1, 30)
    ]
    assert sum(found) == 20


def test_all_prefixes_together_have_a_lane(world: World) -> None:
    throttle = Throttle(world.database, GuessLimits(everywhere=20))
    found = [
        throttle.reserve(n, "x", f"203.0.{n}.1", known=False, at=world.clock.now()) is not None for n in range(1, 30)
    ]
    assert sum(found) == 20


def test_a_known_place_is_free_though_prefix_and_world_are_full(world: World) -> None:
    throttle = Throttle(world.database, GuessLimits(prefix=1, everywhere=1))
    throttle.reserve(2, "x", HOME, known=False, at=world.clock.now())
    assert throttle.reserve(1, "jo", HOME, known=True, at=world.clock.now()) is not None


def test_a_right_guess_gives_its_places_back(everywhere: World) -> None:
    for _ in range(30):
        reservation = _guess(everywhere, _Guess())
        assert reservation is not None
        with everywhere.database.write() as connection:
            give_back(connection, reservation)
    assert _counted(everywhere) == 0


def test_a_right_guess_leaves_no_row(everywhere: World) -> None:
    reservation = _guess(everywhere, _Guess())
    assert reservation is not None
    with everywhere.database.write() as connection:
        give_back(connection, reservation)
    assert _rows(everywhere) == 0


def test_a_right_guess_leaves_the_wrong_ones_of_its_second_counted(everywhere: World) -> None:
    reservation, _, _ = (_guess(everywhere, _Guess()) for _ in range(3))
    assert reservation is not None
    with everywhere.database.write() as connection:
        give_back(connection, reservation)
    assert _counted(everywhere) == 2 * 3


def test_an_account_that_is_cleared_may_be_guessed_at_again(everywhere: World) -> None:
    _taken(everywhere, _OTHERS + _KNOWN)
    assert _cleared(everywhere, 1) == 20
    assert sum(_taken(everywhere, _OTHERS + _KNOWN)) == 20


def test_clearing_one_account_forgives_no_other_and_no_place(everywhere: World) -> None:
    _taken(everywhere, [_Guess(account=1), _Guess(account=11), _Guess(account=0)])
    assert _cleared(everywhere, 1) == 1
    assert _counted(everywhere) == 3 * 3 - 1


def test_clearing_an_account_at_which_nobody_guessed_forgives_nothing(world: World) -> None:
    assert _cleared(world, 1) == 0


def test_a_guess_that_is_right_after_clearing_gives_nothing_more_back(world: World) -> None:
    reservation = _guess(world, _Guess(known=True))
    assert reservation is not None and _cleared(world, 1) == 1
    with world.database.write() as connection:
        give_back(connection, reservation)
    assert _rows(world) == 0


def test_however_many_guess_the_table_holds_no_more_rows_than_there_are_places(world: World) -> None:
    throttle = Throttle(world.database, GuessLimits(everywhere=40))
    for n in range(290):
        world.clock.advance(seconds=1)
        throttle.reserve(n or None, f"name {n}", f"198.51.{n % 250}.1", known=False, at=world.clock.now())
    assert _rows(world) == 40 * 3


def test_of_thirty_guesses_at_once_ten_find_a_place(everywhere: World) -> None:
    results = all_at_once(30, lambda: _guess(everywhere, _Guess()))
    assert sum(isinstance(result, Reservation) for result in results) == 10


def test_a_guess_that_finds_no_place_leaves_no_trace(world: World) -> None:
    _taken(world, [_Guess()] * 10)
    before = _counted(world)
    _taken(world, [_Guess()] * 10)
    assert _counted(world) == before


def test_a_guess_that_finds_no_place_waits_for_no_writer(world: World) -> None:
    _taken(world, [_Guess()] * 10)
    with world.database.write():
        assert _guess(world, _Guess()) is None


def test_what_is_over_fills_no_lane_though_it_was_not_cleared_away(world: World) -> None:
    _taken(world, [_Guess()] * 10)
    world.clock.advance(seconds=301)
    assert _guess(world, _Guess()) is not None


def test_what_is_over_is_cleared_away(everywhere: World) -> None:
    _taken(everywhere, _OTHERS)
    everywhere.clock.advance(minutes=6)
    _taken(everywhere, [_Guess(account=9)])
    assert _counted(everywhere) == 3


def test_names_that_nobody_has_fill_no_more_than_their_lanes(world: World) -> None:
    _taken(world, [_Guess(account=0, name=f"name {n}", address=f"198.51.{n}.1") for n in range(100)])
    with world.database.read() as connection:
        lanes = connection.execute(select(ThrottleCount.lane).distinct()).scalars().all()
    assert not [lane for lane in lanes if "name" in lane]


def test_without_the_database_nobody_guesses(world: World) -> None:
    with world.database.write() as connection:
        connection.execute(text("DROP TABLE throttle_count"))
    with pytest.raises(SQLAlchemyError):
        _guess(world, _Guess())


def test_an_address_that_is_none_finds_no_place(world: World) -> None:
    with pytest.raises(ValueError, match="address"):
        _guess(world, _Guess(address="somewhere"))


def test_guesses_at_one_account_take_turns(world: World) -> None:
    running: list[int] = []
    seen: list[int] = []

    def work() -> None:
        with world.throttle.turn(1, "jo", known=False):
            running.append(1)
            seen.append(len(running))
            running.pop()

    all_at_once(20, work)
    assert seen == [1] * 20


def test_a_turn_in_one_lane_does_not_hold_up_another(world: World) -> None:
    turn = Throttle(world.database, GuessLimits(waiting=1)).turn  # whoever would have to wait is refused
    with turn(1, "jo", known=False), turn(1, "jo", known=True), turn(2, "sam", known=False):
        pass


def test_too_many_in_one_lane_are_refused_rather_than_kept_waiting(world: World) -> None:
    throttle = Throttle(world.database, GuessLimits(waiting=1))
    with throttle.turn(1, "jo", known=False), pytest.raises(TurnRefused), throttle.turn(1, "jo", known=False):
        pass


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.floats(min_value=0, max_value=120), min_size=1, max_size=40))
def test_no_five_minutes_hold_more_than_ten_wrong_guesses(world: World, steps: list[float]) -> None:
    with world.database.write() as connection:
        connection.execute(delete(ThrottleCount))
    times = [world.clock.now() for step in steps if _guess(world, _Guess(after=step)) is not None]
    assert all(sum(0 <= (t - begin).total_seconds() < 300 for t in times) <= 10 for begin in times)


def _cleared(world: World, account_id: int) -> int:
    with world.database.write() as connection:
        return Throttle.clear(connection, account_id)


def _rows(world: World) -> int:
    with world.database.read() as connection:
        return connection.execute(select(func.count()).select_from(ThrottleCount)).scalar_one()


def _counted(world: World) -> int:
    with world.database.read() as connection:
        return int(connection.execute(select(func.coalesce(func.sum(ThrottleCount.count), 0))).scalar_one())
