"""A clock that goes back revives nothing, one that leaps ahead hides nothing for good [R10]."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from config.database import Database
from gateway.clockguard import Belief, GuardedClock, MarkKeeper, mark, set_mark
from tests.support.clock import FakeClock
from tests.support.databases import with_tables


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with with_tables(f"sqlite:///{tmp_path}/main.db") as database:
        yield database


def ticked(database: Database, keeper: MarkKeeper) -> Belief:
    with database.write() as connection:
        return keeper.tick(connection)


def marked(database: Database) -> object:
    with database.read() as connection:
        return mark(connection)


def test_the_mark_follows_the_clock(database: Database) -> None:
    clock = FakeClock()
    keeper = MarkKeeper(clock)
    assert ticked(database, keeper) is Belief.AGREES
    clock.advance(minutes=1)
    assert ticked(database, keeper) is Belief.AGREES
    assert marked(database) == clock.now()


def test_the_mark_never_goes_back(database: Database) -> None:
    clock = FakeClock()
    keeper = MarkKeeper(clock)
    ticked(database, keeper)
    before = clock.now()
    clock.set(before - timedelta(hours=1))
    ticked(database, keeper)
    clock.advance(minutes=1)
    ticked(database, keeper)
    assert marked(database) == before


def test_a_leap_while_running_does_not_move_the_mark(database: Database) -> None:
    clock = FakeClock()
    keeper = MarkKeeper(clock)
    ticked(database, keeper)
    before = clock.now()
    clock.set(before + timedelta(hours=3))
    ticked(database, keeper)
    assert marked(database) == before


def test_a_leap_beyond_26_hours_is_not_believed_and_leaves_no_trace(database: Database) -> None:
    clock = FakeClock()
    ticked(database, MarkKeeper(clock))
    before = clock.now()
    clock.set(before + timedelta(days=100))
    assert ticked(database, MarkKeeper(clock)) is Belief.REFUSED
    assert marked(database) == before


def test_a_start_within_26_hours_goes_on(database: Database) -> None:
    clock = FakeClock()
    ticked(database, MarkKeeper(clock))
    clock.set(clock.now() + timedelta(hours=25))
    assert ticked(database, MarkKeeper(clock)) is Belief.AGREES
    assert marked(database) == clock.now()


def test_a_leap_is_believed_once_it_has_stood_for_as_long_as_it_is_wide(database: Database) -> None:
    clock = FakeClock()
    keeper = MarkKeeper(clock)
    ticked(database, keeper)
    clock.set(clock.now() + timedelta(minutes=10))
    beliefs = [ticked(database, keeper)]
    for _ in range(10):
        clock.advance(minutes=1)
        beliefs.append(ticked(database, keeper))
    assert beliefs == [Belief.DOUBTED] * 10 + [Belief.AGREES]
    assert marked(database) == clock.now()


def test_leaps_of_less_than_26_hours_do_not_add_up(database: Database) -> None:
    clock = FakeClock()
    keeper = MarkKeeper(clock)
    ticked(database, keeper)
    before = clock.now()
    for _ in range(85):
        clock.set(clock.now() + timedelta(hours=25, minutes=50))
        for _ in range(3):
            clock.advance(seconds=15)
            ticked(database, keeper)
    assert marked(database) == before


def test_a_leap_that_returns_leaves_no_trace(database: Database) -> None:
    clock = FakeClock()
    keeper = MarkKeeper(clock)
    ticked(database, keeper)
    before = clock.now()
    clock.set(before + timedelta(hours=25))
    assert ticked(database, keeper) is Belief.DOUBTED
    clock.advance(seconds=15)
    assert ticked(database, keeper) is Belief.DOUBTED
    clock.advance(seconds=15)
    clock.set(before + timedelta(seconds=30))
    assert ticked(database, keeper) is Belief.AGREES
    assert marked(database) == before + timedelta(seconds=30)


def test_a_keeper_takes_over_a_mark_that_a_person_confirmed(database: Database) -> None:
    clock = FakeClock()
    keeper = MarkKeeper(clock)
    ticked(database, keeper)
    clock.set(clock.now() + timedelta(days=3))
    assert ticked(database, keeper) is Belief.REFUSED
    with database.write() as connection:
        set_mark(connection, clock.now())
    clock.advance(seconds=15)
    assert ticked(database, keeper) is Belief.AGREES
    assert marked(database) == clock.now()


def test_a_confirmed_mark_ends_the_refusal(database: Database) -> None:
    clock = FakeClock()
    guarded = GuardedClock(clock)
    guarded.observe(clock.now())
    clock.set(clock.now() + timedelta(days=3))
    assert not guarded.confirmed
    with database.write() as connection:
        set_mark(connection, clock.now())
    with database.read() as connection:
        guarded.observe(mark(connection))
    assert guarded.confirmed


def test_the_guarded_clock_is_never_before_the_mark() -> None:
    clock = FakeClock()
    guarded = GuardedClock(clock)
    guarded.observe(clock.now())
    before = guarded.now()
    clock.set(clock.now() - timedelta(days=2))
    assert guarded.now() == before


def test_a_clock_without_a_mark_is_not_confirmed() -> None:
    assert not GuardedClock(FakeClock()).confirmed
