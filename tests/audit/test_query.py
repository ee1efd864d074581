"""What `audit list` shows, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from config.database import Database
from policy.audit.events import Event, EventKind
from policy.audit.log import AuditLog
from policy.audit.models import AuditRecord
from policy.audit.query import Filter, listing
from policy.audit.verify import KEPT
from tests.support.clock import FakeClock
from tests.support.events import an_event


@pytest.fixture
def events(log: AuditLog, clock: FakeClock) -> list[Event]:
    """Six days of one event a day: actors 1 and 2 in turn, schools 1 to 3."""
    made = []
    kinds = (EventKind.FILE_OPEN, EventKind.FOLDER_BROWSE, EventKind.SIGN_IN)
    for n in range(6):
        made.append(
            an_event(at=clock.now(), event=kinds[n % 3], actor=1 + n % 2, school=1 + n // 2, reference=f"D-{n}")
        )
        log.record(made[-1])
        clock.advance(days=1)
    return made


def found(database: Database, wanted: Filter, limit: int = 100) -> list[Event | None]:
    with database.read() as connection:
        return [entry.event for entry in listing(connection, wanted, limit)]


def test_a_listing_is_oldest_first(events: list[Event], database: Database) -> None:
    assert found(database, Filter()) == events


def test_a_limit_keeps_the_newest(events: list[Event], database: Database) -> None:
    assert found(database, Filter(), limit=2) == events[-2:]


def test_since_is_included_and_until_is_not(events: list[Event], database: Database) -> None:
    assert found(database, Filter(since=events[2].at, until=events[4].at)) == events[2:4]


def test_since_after_the_last_shows_nothing(events: list[Event], database: Database) -> None:
    assert found(database, Filter(since=events[-1].at + timedelta(days=30))) == []


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Filter(actor=1), [0, 2, 4]),
        (Filter(event=EventKind.SIGN_IN), [2, 5]),
        (Filter(school=2), [2, 3]),
        (Filter(reference="D-4"), [4]),
        (Filter(session="s-1", actor=2, school=1), [1]),
        (Filter(reference="D-"), []),
        (Filter(object="nothing"), []),
    ],
)
def test_a_filter_shows_what_fits(events: list[Event], database: Database, wanted: Filter, numbers: list[int]) -> None:
    assert found(database, wanted) == [events[n] for n in numbers]


def test_a_pruned_record_is_shown_as_such(
    events: list[Event], log: AuditLog, database: Database, clock: FakeClock
) -> None:
    clock.advance(seconds=KEPT.total_seconds())
    log.record(last := an_event())
    with database.write() as connection:
        connection.execute(update(AuditRecord).where(AuditRecord.seq == 1).values(payload=None, salt=None))
    assert found(database, Filter()) == [None, *events[1:], last]
