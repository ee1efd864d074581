"""One time for every refusal of a kind [R18]: unknown, wrong, ended and locked are told when the slow ones are.

Used by `checks`, which makes one for each kind of secret. What was really tried is timed, and every refusal, tried or
not, is held back until nine of ten of the last tries would have been over. A success is never held back. Thread-safe.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from config.clock import Clock

_REMEMBERED = 64  # tries
_LONGEST = 2.0  # seconds: where trying takes longer, the service is overloaded, and threads are not to be held for show


class Pace:
    """`first` is the time of a refusal in seconds until a try has been timed; `pause` sleeps."""

    def __init__(self, clock: Clock, pause: Callable[[float], None], *, first: float) -> None:
        self._clock = clock
        self._pause = pause
        self._first = first
        self._lock = threading.Lock()
        self._took: deque[float] = deque(maxlen=_REMEMBERED)

    def keep(self, began: float, *, tried: bool) -> None:
        """Hold back a refusal of what `began` at that monotonic time; `tried`, if it went the whole way, is timed."""
        took = self._clock.monotonic() - began
        with self._lock:
            if tried:
                self._took.append(took)
            usual = sorted(self._took)[len(self._took) * 9 // 10] if self._took else self._first
        rest = min(usual, _LONGEST) - took
        if rest > 0:
            self._pause(rest)
