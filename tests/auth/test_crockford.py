"""`crockford`: what is shown can be typed back, however people type it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.crockford import DIGITS, canonical, encode, grouped

_fifteen = st.binary(min_size=15, max_size=15)


@settings(max_examples=100)
@given(data=_fifteen, choices=st.lists(st.integers(0, 7), min_size=24, max_size=24))
def test_what_is_shown_reads_back_however_it_is_typed(data: bytes, choices: list[int]) -> None:
    shown = encode(data)
    typed = "".join(_as_typed(digit, choice) for digit, choice in zip(shown, choices, strict=True))
    assert canonical(typed, 24) == shown


@settings(max_examples=50)
@given(one=_fifteen, other=_fifteen)
def test_different_bytes_are_shown_differently(one: bytes, other: bytes) -> None:
    assert (encode(one) == encode(other)) is (one == other)


def test_every_digit_stands_for_five_bits_in_order() -> None:
    everything = int("".join(f"{n:05b}" for n in range(32)), 2).to_bytes(20, "big")
    assert encode(everything) == DIGITS


def test_groups_are_of_four() -> None:
    assert grouped("0123456789AB") == "0123-4567-89AB"


@pytest.mark.parametrize(
    "typed", ["", "0" * 23, "0" * 25, "U" + "0" * 23, "0" * 23 + "!", "\uff10" * 24, "0" * 23 + "\n0"]
)
def test_what_cannot_be_one_is_none(typed: str) -> None:
    assert canonical(typed, 24) is None


def _as_typed(digit: str, choice: int) -> str:
    lookalikes = {"0": "Oo0", "1": "IiLl1"}.get(digit, digit + digit.lower())
    return lookalikes[choice % len(lookalikes)] + ("", "-", " ", "--")[choice % 4]
