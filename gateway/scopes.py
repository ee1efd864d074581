"""Scopes in memory: what each principal holds, re-read when the access counter moves or five seconds have passed [R19].

Called by the file system before every operation. One small query a second and process tells whether anything changed;
when that query fails, nothing is permitted. Thread-safe. Raises sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from auth.principal import Principal
from config.clock import Clock
from config.database import Database
from policy import generations
from policy.access import Scope, scope_for

POLL_SECONDS = 1.0
RECHECK_SECONDS = 5.0
_KEPT = 4096


@dataclass(frozen=True, slots=True)
class _Kept:
    scope: Scope
    generation: int
    read_at: float


class Scopes:
    """The scopes that this process has read lately."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = Lock()
        self._kept: OrderedDict[Principal, _Kept] = OrderedDict()
        self._generation = -1
        self._polled_at = float("-inf")

    def of(self, principal: Principal, at: datetime) -> Scope:
        """What `principal` holds, at most five seconds old and at most one second behind a change."""
        now = self._clock.monotonic()
        generation = self._current_generation(now)
        with self._lock:
            kept = self._kept.get(principal)
        if kept is not None and kept.generation == generation and now - kept.read_at < RECHECK_SECONDS:
            return kept.scope
        with self._database.read() as connection:
            # The counter first: a change between the two reads only makes the entry look older than it is.
            generation = generations.value(connection, generations.ACCESS)
            scope = scope_for(connection, principal, at)
        with self._lock:
            self._generation, self._polled_at = generation, now
            self._kept[principal] = _Kept(scope, generation, now)
            self._kept.move_to_end(principal)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return scope

    def _current_generation(self, now: float) -> int:
        with self._lock:
            if now - self._polled_at < POLL_SECONDS:
                return self._generation
        with self._database.read() as connection:
            generation = generations.value(connection, generations.ACCESS)
        with self._lock:
            self._generation, self._polled_at = generation, now
        return generation
