"""The gate in front of Argon2: how many run at a time, who goes first, and how many may wait [R18].

One per process, used by `passwords` alone. Thread-safe. Raises `GateBusy`; lets through what the work itself raises.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from threading import Condition
from typing import TypeVar

_T = TypeVar("_T")


class GateBusy(Exception):
    """The queue is full, or waiting took too long: nothing ran."""


class ArgonGate:
    """Lets `at_once` callers work and others wait, those of a known lane before all strangers.

    Strangers together hold all slots but one, so that a slot is always for the known; where there is a single slot they
    share it, and the known wait for one stranger at most. Each kind has a queue of `queue` places. `patience` is in
    seconds.
    """

    def __init__(self, *, at_once: int = 2, queue: int = 64, patience: float = 20.0) -> None:
        self._most = {True: at_once, False: max(1, at_once - 1)}  # by whether they are known
        self._running = {True: 0, False: 0}
        self._queue = queue
        self._patience = patience
        self._turn = Condition()
        self._waiting: list[tuple[bool, int]] = []
        self._tickets = 0
        self.runs = 0  # how often Argon2 was let run since the start of the process

    def run(self, work: Callable[[], _T], *, known: bool) -> _T:
        """What `work` returns, when its turn has come. Raises GateBusy."""
        self._enter(known)
        try:
            return work()
        finally:
            self._leave(known)

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        with self._turn:
            return len(self._waiting)

    def _enter(self, known: bool) -> None:
        with self._turn:
            if sum(stranger is not known for stranger, _ in self._waiting) >= self._queue:
                raise GateBusy("too many sign-ins are waiting")
            self._tickets += 1
            ticket = (not known, self._tickets)
            heapq.heappush(self._waiting, ticket)
            in_time = self._turn.wait_for(lambda: self._waiting[0] == ticket and self._has_slot(known), self._patience)
            self._waiting.remove(ticket)
            heapq.heapify(self._waiting)
            self._turn.notify_all()
            if not in_time:
                raise GateBusy("a sign-in waited too long")
            self._running[known] += 1
            self.runs += 1

    def _has_slot(self, known: bool) -> bool:
        # A stranger is first in the queue only where nobody known waits: whoever its share holds up is a stranger too.
        return sum(self._running.values()) < self._most[True] and self._running[known] < self._most[known]

    def _leave(self, known: bool) -> None:
        with self._turn:
            self._running[known] -= 1
            self._turn.notify_all()
