"""A record is emptied only more than 730 days before the last batch: the database refuses it, and the prover tells."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config.database import Database
from policy.audit.log import AuditLog
from policy.audit.verify import KEPT, Fault, Report, verify
from tests.support.clock import FakeClock
from tests.support.events import an_event

MIGRATION = Path(__file__).parents[2] / "config/migrations/audit/versions/0001_record.py"
PRUNE = "UPDATE audit_record SET payload = NULL, salt = NULL WHERE seq <= 3"
SECOND = timedelta(seconds=1)


def aged(log: AuditLog, clock: FakeClock, age: timedelta) -> None:
    """Three records, and a batch that was sealed `age` later."""
    log.record_all([an_event()] * 3)
    clock.advance(seconds=age.total_seconds())
    log.record(an_event())


def prune(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text(PRUNE))


def unguard(database: Database) -> None:
    """As the database's owner could."""
    with database.write() as connection:
        on_table = "" if database.is_sqlite else " ON audit_record"
        name = "audit_record_update" if database.is_sqlite else "audit_record_guard"
        connection.execute(text(f"DROP TRIGGER {name}{on_table}"))


def proved(database: Database, log: AuditLog) -> Report:
    with database.read() as connection:
        return verify(connection, (log.head,))


@pytest.mark.parametrize("age", [timedelta(0), KEPT], ids=["new", "just not old enough"])
def test_a_younger_record_is_not_emptied(log: AuditLog, database: Database, clock: FakeClock, age: timedelta) -> None:
    aged(log, clock, age)
    with pytest.raises(DBAPIError):
        prune(database)


def test_a_record_without_its_batch_is_not_emptied(log: AuditLog, database: Database, clock: FakeClock) -> None:
    aged(log, clock, KEPT + SECOND)
    with database.write() as connection:
        connection.execute(text("INSERT INTO audit_record SELECT 5, 99, salt, payload, leaf FROM audit_record LIMIT 1"))
    with pytest.raises(DBAPIError), database.write() as connection:
        connection.execute(text("UPDATE audit_record SET payload = NULL, salt = NULL WHERE seq = 5"))


def test_an_older_record_is_emptied_and_the_proof_still_holds(
    log: AuditLog, database: Database, clock: FakeClock
) -> None:
    aged(log, clock, KEPT + SECOND)
    prune(database)
    report = proved(database, log)
    assert (report.intact, report.pruned) == (True, 3)


@pytest.mark.parametrize("age", [timedelta(0), KEPT], ids=["new", "just not old enough"])
def test_a_younger_record_that_was_emptied_all_the_same_is_found(
    log: AuditLog, database: Database, clock: FakeClock, age: timedelta
) -> None:
    aged(log, clock, age)
    unguard(database)
    prune(database)
    finding = proved(database, log).finding
    assert finding is not None
    assert (finding.fault, finding.batch, finding.seq) == (Fault.RECORD_EMPTIED, 1, 1)


def test_both_databases_and_the_prover_mean_the_same_age() -> None:
    assert MIGRATION.read_text().count(str(KEPT // timedelta(microseconds=1))) == 2
