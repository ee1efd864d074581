"""Who read a document: what was sent, what may have been, and who only listed its folder."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from config.database import Database
from policy.audit.events import EventKind
from policy.audit.grants import Grants
from policy.audit.log import AuditLog
from policy.audit.models import AuditRecord
from policy.audit.readers import Found, Listing, Read, of_account, of_documents
from policy.audit.verify import KEPT
from tests.support.clock import FakeClock
from tests.support.events import an_event

LETTER, OTHER = "D-7K4M-Q2", "D-0000-00"
FOLDER = "3/2026-11/1"
SIZE = 100_000


class Record:
    """A record in which people read, and its answers."""

    def __init__(self, log: AuditLog, database: Database, clock: FakeClock) -> None:
        self.log, self.database, self.clock = log, database, clock
        self.grants = Grants(log, clock)
        self.since = clock.now()

    def open(self, **changes: Any) -> Any:
        return self.grants.file(an_event(at=self.clock.now(), **changes), SIZE)

    def read(self, size: int, **changes: Any) -> None:
        handle = self.open(**changes)
        handle.cover(0, size)
        handle.close()

    def browse(self, **changes: Any) -> None:
        values = {"event": EventKind.FOLDER_BROWSE, "object": FOLDER, "reference": "", "at": self.clock.now()}
        self.grants.browse(an_event(**(values | changes)))

    def sign_out(self, session: str = "s-1") -> None:
        self.grants.end_session(session)
        values: dict[str, Any] = {"event": EventKind.SIGN_OUT, "object": "", "reference": "", "session": session}
        self.log.record(an_event(at=self.clock.now(), **values))

    def found(self) -> Found:
        self.log.flush()
        spans = {FOLDER: (self.since, self.since + timedelta(days=90))}
        with self.database.read() as connection:
            return of_documents(connection, [LETTER], spans, self.since)

    def one(self) -> Read:
        [read] = self.found().reads
        return read


@pytest.fixture
def record(log: AuditLog, database: Database, clock: FakeClock) -> Record:
    return Record(log, database, clock)


def test_what_was_sent_is_counted_once_however_often_it_was_asked_for(record: Record) -> None:
    began = record.clock.now()
    for size in (60_000, 80_000):
        record.read(size)
        record.clock.advance(minutes=5)
    record.sign_out()
    read = record.one()
    assert (read.reader.actor, read.reader.client, read.reader.address) == (17, "WinSCP 6.3", "192.0.2.7")
    assert (read.sent, read.unconfirmed, read.times) == (80_000, 0, 2)
    assert (read.first, read.last) == (began, began + timedelta(minutes=5))


def test_handles_that_share_a_grant_are_counted_each(record: Record) -> None:
    for _ in range(3):
        record.read(10)
    record.sign_out()
    assert record.one().times == 3


def test_a_grant_without_a_closing_is_unconfirmed_up_to_its_range(record: Record) -> None:
    """The process died with the handle open."""
    record.open().cover(0, 5_000)
    read = record.one()
    assert (read.sent, read.unconfirmed) == (0, SIZE)


def test_a_closing_without_the_end_of_its_session_leaves_the_rest_unconfirmed(record: Record) -> None:
    """A second handle may have been open under the same grant when the process died."""
    record.read(60_000)
    read = record.one()
    assert (read.sent, read.unconfirmed) == (60_000, SIZE - 60_000)


def test_what_was_sent_whole_is_never_unconfirmed(record: Record) -> None:
    record.read(SIZE)
    assert (record.one().sent, record.one().unconfirmed) == (SIZE, 0)


def test_a_session_that_ended_vouches_for_no_other(record: Record) -> None:
    record.read(60_000)
    record.sign_out("s-2")
    assert record.one().unconfirmed == SIZE - 60_000


def test_each_program_and_address_is_a_reader_of_its_own(record: Record) -> None:
    for session, client, address in (
        ("a", "WinSCP", "192.0.2.7"),
        ("b", "Preview", "192.0.2.7"),
        ("c", "WinSCP", "::1"),
    ):
        record.read(10, session=session, client=client, address=address)
    assert [(read.reader.client, read.reader.address) for read in record.found().reads] == [
        ("WinSCP", "192.0.2.7"),
        ("Preview", "192.0.2.7"),
        ("WinSCP", "::1"),
    ]


def test_other_documents_do_not_count(record: Record) -> None:
    record.read(10, reference=OTHER)
    assert record.found().reads == ()


def test_a_listing_is_no_reading(record: Record) -> None:
    began = record.clock.now()
    for _ in range(3):
        record.browse()
    record.clock.advance(minutes=1)
    record.sign_out()
    found = record.found()
    assert found.reads == ()
    [listing] = found.listings
    assert isinstance(listing, Listing)
    assert (listing.folder, listing.times, listing.first) == (FOLDER, 3, began)


@pytest.mark.parametrize(
    ("where", "days"), [("3/2026-11/2", 0), ("3/2026-11", 0), ("13/2026-11/1", 0), (FOLDER, -1), (FOLDER, 90)]
)
def test_only_its_own_folder_in_its_own_time_counts(record: Record, where: str, days: int) -> None:
    record.browse(object=where, at=record.since + timedelta(days=days))
    assert record.found().listings == ()


def test_what_an_account_read_and_listed_is_found(record: Record) -> None:
    record.read(10)
    record.read(20, reference=OTHER, object="11" * 16)
    record.read(30, actor=18, session="s-3")
    record.browse()
    record.browse(object="3/2026-11")
    record.log.flush()
    with record.database.read() as connection:
        found = of_account(connection, 17, None)
    assert [(read.reference, read.sent) for read in found.reads] == [(LETTER, 10), (OTHER, 20)]
    assert [listing.folder for listing in found.listings] == [FOLDER]


def test_records_that_were_pruned_are_counted_as_unreadable(record: Record) -> None:
    record.read(10)
    record.log.flush()
    record.clock.advance(seconds=KEPT.total_seconds() + 1)
    record.log.record(an_event(at=record.clock.now(), reference=OTHER))
    with record.database.write() as connection:
        connection.execute(update(AuditRecord).where(AuditRecord.seq == 1).values(payload=None, salt=None))
    assert record.found().unreadable == 1
