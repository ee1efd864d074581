"""While a sign-in is written, nobody's access changes; and two sign-ins do not wait for each other."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from config.database import Database
from policy import generations
from tests.support.databases import opened, with_tables
from tests.support.postgres import PostgresServer


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.fresh_database()


def _impatient(database: Database, then: str) -> None:
    """Hold or move the counter in a transaction that waits for nobody."""
    with database.write() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
        act = generations.hold if then == "hold" else generations.bump
        act(connection, generations.ACCESS)


def _counter(database: Database) -> None:
    with database.write() as connection:
        generations.bump(connection, generations.ACCESS)


def test_no_change_passes_while_the_counter_is_held(url: str) -> None:
    with with_tables(url) as database, opened(url) as other:
        _counter(database)
        with database.write() as connection:
            generations.hold(connection, generations.ACCESS)
            with pytest.raises(OperationalError, match="lock timeout"):
                _impatient(other, "bump")


def test_many_hold_it_at_a_time(url: str) -> None:
    with with_tables(url) as database, opened(url) as other:
        _counter(database)
        with database.write() as connection:
            generations.hold(connection, generations.ACCESS)
            _impatient(other, "hold")


def test_it_is_free_once_the_sign_in_is_written(url: str) -> None:
    with with_tables(url) as database:
        _counter(database)
        with database.write() as connection:
            generations.hold(connection, generations.ACCESS)
        _impatient(database, "bump")
        with database.read() as connection:
            assert generations.value(connection, generations.ACCESS) == 2
