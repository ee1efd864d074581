"""Connections that have signed in: how many an account keeps, and how many threads wait for what it asks next.

Out of the lobby a connection may still drip: its next head or body is read by a thread, within a deadline, and one
account's connections must not hold them all. As many threads as an account has requests read for it; the others of its
connections wait without one. For one connection too many, the one that was idle longest goes. Thread-safe.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


class Resident(Protocol):
    """A connection that has signed in. `serving`: a whole request of it has arrived and is not answered yet."""

    serving: bool

    def cut(self) -> None:
        """Shut the socket, so that whichever thread waits on it wakes."""
        ...


R = TypeVar("R", bound=Resident)


@dataclass(slots=True)
class _Home(Generic[R]):
    """The connections of one account, the one used longest ago first; `reading` hold a thread, `waiting` want one."""

    connections: OrderedDict[R, None] = field(default_factory=OrderedDict)
    reading: set[R] = field(default_factory=set)
    waiting: deque[R] = field(default_factory=deque)


class Residents(Generic[R]):
    """Who lives where. `resume` is called, without a lock held, for one that waited and now may have a thread."""

    def __init__(self, *, readers: int, resume: Callable[[R], None]) -> None:
        self._readers = readers
        self._resume = resume
        self._lock = threading.Lock()
        self._homes: dict[int, _Home[R]] = {}
        self._account_of: dict[R, int] = {}

    def settle(self, resident: R, account_id: int, *, places: int) -> bool:
        """Count a connection to the account that signed in on it. False: all `places` are serving, it may not stay."""
        with self._lock:
            if self._account_of.get(resident) == account_id:
                return True
            due = [self._remove(resident)]
            home = self._homes.get(account_id) or _Home()
            surplus = None
            if len(home.connections) >= places:
                surplus = next((each for each in home.connections if not each.serving), None)
                if surplus is not None:
                    due += [surplus if surplus in home.waiting else None, self._remove(surplus)]
            settled = len(home.connections) < places
            if settled:
                home.connections[resident] = None
                self._homes[account_id] = home
                self._account_of[resident] = account_id
        if surplus is not None:
            surplus.cut()
        self._resume_all(due)
        return settled

    def enter(self, resident: R) -> bool:
        """Have a thread read what comes next. False: the connection waits, and the thread turns to others."""
        with self._lock:
            home = self._home_of(resident)
            if home is None or resident in home.reading:
                return True
            home.connections.move_to_end(resident)
            entered = len(home.reading) < self._readers
            if entered:
                home.reading.add(resident)
            else:
                home.waiting.append(resident)
            return entered

    def leave(self, resident: R) -> None:
        """The request has arrived, or will not: the next connection of the account may be read."""
        with self._lock:
            home = self._home_of(resident)
            following = self._pass_on(home, resident) if home is not None else None
        self._resume_all([following])

    def depart(self, resident: R) -> None:
        """The connection is closed."""
        with self._lock:
            following = self._remove(resident)
        self._resume_all([following])

    def close(self) -> tuple[R, ...]:
        """At the end: those who still wait, for the caller to close."""
        with self._lock:
            left = tuple(resident for home in self._homes.values() for resident in home.waiting)
            for home in self._homes.values():
                home.waiting.clear()
        return left

    def _home_of(self, resident: R) -> _Home[R] | None:
        account_id = self._account_of.get(resident)
        return None if account_id is None else self._homes[account_id]

    def _remove(self, resident: R) -> R | None:
        """Forget a connection; who may be read in its stead."""
        home = self._home_of(resident)
        if home is None:
            return None
        account_id = self._account_of.pop(resident)
        del home.connections[resident]
        if resident in home.waiting:
            home.waiting.remove(resident)
        if not home.connections:
            del self._homes[account_id]
        return self._pass_on(home, resident)

    def _pass_on(self, home: _Home[R], resident: R) -> R | None:
        if resident not in home.reading:
            return None
        home.reading.remove(resident)
        if not home.waiting:
            return None
        following = home.waiting.popleft()
        home.reading.add(following)
        return following

    def _resume_all(self, due: list[R | None]) -> None:
        for resident in due:
            if resident is not None:
                self._resume(resident)
