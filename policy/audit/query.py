"""Reading the record back: `ladocs audit list | export | find`. Read-only; raises sqlalchemy.exc.SQLAlchemyError."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Connection, func, select

from config.clock import microseconds
from policy.audit.events import Event, EventKind
from policy.audit.models import AuditBatch, AuditRecord
from policy.audit.payload import decode, needle

_LATE = timedelta(days=1)  # a clock may have gone back between two commits
_CHUNK = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """What to show; None is everything. `since` and `until` are aware, `until` is not included."""

    since: datetime | None = None
    until: datetime | None = None
    event: EventKind | None = None
    actor: int | None = None
    school: int | None = None
    reference: str | None = None
    session: str | None = None
    object: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One record. `event` is None where it was pruned, or is not in a form that this version reads."""

    seq: int
    batch: int
    event: Event | None


def listing(connection: Connection, wanted: Filter, limit: int | None = None) -> list[Entry]:
    """The newest `limit` (None: all) that fit `wanted`, the newest last. Pruned ones fit only a filter of nothing."""
    with closing(_matching(connection, wanted, newest_first=True)) as entries:
        found = list(islice(entries, limit))
    found.reverse()
    return found


def stream(connection: Connection, wanted: Filter, either: Collection[bytes] = ()) -> Generator[Entry]:
    """All that fit `wanted`, the oldest first, in memory that does not grow with them; and all pruned ones of `span`.

    With `either`, those alone that hold one of these needles. Whoever exports a part has to say how much of it is past
    reading.
    """
    return _matching(connection, wanted, either, newest_first=False)


def span(connection: Connection, wanted: Filter) -> range:
    """The numbers of the records among which `stream` looks."""
    last = connection.execute(select(func.max(AuditRecord.seq))).scalar() or 0
    return range(min(_first_since(connection, wanted.since), last + 1), last + 1)


def payloads(connection: Connection, since: datetime | None) -> Generator[bytes | None]:
    """Every payload, the oldest first, from the first batch that may hold something of `since`; None where pruned."""
    statement = (
        select(AuditRecord.payload)
        .where(AuditRecord.seq >= _first_since(connection, since))
        .order_by(AuditRecord.seq)
        .execution_options(yield_per=_CHUNK)
    )
    with connection.execute(statement) as rows:
        for (payload,) in rows:
            yield payload


def _matching(
    connection: Connection, wanted: Filter, either: Collection[bytes] = (), *, newest_first: bool
) -> Generator[Entry]:
    """Fitting records. Payloads are canonical, so most are judged by their bytes alone."""
    needles = [needle(name, value) for name in _EQUAL if (value := getattr(wanted, name)) is not None]
    pruned_too = wanted == Filter() or not newest_first
    statement = (
        select(AuditRecord.seq, AuditRecord.batch, AuditRecord.payload)
        .where(AuditRecord.seq >= _first_since(connection, wanted.since))
        .order_by(AuditRecord.seq.desc() if newest_first else AuditRecord.seq)
        .execution_options(yield_per=_CHUNK)
    )
    with connection.execute(statement) as rows:
        for seq, batch, payload in rows:
            if payload is None:
                if pruned_too:
                    yield Entry(seq, batch, None)
            elif all(part in payload for part in needles) and (not either or any(part in payload for part in either)):
                event = _decoded(payload)
                if event is None or _within(event.at, wanted):
                    yield Entry(seq, batch, event)


_EQUAL = ("event", "actor", "school", "reference", "session", "object")


def _decoded(payload: bytes) -> Event | None:
    try:
        return decode(payload)
    except ValueError:
        return None


def _within(at: datetime, wanted: Filter) -> bool:
    return (wanted.since is None or at >= wanted.since) and (wanted.until is None or at < wanted.until)


def _first_since(connection: Connection, since: datetime | None) -> int:
    """The first record of the first batch that may hold something of `since` or later."""
    if since is None:
        return 1
    earliest = microseconds(since - _LATE)
    first = connection.execute(select(func.min(AuditBatch.first)).where(AuditBatch.ts >= earliest)).scalar()
    return 2**62 if first is None else first
