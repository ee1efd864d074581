"""The clock: aware UTC inside, Europe/London where people live by it.

Everything that lives takes a `Clock`; pure functions take `at`. Nothing else in the project asks the system for the
time. Thread-safe: a clock holds no state that changes.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The present as an aware datetime in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start, never going back; for durations and deadlines only."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def london_date(at: datetime) -> date:
    """The day that a wall calendar in Derbyshire shows at the moment `at` (aware)."""
    return at.astimezone(LONDON).date()


def london_midnight(day: date) -> datetime:
    """The first moment of `day` in Europe/London, as aware UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)


def end_of_day(day: date) -> datetime:
    """The midnight that ends `day` in Europe/London, as aware UTC: the first moment that is no longer that day."""
    return london_midnight(day + timedelta(days=1))


def microseconds(at: datetime) -> int:
    """`at` (aware) in microseconds since 1970: exact, as databases keep it and the record hashes it."""
    return (at - _EPOCH) // _MICROSECOND


def from_microseconds(since_1970: int) -> datetime:
    """The moment, as aware UTC. Raises OverflowError for one that no calendar has."""
    return _EPOCH + since_1970 * _MICROSECOND
