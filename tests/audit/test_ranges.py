"""`Ranges` against sets of numbers."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from policy.audit.ranges import Ranges

pieces = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=12)


@given(pieces)
@settings(max_examples=150)
def test_ranges_hold_exactly_what_was_added(added: list[tuple[int, int]]) -> None:
    ranges = Ranges()
    for start, end in added:
        ranges.add(start, end)
    held = {n for start, end in ranges.take() for n in range(start, end)}
    assert held == {n for start, end in added for n in range(start, end)}


@given(pieces)
@settings(max_examples=150)
def test_ranges_are_in_order_and_never_touch(added: list[tuple[int, int]]) -> None:
    ranges = Ranges()
    for start, end in added:
        ranges.add(start, end)
    flat = [edge for piece in ranges.take() for edge in piece]
    assert all(a < b for a, b in itertools.pairwise(flat))


def test_taking_empties() -> None:
    ranges = Ranges()
    ranges.add(0, 5)
    ranges.take()
    assert len(ranges) == 0
