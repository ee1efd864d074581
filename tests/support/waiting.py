"""Waiting for what another thread or process does: never for a time, always for a fact, and not for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable

from config.clock import SystemClock

_PAUSE = 0.01


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Poll `condition` until it holds; whether it did before the deadline passed."""
    clock, pause = SystemClock(), threading.Event()
    deadline = clock.monotonic() + seconds
    while not condition():
        if clock.monotonic() > deadline:
            return False
        pause.wait(_PAUSE)
    return True
