"""A clock that the test moves in sight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Stands still until `advance`; the monotonic clock moves with it unless the machine's clock is `set` alone."""

    def __init__(self, at: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)) -> None:
        self._at = at
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, **parts: float) -> None:
        """Let time pass: `advance(days=90)`."""
        step = timedelta(**parts)
        self._at += step
        self._monotonic += step.total_seconds()

    def set(self, at: datetime) -> None:
        """Put the machine's clock at `at`, as an administrator or a bad time server would."""
        self._at = at
