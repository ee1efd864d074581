"""The guarded clock [R10]: a clock that goes back revives nothing, one that jumps ahead hides nothing for good.

The database keeps a high-water mark. `GuardedClock.now()` is never before it; while the machine's clock stands more
than 26 hours past it, `confirmed` is False and the file system refuses. Only the jobs move the mark, and only while the
machine's clock agrees with its monotonic clock. Thread-safe.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from config.clock import Clock
from policy.models import ClockMark

LEAP = timedelta(hours=26)
_TOLERANCE = timedelta(seconds=30)
_ROW = 1


def mark(connection: Connection) -> datetime | None:
    """The high-water mark, or None in a home that has never served."""
    return connection.execute(select(ClockMark.at).where(ClockMark.id == _ROW)).scalar_one_or_none()


def set_mark(connection: Connection, at: datetime) -> None:
    """Put the mark at `at`: what `ladocs clock confirm`, `init` and a step of the jobs do."""
    moved = connection.execute(update(ClockMark).where(ClockMark.id == _ROW).values(at=at))
    if moved.rowcount == 0:
        connection.execute(insert(ClockMark).values(id=_ROW, at=at))


class GuardedClock:
    """The machine's clock, held to the mark that `observe` was last told."""

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._mark: datetime | None = None

    def observe(self, value: datetime | None) -> None:
        """Take over the database's mark."""
        self._mark = value

    def now(self) -> datetime:
        at = self._machine.now()
        return at if self._mark is None else max(at, self._mark)

    def monotonic(self) -> float:
        return self._machine.monotonic()

    @property
    def confirmed(self) -> bool:
        """Whether the machine's clock may be believed: False without a mark, or far past it."""
        return self._mark is not None and self._machine.now() - self._mark <= LEAP


class MarkKeeper:
    """Moves the mark on, tick by tick; one for each home, in the process that runs the jobs."""

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._last: tuple[datetime, float] | None = None

    def tick(self, connection: Connection) -> bool:
        """Advance the mark to the present if the clocks agree; whether the present may be believed is returned."""
        at, monotonic = self._machine.now(), self._machine.monotonic()
        last, self._last = self._last, (at, monotonic)
        known = mark(connection)
        if known is not None and at - known > LEAP:
            return False
        if last is not None and abs((at - last[0]) - timedelta(seconds=monotonic - last[1])) > _TOLERANCE:
            return True
        if known is None or at > known:
            set_mark(connection, at)
        return True
