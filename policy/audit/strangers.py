"""Refusals before sign-in: written down, but never more than a bounded number, whoever knocks how often.

Refusals are counted per (address prefix, account or "unknown", reason) and minute. The first of each is queued at once,
the further ones as one more row when the minute is over; beyond the budget they are only counted, in one
`auth:suppressed` row. Nothing here waits for the record: whether a name exists must not show in the time a refusal
takes, and a refusal lets nothing out. Thread-safe; memory is bounded. Raises nothing.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from auth.networks import prefix_of
from config.clock import Clock
from policy.audit.events import Event, EventKind, Result
from policy.audit.log import AuditLog

MINUTE = 60.0
ROWS_A_MINUTE = 1000
UNKNOWN = "unknown"

_Key = tuple[str, int | None, str]


class Strangers:
    """The counts of the present minute, in this process."""

    def __init__(self, log: AuditLog, clock: Clock, *, rows_a_minute: int = ROWS_A_MINUTE) -> None:
        """`rows_a_minute` bounds what this process writes: share it among the processes."""
        self._log = log
        self._clock = clock
        self._keys = (rows_a_minute - 1) // 2  # each may need a first row and a count; one is for what was suppressed
        self._lock = threading.Lock()
        self._until = 0.0
        self._counts: dict[_Key, tuple[Event, int]] = {}
        self._suppressed = 0

    def refused(self, event: Event) -> None:
        """Count a SIGN_IN_REFUSED. `event.actor`: the account, if the name is one's; typed names are never kept."""
        self.sweep()
        known = event.actor is not None
        event = replace(event, address=prefix(event.address), object="" if known else UNKNOWN)
        key = (event.address, event.actor, event.reason)
        with self._lock:
            if key in self._counts:
                first, further = self._counts[key]
                self._counts[key] = (first, further + 1)
                return
            if len(self._counts) >= self._keys:
                self._suppressed += 1
                return
            self._counts[key] = (event, 0)
        self._log.post(event)

    def sweep(self) -> None:
        """Write the counts of a minute that is over; the jobs' clock calls it every few seconds."""
        if self._clock.monotonic() >= self._until:
            self._turn()

    def end(self) -> None:
        """Write the counts now: before the log is closed."""
        self._turn()

    def _turn(self) -> None:
        with self._lock:
            counts, self._counts = self._counts, {}
            suppressed, self._suppressed = self._suppressed, 0
            self._until = self._clock.monotonic() + MINUTE
        at = self._clock.now()
        for event, further in counts.values():
            if further:
                self._log.post(replace(event, at=at, count=further))
        if suppressed:
            self._log.post(Event(event=EventKind.SUPPRESSED, at=at, result=Result.DENY, count=suppressed))


def prefix(address: str) -> str:
    """The network that `address` is counted under: /24 of IPv4, /64 of IPv6, "unknown" for anything else."""
    try:
        return prefix_of(address)
    except ValueError:
        return UNKNOWN
