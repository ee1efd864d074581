"""The counter of access is looked at once a second, whoever asks how often, and no answer is an error [R19]."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError

from config.database import Database
from gateway.watch import POLL_SECONDS, Watch
from policy import generations
from tests.support.clock import FakeClock
from tests.support.concurrency import all_at_once
from tests.support.databases import with_tables
from tests.support.world import statements


@pytest.fixture
def database(empty_url: str) -> Iterator[Database]:
    with with_tables(empty_url) as database:
        yield database


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def watch(database: Database, clock: FakeClock) -> Watch:
    return Watch(database, clock, patience=0.2)


def change(database: Database) -> None:
    with database.write() as connection:
        generations.bump(connection, generations.ACCESS)


def rename(database: Database, table: str, name: str) -> None:
    with database.write() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


@contextmanager
def hanging(database: Database) -> Iterator[tuple[threading.Event, threading.Event]]:
    """A database that has been `asked` and does not `answer` before that is set."""
    asked, answer = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        asked.set()
        answer.wait(10)

    event.listen(database.engine, "before_cursor_execute", hang)
    try:
        yield asked, answer
    finally:
        answer.set()
        event.remove(database.engine, "before_cursor_execute", hang)


def test_a_change_is_seen_a_second_later(database: Database, clock: FakeClock, watch: Watch) -> None:
    before = watch.generation()
    change(database)
    clock.advance(seconds=POLL_SECONDS)
    assert watch.generation() != before


def test_many_questions_cost_one_query_a_second(database: Database, clock: FakeClock, watch: Watch) -> None:
    with statements(database) as asked:
        for _ in range(30):
            watch.generation()
            clock.advance(seconds=0.1)
    assert len(asked) == 3


def test_threads_that_ask_at_once_cost_one_query(database: Database, watch: Watch) -> None:
    with statements(database) as asked:
        all_at_once(12, watch.generation)
    assert len(asked) == 1


def test_a_database_that_fails_is_an_error_until_it_is_back(database: Database, clock: FakeClock, watch: Watch) -> None:
    before = watch.generation()
    clock.advance(seconds=POLL_SECONDS)
    rename(database, "generation", "away")
    with pytest.raises(SQLAlchemyError):
        watch.generation()
    rename(database, "away", "generation")
    assert watch.generation() == before


def test_a_database_that_hangs_holds_up_one_and_refuses_the_others(database: Database, watch: Watch) -> None:
    answers: list[int] = []
    first = threading.Thread(target=lambda: answers.append(watch.generation()))
    with hanging(database) as (asked, answer):
        first.start()
        assert asked.wait(10)
        with pytest.raises(TimeoutError):
            watch.generation()
        answer.set()
        first.join(10)
    assert answers == [watch.generation()]
