"""The database's own guard: what the triggers forbid."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config.database import Database
from policy.audit.log import AuditLog
from tests.audit.conftest import empty
from tests.support.databases import opened
from tests.support.events import an_event
from tests.support.postgres import PostgresServer

FORBIDDEN = {
    "edit a payload": "UPDATE audit_record SET payload = leaf WHERE seq = 1",
    "edit a leaf": "UPDATE audit_record SET leaf = salt WHERE seq = 1",
    "empty a payload and edit its leaf": "UPDATE audit_record SET payload = NULL, salt = NULL, leaf = salt",
    "empty a payload alone": "UPDATE audit_record SET payload = NULL WHERE seq = 1",
    "renumber a record": "UPDATE audit_record SET seq = 9 WHERE seq = 1",
    "move a record": "UPDATE audit_record SET batch = 9 WHERE seq = 1",
    "delete a record": "DELETE FROM audit_record WHERE seq = 1",
    "edit a batch": "UPDATE audit_batch SET ts = 0",
    "delete a batch": "DELETE FROM audit_batch",
    "insert a record again": "INSERT INTO audit_record SELECT * FROM audit_record WHERE seq = 1",
    "insert a batch again": "INSERT INTO audit_batch SELECT * FROM audit_batch WHERE b = 1",
}
FORBIDDEN_SQLITE = {
    "replace a record": "INSERT OR REPLACE INTO audit_record SELECT seq, batch, salt, x'7b7d', leaf FROM audit_record",
    "replace a batch": "INSERT OR REPLACE INTO audit_batch SELECT b, first, n, 0, root, prev, link FROM audit_batch",
    "replace by link": "INSERT OR REPLACE INTO audit_batch SELECT 2, first, n, 0, root, prev, link FROM audit_batch",
    "leave a number out": "INSERT INTO audit_record SELECT 99, batch, salt, payload, leaf FROM audit_record LIMIT 1",
}
FORBIDDEN_POSTGRESQL = {"truncate records": "TRUNCATE audit_record", "truncate batches": "TRUNCATE audit_batch"}


def refused(database: Database, statement: str) -> bool:
    try:
        with database.write() as connection:
            connection.execute(text(statement))
    except DBAPIError:
        return True
    return False


@pytest.mark.parametrize("name", FORBIDDEN)
def test_the_database_refuses(log: AuditLog, database: Database, name: str) -> None:
    log.record_all([an_event()] * 3)
    assert refused(database, FORBIDDEN[name])


@pytest.mark.parametrize("name", FORBIDDEN_SQLITE)
def test_sqlite_refuses(sqlite_url: str, make_log: Callable[..., AuditLog], name: str) -> None:
    make_log(sqlite_url).record_all([an_event()] * 3)
    with opened(sqlite_url) as database:
        assert refused(database, FORBIDDEN_SQLITE[name])


@pytest.mark.parametrize("name", FORBIDDEN_POSTGRESQL)
def test_postgresql_refuses(postgres: PostgresServer, make_log: Callable[..., AuditLog], name: str) -> None:
    url = empty(postgres.fresh_database())
    make_log(url).record(an_event())
    with opened(url) as database:
        assert refused(database, FORBIDDEN_POSTGRESQL[name])
