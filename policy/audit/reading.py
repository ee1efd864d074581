"""`FileGrant`, the grant of one handle, and `Reading`, what all handles of one session on one object share.

A grant covers one region of 64 MiB for 60 s. Each is a durable FILE_OPEN row with the region as its range: count 1
where it opens, 0 where it renews or goes on to the next region. What was sent is merged and stands in FILE_CLOSE rows,
whose count is the number of handles closed since the last one. Thread-safe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from config.clock import Clock
from policy.audit.events import Event, EventKind, RecordUnavailable
from policy.audit.log import AuditLog
from policy.audit.ranges import Ranges

GRANT_BYTES = 64 * 1024 * 1024
GRANT_SECONDS = 60.0
MAX_PIECES = 500

Key = tuple[str, str, int | None]


def key_of(event: Event) -> Key:
    """What shares a grant: the session, the object, and the school through which it is read."""
    return (event.session, event.object, event.school)


class Reading:
    """Grants and sent ranges of (session, object), shared by all its handles. Only `Grants` makes one."""

    def __init__(self, log: AuditLog, clock: Clock, event: Event, length: int | None) -> None:
        self.key = key_of(event)
        self._log = log
        self._clock = clock
        self._event = event
        self._length = length
        self._lock = threading.Lock()
        self._renewing = threading.Lock()
        self._granted: dict[int, float] = {}
        self._sent = Ranges()
        self._handles = 0
        self._closed = 0
        self._announced = False
        self._ended = False

    def enter(self) -> None:
        """One more handle."""
        with self._lock:
            self._handles += 1

    def leave(self) -> bool:
        """One handle less; whether it was the last."""
        with self._lock:
            self._handles -= 1
            return self._handles == 0

    def open(self) -> None:
        """The grant for a new handle: the first region. Raises RecordUnavailable."""
        with self._renewing:
            if not self._covered(0, 0):
                self._renew([0], opens=1)

    def closed(self) -> None:
        """A handle was closed in good order. The first closing of a minute is told at once, the others together."""
        with self._lock:
            self._closed += 1
            tell = self._handles == 0 and not self._announced
            self._announced = self._announced or tell
        if tell:
            self._tell()

    def require(self, offset: int, size: int) -> None:
        """Renew where no grant in force covers these bytes; they count as sent only by `cover`. Raises as that."""
        if self._in_force(offset, size):
            return
        with self._renewing:
            if not self._in_force(offset, size):  # another thread may have renewed
                self._renew(self._stale(offset, size), opens=0)

    def try_cover(self, offset: int, size: int) -> bool:
        """Whether a grant in force covers these bytes; if so they count as sent. Never waits."""
        with self._lock:
            if size <= 0 or not self._covered(offset, size):
                return size <= 0
            self._sent.add(offset, offset + size)
            full = len(self._sent) >= MAX_PIECES
        if full:
            self._tell()
        return True

    def cover(self, offset: int, size: int) -> None:
        """As `try_cover`, but renews where it must. Raises RecordUnavailable: then these bytes must not leave."""
        while not self.try_cover(offset, size):  # a slow record may age a grant
            self.require(offset, size)

    def end(self) -> None:
        """The last word: what was sent and not yet told. No grant holds afterwards."""
        with self._lock:
            self._ended = True
        self._tell()

    def _renew(self, regions: list[int], *, opens: int) -> None:
        asked = self._clock.monotonic()
        with self._lock:
            if self._ended:
                raise RecordUnavailable("the session has ended")
        self._tell(closed_only=True)
        at = self._clock.now()
        counts = [opens, *(0 for _ in regions[1:])]
        self._log.record_all(
            [
                replace(self._event, at=at, ranges=(self._bounds(region),), count=count)
                for region, count in zip(regions, counts, strict=True)
            ]
        )
        with self._lock:
            self._granted = {r: since for r, since in self._granted.items() if asked < since + GRANT_SECONDS}
            self._granted.update(dict.fromkeys(regions, asked))
            self._announced = False

    def _in_force(self, offset: int, size: int) -> bool:
        with self._lock:
            return size <= 0 or self._covered(offset, size)

    def _covered(self, offset: int, size: int) -> bool:
        return not self._ended and not self._stale(offset, size)

    def _stale(self, offset: int, size: int) -> list[int]:
        now = self._clock.monotonic()
        regions = range(offset // GRANT_BYTES, max(offset, offset + size - 1) // GRANT_BYTES + 1)
        granted = self._granted
        return [r for r in regions if r not in granted or now >= granted[r] + GRANT_SECONDS]

    def _bounds(self, region: int) -> tuple[int, int]:
        start, end = region * GRANT_BYTES, (region + 1) * GRANT_BYTES
        return (start, end) if self._length is None else (start, max(start, min(end, self._length)))

    def _tell(self, *, closed_only: bool = False) -> None:
        with self._lock:
            if not self._closed and (closed_only or not len(self._sent)):
                return
            count, self._closed = self._closed, 0
            ranges = self._sent.take()
        self._log.post(
            replace(self._event, event=EventKind.FILE_CLOSE, at=self._clock.now(), ranges=ranges, count=count)
        )


class FileGrant:
    """The grant of one handle. Thread-safe. Made by `Grants.file` alone."""

    def __init__(self, reading: Reading, left: Callable[[Reading], None]) -> None:
        self._reading = reading
        self._left = left
        self._lock = threading.Lock()
        self._closed = False

    def require(self, offset: int, size: int) -> None:
        """Ask for `size` bytes from `offset` before they are there: as `cover`, but nothing is said to leave yet."""
        self._check_open()
        self._reading.require(offset, size)

    def cover(self, offset: int, size: int) -> None:
        """Say that `size` bytes from `offset` leave now; renews the grant where it must, durably.

        Raises RecordUnavailable: then they must not leave.
        """
        self._check_open()
        self._reading.cover(offset, size)

    def try_cover(self, offset: int, size: int) -> bool:
        """As `cover` where a grant in force already covers these bytes, else False. Never waits, never raises."""
        return not self._closed and self._reading.try_cover(offset, size)

    def close(self) -> None:
        """The handle is closed: the ranges really sent are written, without waiting. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._left(self._reading)
        self._reading.closed()

    def _check_open(self) -> None:
        if self._closed:
            raise RecordUnavailable("the handle was closed")
