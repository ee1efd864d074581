"""Reading needs a grant: the record's side of every listing, opening and refusal after sign-in.

Called for the file system by its witness, before a name or a byte leaves, and by sessions as they end. Thread-safe;
memory is bounded. `browse`, `file`, `refused` and `FileGrant.cover` raise RecordUnavailable, and then nothing may
leave; nothing else raises or waits.

Counts: the first act of a kind is one durable row with count 1; those that follow within the window are counted and
written as one more row of the same kind when it ends, so that the sum of `count` is always the number of acts.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from config.clock import Clock
from policy.audit.events import Event
from policy.audit.log import AuditLog
from policy.audit.reading import GRANT_SECONDS, FileGrant, Key, Reading, key_of
from policy.audit.windows import Windows

MAX_IDLE = 20_000


class Grants:
    """What each session was granted and how often it asked, in this process."""

    def __init__(self, log: AuditLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._windows = Windows(log, clock)
        self._lock = threading.Lock()
        self._readings: dict[Key, Reading] = {}
        self._idle: OrderedDict[Key, float] = OrderedDict()  # no handle open; until when they are kept

    def browse(self, event: Event) -> None:
        """Cover names and attributes of the folder `event.object` for its session, five minutes long."""
        self._windows.count(event)

    def refused(self, event: Event) -> None:
        """Record a refusal; alike ones (session, folder, reason) are counted for five minutes."""
        self._windows.count(event)

    def file(self, event: Event, length: int | None = None) -> FileGrant:
        """A grant to read `event.object`, of `length` bytes, from its start; `event` is a FILE_OPEN. Close it.

        Handles of one session on one object within a minute share a grant.
        """
        self.sweep()
        key = key_of(event)
        with self._lock:
            self._idle.pop(key, None)
            reading = self._readings.get(key)
            if reading is None:
                reading = self._readings[key] = Reading(self._log, self._clock, event, length)
            reading.enter()
        try:
            reading.open()
        except BaseException:
            self._leave(reading)
            raise
        return FileGrant(reading, self._leave)

    def hashed_name(self, folder: str, rest: str) -> str:
        """How a refused name stands in the record: `folder` in clear, a keyed hash of the rest."""
        return self._log.hashed_name(folder, rest)

    def is_reading(self, session_id: str) -> bool:
        """Whether a handle of this session is open."""
        with self._lock:
            return any(key[0] == session_id and key not in self._idle for key in self._readings)

    def end_session(self, session_id: str) -> None:
        """Write what is still to be said of a session. Its grants end: an open handle reads no further."""
        self._windows.end_session(session_id)
        with self._lock:
            ended = [self._forget(key) for key in [k for k in self._readings if k[0] == session_id]]
        for reading in ended:
            reading.end()

    def signed_out(self, event: Event) -> None:
        """Queue the end of a session, after `end_session`: nobody waits for it."""
        self._log.post(event)

    def end_all(self) -> None:
        """As `end_session`, for every session: before the log is closed."""
        self._windows.end_all()
        with self._lock:
            ended = [self._forget(key) for key in list(self._readings)]
        for reading in ended:
            reading.end()

    def sweep(self) -> None:
        """Write the counts and closings whose time has come. Cheap; the jobs' clock calls it every few seconds."""
        self._windows.sweep()
        now = self._clock.monotonic()
        ended = []
        with self._lock:
            while self._idle and (next(iter(self._idle.values())) <= now or len(self._idle) > MAX_IDLE):
                ended.append(self._forget(next(iter(self._idle))))
        for reading in ended:
            reading.end()

    def _forget(self, key: Key) -> Reading:
        self._idle.pop(key, None)
        return self._readings.pop(key)

    def _leave(self, reading: Reading) -> None:
        with self._lock:
            if reading.leave() and self._readings.get(reading.key) is reading:
                self._idle[reading.key] = self._clock.monotonic() + GRANT_SECONDS
