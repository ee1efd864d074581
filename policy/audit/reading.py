"""`Reading`: what one session reads of one object, and the grants that cover it.

A grant covers one region of 64 MiB for 60 s. Each is a durable FILE_OPEN row with the region as its range: count 1 where
it opens, 0 where it renews or goes on to the next region. What was sent is merged and stands in FILE_CLOSE rows, whose
count is the number of handles closed since the last one. Thread-safe.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from config.clock import Clock
from policy.audit.events import Event, EventKind, RecordUnavailable
from policy.audit.log import AuditLog
from policy.audit.ranges import Ranges

GRANT_BYTES = 64 * 1024 * 1024
GRANT_SECONDS = 60.0
MAX_PIECES = 500


class Reading:
    """Grants and sent ranges of (session, object), shared by all its handles. Only `Grants` makes one."""

    def __init__(self, log: AuditLog, clock: Clock, event: Event, length: int | None) -> None:
        self.key = (event.session, event.object)
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
        if self.try_cover(offset, size):
            return
        with self._renewing:
            while not self.try_cover(offset, size):  # another thread may have renewed; a slow record may age a grant
                self._renew(self._stale(offset, size), opens=0)

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
