"""How many requests of one account run at once in this process, so that no script takes every thread. Thread-safe."""

from __future__ import annotations

import threading
from collections import Counter


class Turnstile:
    """`places` requests an account run; as many again wait, at most `wait` seconds each."""

    def __init__(self, *, places: int, wait: float) -> None:
        self._places = places
        self._wait = wait
        self._changed = threading.Condition()
        self._running: Counter[int] = Counter()
        self._waiting: Counter[int] = Counter()

    def enter(self, account_id: int) -> bool:
        """Take a place. False: none became free in time, or too many wait already."""
        with self._changed:
            if self._running[account_id] >= self._places and not self._await_place(account_id):
                return False
            self._running[account_id] += 1
            return True

    def _await_place(self, account_id: int) -> bool:
        if self._waiting[account_id] >= self._places:
            return False
        self._waiting[account_id] += 1
        try:
            return self._changed.wait_for(lambda: self._running[account_id] < self._places, self._wait)
        finally:
            _decrease(self._waiting, account_id)

    def leave(self, account_id: int) -> None:
        """Give the place back."""
        with self._changed:
            _decrease(self._running, account_id)
            self._changed.notify_all()


def _decrease(counter: Counter[int], key: int) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
