"""Acts alike within five minutes are one durable row and one count. Used by `Grants`; thread-safe; memory bounded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from config.clock import Clock
from policy.audit.events import Event
from policy.audit.log import AuditLog
from policy.audit.names import folder_of

WINDOW_SECONDS = 300.0
MAX_WINDOWS = 50_000

_Key = tuple[str, ...]


@dataclass(slots=True)
class _Window:
    event: Event
    until: float
    further: int = 0


class Windows:
    """The windows open in this process, oldest first. Beyond `limit` the oldest ends early."""

    def __init__(self, log: AuditLog, clock: Clock, *, limit: int = MAX_WINDOWS) -> None:
        self._log = log
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._open: OrderedDict[_Key, _Window] = OrderedDict()

    def count(self, event: Event) -> None:
        """Count `event` in its window of (session, kind, folder, reason), or record it and open one.

        Raises RecordUnavailable: then it is neither counted nor known to be recorded.
        """
        self.sweep()
        key = (event.session, event.event.value, folder_of(event.object), event.reason)
        now = self._clock.monotonic()
        with self._lock:
            window = self._open.get(key)
            if window is not None and now < window.until:
                window.further += event.count
                return
        self._log.record(event)
        with self._lock:
            # Two threads may both have been first: both rows are true, and one window serves.
            self._open.setdefault(key, _Window(event, now + WINDOW_SECONDS))

    def end_session(self, session: str) -> None:
        """Write the counts of one session and close its windows."""
        with self._lock:
            ended = [self._open.pop(key) for key in [k for k in self._open if k[0] == session]]
        self._conclude(ended)

    def end_all(self) -> None:
        """Write every count and close every window."""
        with self._lock:
            ended = list(self._open.values())
            self._open.clear()
        self._conclude(ended)

    def sweep(self) -> None:
        """Write the counts of windows that have ended."""
        now = self._clock.monotonic()
        ended = []
        with self._lock:
            while self._open:
                oldest = next(iter(self._open.values()))
                if now < oldest.until and len(self._open) <= self._limit:
                    break
                ended.append(self._open.popitem(last=False)[1])
        self._conclude(ended)

    def _conclude(self, ended: list[_Window]) -> None:
        at = self._clock.now()
        for window in ended:
            if window.further:
                folder = folder_of(window.event.object)
                self._log.post(replace(window.event, at=at, object=folder, count=window.further))
