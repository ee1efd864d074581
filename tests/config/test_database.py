"""A writer of SQLite waits its turn, no longer than is said; what failed leaves nothing, and no secret in its error."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, inspect, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

import config.database
from config.database import Database
from config.errors import OperatorError
from tests.support.databases import opened


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with opened(f"sqlite:///{tmp_path}/main.db") as database:
        yield database


def hold(path: Path) -> int:
    """The writers' lock, taken as another process would; close it."""
    descriptor = os.open(f"{path}/main.db.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def test_a_writer_that_is_stuck_refuses_the_next_in_time(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config.database, "TURN_SECONDS", 0.05)
    holder = hold(tmp_path)
    with pytest.raises(TimeoutError), database.write():
        raise AssertionError("it was somebody else's turn")
    os.close(holder)


def test_a_turn_that_nobody_waited_for_to_the_end_is_given_back(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config.database, "TURN_SECONDS", 0.05)
    holder = hold(tmp_path)
    with pytest.raises(TimeoutError), database.write():
        pass
    os.close(holder)
    monkeypatch.setattr(config.database, "TURN_SECONDS", 5.0)
    with database.write() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_an_error_does_not_show_what_the_statement_was_given(database: Database) -> None:
    with database.read() as connection, pytest.raises(SQLAlchemyError) as raised:
        connection.execute(text("SELECT * FROM nowhere WHERE name = :name"), {"name": "CanaryPassw0rd!"})
    assert "Canary" not in str(raised.value)


@pytest.mark.parametrize("url", ["nonsense", "mysql://ladocs@db/ladocs", "oracle://db"])
def test_another_kind_of_database_is_refused_with_one_that_would_do(url: str) -> None:
    with pytest.raises(OperatorError, match="write it like postgresql://") as raised:
        Database(url)
    assert raised.value.exit_status == 2


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(OperatorError, match=r"ladocs\[postgresql\]") as raised:
        Database("postgresql://ladocs@db/ladocs")
    assert raised.value.exit_status == 2


@pytest.mark.parametrize(("query", "patience"), [("", 5), ("?connect_timeout=60", 60)])
def test_a_server_that_has_vanished_is_not_waited_for_unless_the_address_says_so(query: str, patience: int) -> None:
    asked: dict[str, Any] = {}

    def connect(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
        asked.update(parameters)
        raise OSError("nobody there")

    database = Database(f"postgresql://ladocs@db/ladocs{query}")
    event.listen(database.engine, "do_connect", connect)
    with pytest.raises(OSError, match="nobody there"), database.read():
        pass
    assert (int(asked["connect_timeout"]), asked["tcp_user_timeout"]) == (patience, 5000)


def test_a_commit_that_fails_leaves_no_transaction_behind(empty_url: str) -> None:
    def refuse(connection: Connection) -> None:
        raise OperationalError("COMMIT", {}, Exception("disk I/O error"))

    with opened(empty_url) as database:
        event.listen(database.engine, "commit", refuse)
        with pytest.raises(OperationalError), database.write() as connection:
            connection.execute(text("CREATE TABLE lost (number INTEGER)"))
        event.remove(database.engine, "commit", refuse)
        with database.write() as connection:
            assert not inspect(connection).has_table("lost")
