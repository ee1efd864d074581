"""Old records are emptied once a day, on record, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select, text

from config.database import Database
from policy.audit import pruning
from policy.audit.chain import Head
from policy.audit.events import Event, EventKind, RecordUnavailable
from policy.audit.log import AuditLog
from policy.audit.models import AuditRecord
from policy.audit.pruning import Pruning, months_before
from policy.audit.query import Filter, listing
from policy.audit.verify import Report, verify
from tests.support.clock import FakeClock
from tests.support.events import an_event

NOW = datetime(2028, 11, 30, 3, 0, tzinfo=UTC)
OLD = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
"""Older than 24 months and than 730 days at NOW; YOUNG is older than 730 days alone, by the leap day of 2028."""
YOUNG = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)

Make = Callable[[], Pruning]


@pytest.fixture
def make(url: str, log: AuditLog) -> Make:
    return lambda: Pruning(url, log, 24)


@pytest.fixture
def heads(log: AuditLog, clock: FakeClock) -> list[Head]:
    """Three batches of two that are due at NOW, two that are not, and one of NOW; the heads after each."""
    made = []
    for at in (OLD, OLD, OLD, YOUNG, YOUNG, NOW):
        clock.set(at)
        log.record_all([an_event(at=at)] * 2)
        made.append(log.head)
    return made


def emptied(database: Database) -> list[int]:
    with database.read() as connection:
        rows = connection.execute(select(AuditRecord).order_by(AuditRecord.seq)).all()
    assert all((row.payload is None) == (row.salt is None) for row in rows)
    return [row.seq for row in rows if row.payload is None]


def proved(database: Database, heads: list[Head]) -> Report:
    with database.read() as connection:
        return verify(connection, heads)


def told(database: Database) -> list[Event]:
    with database.read() as connection:
        return [one.event for one in listing(connection, Filter(event=EventKind.RECORD_PRUNED)) if one.event]


def test_what_is_older_than_the_months_is_emptied_and_nothing_else(
    heads: list[Head], database: Database, make: Make
) -> None:
    assert make().run(NOW) == 6
    assert emptied(database) == [1, 2, 3, 4, 5, 6]


def test_the_record_verifies_as_before_with_every_head_that_was_remembered(
    heads: list[Head], database: Database, make: Make
) -> None:
    make().run(NOW)
    report = proved(database, heads)
    assert (report.intact, report.pruned) == (True, 6)


def test_it_stands_in_the_record_with_its_number(heads: list[Head], database: Database, make: Make) -> None:
    make().run(NOW)
    [event] = told(database)
    assert (event.at, event.count, event.reason) == (NOW, 6, "sealed before 2026-11-30")


def test_a_day_without_anything_old_says_nothing(heads: list[Head], database: Database, make: Make) -> None:
    make().run(NOW)
    assert make().run(NOW) == 0
    assert len(told(database)) == 1


def test_nothing_is_emptied_where_the_record_cannot_say_so(
    heads: list[Head], log: AuditLog, database: Database, make: Make
) -> None:
    log.close()
    with pytest.raises(RecordUnavailable):
        make().run(NOW)
    assert emptied(database) == []


def test_a_run_that_was_broken_off_is_taken_up_by_the_next(
    heads: list[Head], database: Database, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "STEP", 2)
    with database.write() as connection:
        connection.execute(text("UPDATE audit_record SET payload = NULL, salt = NULL WHERE seq <= 2"))
    assert make().run(NOW) == 4
    assert emptied(database) == [1, 2, 3, 4, 5, 6]
    assert proved(database, heads).intact


def test_a_batch_that_a_wrong_clock_sealed_later_is_left_until_its_time(
    log: AuditLog, database: Database, clock: FakeClock, make: Make
) -> None:
    for at in (OLD, YOUNG, OLD, NOW):
        clock.set(at)
        log.record(an_event(at=at))
    assert make().run(NOW) == 2
    assert emptied(database) == [1, 3]
    assert make().run(datetime(2028, 12, 1, 3, 0, tzinfo=UTC)) == 1
    assert emptied(database) == [1, 2, 3]


def test_nothing_young_is_emptied_whatever_the_clock_says(heads: list[Head], database: Database, make: Make) -> None:
    """The day that is handed in lies decades ahead; the last batch does not."""
    make().run(datetime(2060, 1, 1, tzinfo=UTC))
    assert emptied(database) == list(range(1, 11))


def test_an_empty_record_is_left_alone(database: Database, make: Make) -> None:
    assert make().run(NOW) == 0
    assert told(database) == []


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        (date(2028, 11, 30), 24, date(2026, 11, 30)),
        (date(2028, 2, 29), 24, date(2026, 2, 28)),
        (date(2027, 1, 15), 25, date(2024, 12, 15)),
        (date(2027, 5, 31), 27, date(2025, 2, 28)),
    ],
)
def test_months_are_those_of_the_calendar(day: date, months: int, before: date) -> None:
    assert months_before(day, months) == before
