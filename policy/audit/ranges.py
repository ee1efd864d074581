"""`Ranges`: half-open byte ranges, merged as they come. Not thread-safe."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Ranges:
    """Disjoint ranges in order; adding the next piece of a sequential read costs no search."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, start: int, end: int) -> None:
        """Add `[start, end)`; an empty range adds nothing."""
        if start >= end:
            return
        if self._ends and self._starts[-1] <= start <= self._ends[-1]:
            self._ends[-1] = max(end, self._ends[-1])
            return
        low = bisect_left(self._ends, start)  # the first that touches from the left
        high = bisect_right(self._starts, end)  # the first beyond what touches from the right
        if low < high:
            start, end = min(start, self._starts[low]), max(end, self._ends[high - 1])
        self._starts[low:high] = [start]
        self._ends[low:high] = [end]

    def take(self) -> tuple[tuple[int, int], ...]:
        """All ranges, in order; afterwards there are none."""
        taken = tuple(zip(self._starts, self._ends, strict=True))
        self._starts.clear()
        self._ends.clear()
        return taken
