"""Grants: what is durable before a byte leaves, what is counted, and what the closing record says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from policy.audit.events import Event, EventKind, RecordUnavailable
from policy.audit.grants import Grants
from policy.audit.log import AuditLog
from policy.audit.query import Filter, listing
from policy.audit.reading import GRANT_BYTES, MAX_PIECES
from policy.audit.windows import Windows
from tests.support.clock import FakeClock
from tests.support.databases import opened
from tests.support.events import an_event

BROWSE = an_event(event=EventKind.FOLDER_BROWSE, object="7/2026-11/SEND", reference="")
REFUSAL = an_event(event=EventKind.READ_REFUSED, object="7/2026-11", reason="no grant for this category", reference="")
OPEN = an_event()
MIB = 1024 * 1024

Rows = Callable[..., list[Event]]


@pytest.fixture
def log(sqlite_url: str, make_log: Callable[..., AuditLog]) -> AuditLog:
    return make_log(sqlite_url)


@pytest.fixture
def grants(log: AuditLog, clock: FakeClock) -> Grants:
    return Grants(log, clock)


@pytest.fixture
def rows(log: AuditLog, sqlite_url: str) -> Rows:
    """What is on record of one kind, oldest first."""

    def read(kind: EventKind) -> list[Event]:
        log.flush()
        with opened(sqlite_url) as database, database.read() as connection:
            found = [entry.event for entry in listing(connection, Filter(event=kind), limit=100_000)]
        return [event for event in found if event is not None]

    return read


def test_the_first_listing_of_a_folder_is_durable_before_it_returns(grants: Grants, rows: Rows) -> None:
    grants.browse(BROWSE)
    assert rows(EventKind.FOLDER_BROWSE) == [BROWSE]


def test_listings_within_five_minutes_add_one_row_with_their_count(
    grants: Grants, rows: Rows, clock: FakeClock
) -> None:
    for _ in range(10):
        grants.browse(BROWSE)
        clock.advance(seconds=29)
    clock.advance(minutes=1)
    grants.sweep()
    assert [event.count for event in rows(EventKind.FOLDER_BROWSE)] == [1, 9]


def test_a_listing_after_five_minutes_is_durable_again(grants: Grants, rows: Rows, clock: FakeClock) -> None:
    grants.browse(BROWSE)
    clock.advance(minutes=5)
    grants.browse(BROWSE)
    assert [event.count for event in rows(EventKind.FOLDER_BROWSE)] == [1, 1]


def test_another_session_needs_a_browse_grant_of_its_own(grants: Grants, rows: Rows) -> None:
    grants.browse(BROWSE)
    grants.browse(replace(BROWSE, session="s-2"))
    assert [event.session for event in rows(EventKind.FOLDER_BROWSE)] == ["s-1", "s-2"]


def test_the_end_of_a_session_writes_its_counts_alone(grants: Grants, rows: Rows) -> None:
    for session in ("s-1", "s-2"):
        for _ in range(3):
            grants.browse(replace(BROWSE, session=session))
    grants.end_session("s-1")
    assert [(e.session, e.count) for e in rows(EventKind.FOLDER_BROWSE)] == [("s-1", 1), ("s-2", 1), ("s-1", 2)]


def test_alike_refusals_are_one_row_and_a_count_whatever_the_names(grants: Grants, rows: Rows) -> None:
    for n in range(100):
        grants.refused(replace(REFUSAL, object=grants.hashed_name("7/2026-11", f"guess {n}")))
    grants.end_session("s-1")
    first, further = rows(EventKind.READ_REFUSED)
    assert (first.object, further.object, further.count) == (
        grants.hashed_name("7/2026-11", "guess 0"),
        "7/2026-11",
        99,
    )


def test_refusals_for_another_reason_are_another_row(grants: Grants, rows: Rows) -> None:
    grants.refused(REFUSAL)
    grants.refused(replace(REFUSAL, reason="past its last day"))
    assert len(rows(EventKind.READ_REFUSED)) == 2


def test_opening_is_durable_and_says_which_bytes_it_covers(grants: Grants, rows: Rows) -> None:
    grants.file(OPEN, length=200 * MIB)
    assert rows(EventKind.FILE_OPEN) == [replace(OPEN, at=OPEN.at.replace(hour=9), ranges=((0, GRANT_BYTES),))]


def test_a_grant_ends_where_the_document_does(grants: Grants, rows: Rows) -> None:
    grants.file(OPEN, length=1000)
    assert rows(EventKind.FILE_OPEN)[0].ranges == ((0, 1000),)


def test_the_next_64_mib_are_granted_durably(grants: Grants, rows: Rows) -> None:
    grant = grants.file(OPEN, length=100 * MIB)
    grant.cover(GRANT_BYTES - 1, 2)
    assert [(e.count, e.ranges) for e in rows(EventKind.FILE_OPEN)] == [
        (1, ((0, GRANT_BYTES),)),
        (0, ((GRANT_BYTES, 100 * MIB),)),
    ]


def test_reading_on_after_a_minute_renews_the_grant(grants: Grants, rows: Rows, clock: FakeClock) -> None:
    grant = grants.file(OPEN, length=1000)
    clock.advance(seconds=60)
    grant.cover(0, 10)
    assert [e.count for e in rows(EventKind.FILE_OPEN)] == [1, 0]


def test_try_cover_refuses_what_needs_a_renewal(grants: Grants, clock: FakeClock) -> None:
    grant = grants.file(OPEN, length=1000)
    clock.advance(seconds=60)
    assert not grant.try_cover(0, 10)


def test_try_cover_permits_what_is_granted(grants: Grants) -> None:
    assert grants.file(OPEN, length=1000).try_cover(0, 1000)


def test_the_closing_record_lists_what_was_sent(grants: Grants, rows: Rows) -> None:
    with_ranges = grants.file(OPEN, length=1000)
    for offset in (0, 100, 50, 500, 600):
        with_ranges.cover(offset, 100)
    with_ranges.close()
    assert [(e.ranges, e.count) for e in rows(EventKind.FILE_CLOSE)] == [(((0, 200), (500, 700)), 1)]


def test_closing_twice_is_closing_once(grants: Grants, rows: Rows) -> None:
    grant = grants.file(OPEN, length=1000)
    grant.close()
    grant.close()
    assert len(rows(EventKind.FILE_CLOSE)) == 1


def test_a_closed_handle_covers_nothing(grants: Grants) -> None:
    grant = grants.file(OPEN, length=1000)
    grant.close()
    with pytest.raises(RecordUnavailable):
        grant.cover(0, 1)


def test_handles_on_one_document_within_a_minute_share_a_grant(grants: Grants, rows: Rows) -> None:
    for _ in range(50):
        grant = grants.file(OPEN, length=1000)
        grant.cover(0, 10)
        grant.close()
    assert len(rows(EventKind.FILE_OPEN)) == 1


def test_the_same_document_through_another_school_is_a_reading_of_its_own(grants: Grants, rows: Rows) -> None:
    for school in (3, 4):
        grants.file(replace(OPEN, school=school), length=1000).close()
    assert [e.school for e in rows(EventKind.FILE_CLOSE)] == [3, 4]


def test_closings_of_one_minute_are_one_row_and_a_count(grants: Grants, rows: Rows, clock: FakeClock) -> None:
    for n in range(50):
        grant = grants.file(OPEN, length=1000)
        grant.cover(10 * n, 10)
        grant.close()
    clock.advance(minutes=1)
    grants.sweep()
    assert [(e.ranges, e.count) for e in rows(EventKind.FILE_CLOSE)] == [(((0, 10),), 1), (((10, 500),), 49)]


def test_the_end_of_a_session_closes_its_readings(grants: Grants, rows: Rows) -> None:
    grant = grants.file(OPEN, length=1000)
    grant.cover(0, 10)
    grants.end_session("s-1")
    assert [e.ranges for e in rows(EventKind.FILE_CLOSE)] == [((0, 10),)]


def test_a_handle_reads_no_further_when_its_session_has_ended(grants: Grants) -> None:
    grant = grants.file(OPEN, length=1000)
    grants.end_session("s-1")
    with pytest.raises(RecordUnavailable):
        grant.cover(0, 10)


def test_many_scattered_ranges_are_told_in_pieces(grants: Grants, rows: Rows) -> None:
    grant = grants.file(OPEN, length=1_000_000)
    for n in range(MAX_PIECES + 10):
        grant.cover(10 * n, 5)
    grant.close()
    assert [(len(e.ranges), e.count) for e in rows(EventKind.FILE_CLOSE)] == [(MAX_PIECES, 0), (10, 1)]


def test_one_renewal_serves_all_threads_of_a_handle(grants: Grants, rows: Rows, clock: FakeClock) -> None:
    grant = grants.file(OPEN, length=1000)
    clock.advance(minutes=2)
    threads = [threading.Thread(target=grant.cover, args=(n, 1)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows(EventKind.FILE_OPEN)) == 2


@pytest.mark.parametrize("act", ["browse", "refused", "file"])
def test_without_a_record_there_is_no_grant(grants: Grants, log: AuditLog, act: str) -> None:
    log.close()
    with pytest.raises(RecordUnavailable):
        getattr(grants, act)(OPEN)


def test_an_outage_stops_a_running_transfer_within_a_minute(grants: Grants, log: AuditLog, clock: FakeClock) -> None:
    grant = grants.file(OPEN, length=1000)
    log.close()
    grant.cover(0, 10)
    clock.advance(seconds=60)
    with pytest.raises(RecordUnavailable):
        grant.cover(10, 10)


def test_a_refused_opening_leaves_no_grant_behind(grants: Grants, log: AuditLog) -> None:
    log.close()
    for _ in range(2):
        with pytest.raises(RecordUnavailable):
            grants.file(OPEN, length=1000)


def test_open_windows_are_bounded(log: AuditLog, clock: FakeClock, rows: Rows) -> None:
    windows = Windows(log, clock, limit=10)
    for n in (*range(12), 0):
        windows.count(replace(BROWSE, session=str(n)))
    assert [e.session for e in rows(EventKind.FOLDER_BROWSE)] == [*map(str, range(12)), "0"]


def test_a_window_that_ends_early_loses_no_count(log: AuditLog, clock: FakeClock, rows: Rows) -> None:
    windows = Windows(log, clock, limit=10)
    for n in (0, 0, 0, *range(1, 13)):
        windows.count(replace(BROWSE, session=str(n)))
    assert sum(e.count for e in rows(EventKind.FOLDER_BROWSE)) == 15
