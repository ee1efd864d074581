"""`AuditLog` in one process, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select

from config.database import Database
from policy.audit.chain import Head, head
from policy.audit.events import EventKind, RecordUnavailable
from policy.audit.log import QUEUE_LIMIT, AuditLog
from policy.audit.models import AuditRecord
from policy.audit.query import Filter, listing
from policy.audit.verify import verify
from tests.support.clock import FakeClock
from tests.support.events import an_event


def test_record_returns_when_the_event_is_in_the_database(log: AuditLog, database: Database) -> None:
    event = an_event()
    log.record(event)
    with database.read() as connection:
        assert [entry.event for entry in listing(connection, Filter())] == [event]


def test_events_recorded_together_stand_in_one_batch_in_their_order(log: AuditLog, database: Database) -> None:
    events = [an_event(count=n) for n in range(8)]
    log.record_all(events)
    with database.read() as connection:
        entries = listing(connection, Filter())
    assert [(entry.batch, entry.event) for entry in entries] == [(1, event) for event in events]


def test_concurrent_callers_keep_one_chain(log: AuditLog, database: Database) -> None:
    def ten() -> None:
        for _ in range(10):
            log.record(an_event())

    threads = [threading.Thread(target=ten) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        report = verify(connection)
    assert (report.finding, report.head.records) == (None, 80)


def test_head_is_the_end_of_the_chain(log: AuditLog, database: Database) -> None:
    log.record(an_event())
    with database.read() as connection:
        assert log.head == head(connection) != Head()


def test_a_second_log_continues_where_the_first_ended(url: str, make_log: Callable[..., AuditLog]) -> None:
    first = make_log(url)
    first.record(an_event())
    second = make_log(url)
    second.record(an_event())
    first.record(an_event())
    assert first.head.records == 3


def test_posted_events_are_written_without_waiting(log: AuditLog, database: Database) -> None:
    assert log.post(an_event())
    log.flush()
    with database.read() as connection:
        assert len(listing(connection, Filter())) == 1


def test_close_writes_what_was_posted(log: AuditLog, database: Database) -> None:
    for _ in range(5):
        log.post(an_event())
    log.close()
    with database.read() as connection:
        assert len(listing(connection, Filter())) == 5


def test_a_closed_log_refuses(log: AuditLog) -> None:
    log.close()
    with pytest.raises(RecordUnavailable):
        log.record(an_event())


def test_a_log_that_was_not_started_refuses(sqlite_url: str, clock: FakeClock) -> None:
    log = AuditLog(sqlite_url, clock=clock, entropy=bytes, name_key=b"")
    with pytest.raises(RecordUnavailable):
        log.record(an_event())


def test_more_than_the_queue_holds_is_refused(log: AuditLog) -> None:
    with pytest.raises(RecordUnavailable, match="keep up"):
        log.record_all([an_event()] * (QUEUE_LIMIT + 1))


def test_each_record_has_a_salt_of_its_own(log: AuditLog, database: Database) -> None:
    log.record_all([an_event()] * 50)
    with database.read() as connection:
        salts = connection.execute(select(AuditRecord.salt)).scalars().all()
    assert len(set(salts)) == 50


def test_the_heart_beats_at_most_once_a_minute(log: AuditLog, database: Database, clock: FakeClock) -> None:
    for _ in range(4):
        log.heartbeat()
        clock.advance(seconds=30)
    with database.read() as connection:
        assert len(listing(connection, Filter(event=EventKind.HEARTBEAT))) == 2


def test_a_refused_name_is_kept_as_folder_and_keyed_hash(log: AuditLog) -> None:
    name = log.hashed_name("7/2026-11/SEND", "Jane Doe EHCP.pdf")
    folder, _, digest = name.rpartition("#")
    assert (folder, len(digest), "Jane" in name) == ("7/2026-11/SEND", 32, False)


def test_the_same_name_hashes_alike_and_another_differently(log: AuditLog) -> None:
    a, again, b = (log.hashed_name("7", rest) for rest in ("x.pdf", "x.pdf", "y.pdf"))
    assert (a == again, a == b) == (True, False)
