"""Transactions, times and numbers: what every module relies on, on both databases."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from auth.models import AccountRole
from config.database import Database
from policy import generations
from policy.models import Category, ClockMark, Generation
from tests.support.concurrency import all_at_once

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Broken(Exception):
    """What a caller's block raised."""


def test_a_write_is_there_for_everybody_once_its_block_has_ended(database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(Generation).values(name="a", value=1))
        with database.read() as other:
            assert generations.value(other, "a") == 0
    with database.read() as other:
        assert generations.value(other, "a") == 1


def test_a_write_that_raises_leaves_nothing(database: Database) -> None:
    def work() -> None:
        with database.write() as connection:
            connection.execute(insert(Generation).values(name="a", value=1))
            raise Broken

    with pytest.raises(Broken):
        work()
    with database.read() as connection:
        assert generations.value(connection, "a") == 0


def test_a_read_sees_one_moment_whatever_is_written_meanwhile(database: Database) -> None:
    with database.read() as connection:
        assert generations.value(connection, "a") == 0
        with database.write() as other:
            generations.bump(other, "a")
        assert generations.value(connection, "a") == 0
    with database.read() as connection:
        assert generations.value(connection, "a") == 1


def test_nothing_that_a_read_did_is_kept(database: Database) -> None:
    with database.read() as connection, suppress(SQLAlchemyError):
        connection.execute(insert(Generation).values(name="a", value=1))
    with database.read() as connection:
        assert generations.value(connection, "a") == 0
    with database.write() as connection:
        generations.bump(connection, "a")


def test_writers_that_come_at_once_lose_nothing(database: Database) -> None:
    def work() -> None:
        for _ in range(10):
            with database.write() as connection:
                generations.bump(connection, "a")

    assert all_at_once(12, work) == [None] * 12
    with database.read() as connection:
        assert generations.value(connection, "a") == 120


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    seen = []

    def look() -> None:
        with database.read() as connection:
            seen.append(generations.value(connection, "a"))

    with database.write() as connection:
        generations.bump(connection, "a")
        reader = threading.Thread(target=look)
        reader.start()
        reader.join(10)
        assert seen == [0]


@pytest.mark.parametrize(
    "at",
    [
        NOON + timedelta(microseconds=1),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2999, 12, 31, tzinfo=UTC),
        datetime(2026, 6, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_a_moment_comes_back_exactly_and_in_utc(database: Database, at: datetime) -> None:
    with database.write() as connection:
        connection.execute(insert(ClockMark).values(id=1, at=at))
    with database.read() as connection:
        kept = connection.execute(select(ClockMark.at)).scalar_one()
        found = connection.execute(
            select(ClockMark.id).where(ClockMark.at == at, ClockMark.at > NOON.min.replace(year=1900, tzinfo=UTC))
        ).scalar()
    assert (kept, kept.utcoffset(), found) == (at, timedelta(0), 1)


def test_a_row_that_points_nowhere_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(AccountRole).values(account_id=99, role="officer"))


def test_a_number_is_never_given_again(database: Database) -> None:
    numbers = []
    for name in ("one", "two", "three"):
        with database.write() as connection:
            numbers.append(connection.execute(insert(Category).values(name=name).returning(Category.id)).scalar_one())
            connection.execute(delete(Category))
    assert numbers == sorted(set(numbers))


def test_a_connection_that_failed_serves_the_next_caller(database: Database) -> None:
    for _ in range(30):
        with pytest.raises(IntegrityError), database.write() as connection:
            connection.execute(insert(AccountRole).values(account_id=99, role="officer"))
        with pytest.raises(Broken), database.read() as connection:
            raise Broken
    with database.write() as connection:
        connection.execute(update(Generation).values(value=0))
