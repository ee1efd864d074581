"""The guarded clock [R10]: a clock that goes back revives nothing, one that jumps ahead hides nothing for good.

The database keeps a high-water mark. `GuardedClock.now()` is never before it; while the machine's clock stands more
than 26 hours past it, `confirmed` is False and the file system refuses. Only the jobs move the mark, and only while the
machine's clock agrees with its monotonic clock; a smaller leap is believed once it has stood for as long as it is wide,
so that a machine that slept goes on by itself, and no row of small leaps adds up to a large one. Thread-safe.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

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


class Belief(Enum):
    """What a tick made of the machine's clock."""

    AGREES = "agrees"
    """It goes as its monotonic clock does: the mark is at the present."""
    DOUBTED = "doubted"
    """It leapt by less than 26 hours: the mark waits until the leap has stood for as long as it is wide."""
    REFUSED = "refused"
    """It is more than 26 hours past the mark: a person confirms it, or it returns."""


@dataclass(frozen=True, slots=True)
class _Reading:
    at: datetime
    monotonic: float

    def leap_to(self, later: _Reading) -> timedelta:
        """How much further the clock went than time did, or less far."""
        return abs((later.at - self.at) - timedelta(seconds=later.monotonic - self.monotonic))


class MarkKeeper:
    """Moves the mark on, tick by tick; one for each home, in the process that runs the jobs. Not thread-safe."""

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._agreed: _Reading | None = None
        self._leapt: _Reading | None = None
        self._written: datetime | None = None

    def tick(self, connection: Connection) -> Belief:
        """Advance the mark to the present if the clocks agree."""
        now = _Reading(self._machine.now(), self._machine.monotonic())
        known = mark(connection)
        if known is not None and now.at - known > LEAP:
            return Belief.REFUSED
        begins = self._agreed is None or known != self._written  # the start, or a person has confirmed the clock
        if not begins and not self._believable(now):
            return Belief.DOUBTED
        self._agreed, self._leapt = now, None
        if known is None or now.at > known:
            set_mark(connection, now.at)
            known = now.at
        self._written = known
        return Belief.AGREES

    def _believable(self, now: _Reading) -> bool:
        leap = self._agreed.leap_to(now) if self._agreed is not None else timedelta()
        if leap <= _TOLERANCE:
            return True
        if self._leapt is None or self._leapt.leap_to(now) > _TOLERANCE:
            self._leapt = now
        return now.monotonic - self._leapt.monotonic >= leap.total_seconds()
