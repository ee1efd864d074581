"""Scopes in memory: what each principal holds, re-read when the access counter moves or five seconds have passed [R19].

Called by the file system before every operation. A role that ends by itself has ended here at its moment. When nobody
can say whether anything changed, nothing is permitted. Thread-safe. Raises sqlalchemy.exc.SQLAlchemyError, OSError.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from auth.principal import Principal
from config.clock import Clock
from config.database import Database
from gateway.watch import Watch
from policy.access import Scope
from policy.holdings import scope_for

RECHECK_SECONDS = 5.0
_KEPT = 4096


@dataclass(frozen=True, slots=True)
class _Kept:
    scope: Scope
    generation: int
    read_at: float
    until: datetime | None

    def holds(self, generation: int, now: float, at: datetime) -> bool:
        lately = self.generation == generation and now - self.read_at < RECHECK_SECONDS
        return lately and (self.until is None or at < self.until)


class Scopes:
    """The scopes that this process has read lately."""

    def __init__(self, database: Database, clock: Clock, watch: Watch) -> None:
        self._database = database
        self._clock = clock
        self._watch = watch
        self._lock = Lock()
        self._kept: OrderedDict[Principal, _Kept] = OrderedDict()

    def generation(self) -> int:
        """The counter of access, at most a second old: where it has not moved, nothing that was read has changed."""
        return self._watch.generation()

    def of(self, principal: Principal, at: datetime) -> Scope:
        """What `principal` holds, at most five seconds old and at most one second behind a change."""
        now = self._clock.monotonic()
        # The counter first: a change between the two reads only makes the entry look older than it is.
        generation = self._watch.generation()
        with self._lock:
            kept = self._kept.get(principal)
        if kept is not None and kept.holds(generation, now, at):
            return kept.scope
        with self._database.read() as connection:
            scope = scope_for(connection, principal, at)
        with self._lock:
            self._kept[principal] = _Kept(scope, generation, now, scope.until(at))
            self._kept.move_to_end(principal)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return scope
