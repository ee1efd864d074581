"""Pruning: what a record said is forgotten after `audit.keep` months, its leaf stays, and the chain verifies as before.

Called once a day by the jobs' clock. The record says how many records are to be emptied before they are; a run that was
broken off is taken up by the next. Never younger than 730 days, counted to the last batch: the database refuses it.
Raises RecordUnavailable, sqlalchemy.exc.SQLAlchemyError and OSError.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, func, select, update

from config.clock import london_date, london_midnight, microseconds
from config.database import Database
from policy.audit.events import Event, EventKind, Result
from policy.audit.log import AuditLog
from policy.audit.models import AuditBatch, AuditRecord
from policy.audit.verify import KEPT

STEP = 1000
"""How many records are emptied in one transaction: between two of them whoever waits for the record has a turn."""
_CHUNK = 1000
_SINCE_LAST = KEPT // KEPT.resolution


@dataclass(frozen=True, slots=True)
class Pruning:
    """The forgetting of one record. Not thread-safe."""

    url: str = field(repr=False)  # it may hold the database's password
    log: AuditLog
    keep_months: int

    def run(self, at: datetime) -> int:
        """Empty what was sealed before the day that lies `audit.keep` months before `at`; how many records."""
        end = london_midnight(months_before(london_date(at), self.keep_months))
        with closing(_Due(self.url, microseconds(end))) as due:
            count = due.count()
            if count:
                reason = f"sealed before {london_date(end)}"
                event = Event(event=EventKind.RECORD_PRUNED, at=at, result=Result.PERMIT, reason=reason, count=count)
                self.log.record(event)
                due.empty()
        return count


def months_before(day: date, months: int) -> date:
    """The day of that number `months` earlier, or the last of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


class _Due:
    """The records that are to be emptied: of batches sealed before `end`, and long enough before the last."""

    def __init__(self, url: str, end: int) -> None:
        self._database = Database(url)
        with self._database.read() as connection:
            self._spans = list(_spans(connection, end))

    def close(self) -> None:
        self._database.dispose()

    def count(self) -> int:
        with self._database.read() as connection:
            return sum(_full(connection, first, last) for first, last in self._spans)

    def empty(self) -> None:
        for first, last in self._spans:
            for start in range(first, last + 1, STEP):
                with self._database.write() as connection:
                    connection.execute(
                        update(AuditRecord)
                        .where(AuditRecord.seq.between(start, min(last, start + STEP - 1)))
                        .where(AuditRecord.payload.is_not(None))
                        .values(payload=None, salt=None)
                    )


def _spans(connection: Connection, end: int) -> Iterator[tuple[int, int]]:
    """First and last record of each run of batches that are due; from the first record on that is not empty."""
    first_full = select(AuditRecord.batch).where(AuditRecord.payload.is_not(None)).order_by(AuditRecord.seq).limit(1)
    begin = connection.execute(first_full).scalar()
    last_sealed = connection.execute(select(AuditBatch.ts).order_by(AuditBatch.b.desc()).limit(1)).scalar()
    if begin is None or last_sealed is None:
        return
    due = (
        select(AuditBatch.first, AuditBatch.n)
        .where(AuditBatch.b >= begin, AuditBatch.ts < min(end, last_sealed - _SINCE_LAST))
        .order_by(AuditBatch.b)
        .execution_options(yield_per=_CHUNK)
    )
    start, after = 0, 0
    with connection.execute(due) as batches:
        for first, n in batches:
            if first != after:
                if after:
                    yield start, after - 1
                start = first
            after = first + n
    if after:
        yield start, after - 1


def _full(connection: Connection, first: int, last: int) -> int:
    """How many records from `first` to `last` still say something."""
    within = AuditRecord.seq.between(first, last)
    statement = select(func.count()).select_from(AuditRecord).where(within, AuditRecord.payload.is_not(None))
    return connection.execute(statement).scalar_one()
