"""The demo's clock: it stands where it was put, so that months of publishing pass in seconds.

Called by the build. Its two readings move together, as the guard of the real clock wants [R10]. One thread moves it.
"""

from __future__ import annotations

from datetime import datetime


class SteppedClock:
    """A clock that moves by `step_to` alone, and never back."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._at = start

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return (self._at - self._start).total_seconds()

    def step_to(self, at: datetime) -> None:
        """Move on to `at` (aware UTC); a moment that has passed already changes nothing."""
        self._at = max(self._at, at)
