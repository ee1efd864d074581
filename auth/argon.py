"""The gate in front of Argon2: how many run at a time, who goes first, and how many may wait [R18].

One per process, used by `passwords` alone. Thread-safe. Raises `GateBusy`; lets through what the work itself raises.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from threading import Condition
from typing import TypeVar

from config.clock import Clock

_T = TypeVar("_T")


class GateBusy(Exception):
    """The queue is full, or waiting took too long: nothing ran."""


class ArgonGate:
    """Lets `at_once` callers work and others wait, those of a known lane before all strangers.

    Each kind has a queue of `queue` places, so that strangers cannot fill that of the known. `patience` is in seconds.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        at_once: int = 2,
        queue: int = 64,
        patience: float = 20.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._free = at_once
        self._queue = queue
        self._patience = patience
        self._pause = pause
        self._turn = Condition()
        self._waiting: list[tuple[bool, int]] = []
        self._tickets = 0
        self._typical = 0.05  # seconds, until it is known
        self.runs = 0  # how often Argon2 was let run since the start of the process

    def run(self, work: Callable[[], _T], *, known: bool) -> _T:
        """What `work` returns, when its turn has come. Raises GateBusy."""
        began = self._clock.monotonic()
        self._enter(known)
        try:
            return work()
        finally:
            self._leave(self._clock.monotonic() - began)

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        with self._turn:
            return len(self._waiting)

    def linger(self) -> None:
        """Take as long as a run has taken of late, at no cost: a guess that is not tried looks like one that was."""
        self._pause(self._typical)

    def _enter(self, known: bool) -> None:
        with self._turn:
            if sum(stranger is not known for stranger, _ in self._waiting) >= self._queue:
                raise GateBusy("too many sign-ins are waiting")
            self._tickets += 1
            ticket = (not known, self._tickets)
            heapq.heappush(self._waiting, ticket)
            in_time = self._turn.wait_for(lambda: self._free > 0 and self._waiting[0] == ticket, self._patience)
            self._waiting.remove(ticket)
            heapq.heapify(self._waiting)
            self._turn.notify_all()
            if not in_time:
                raise GateBusy("a sign-in waited too long")
            self._free -= 1
            self.runs += 1

    def _leave(self, took: float) -> None:
        with self._turn:
            self._free += 1
            self._typical += (took - self._typical) / 8
            self._turn.notify_all()
