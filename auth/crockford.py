"""Crockford's base32 (https://www.crockford.com/base32.html), for what people type: no I, L, O or U. Pure."""

from __future__ import annotations

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS = 5
_READ_AS = str.maketrans("ILO", "110", "- ")


def encode(data: bytes) -> str:
    """`data` as capital letters and digits; its length in bits must be a multiple of five. Raises ValueError."""
    if len(data) * 8 % _BITS:
        raise ValueError("the length in bits is not a multiple of five")
    number = int.from_bytes(data, "big")
    length = len(data) * 8 // _BITS
    return "".join(DIGITS[number >> shift & 31] for shift in range((length - 1) * _BITS, -1, -_BITS))


def grouped(text: str, size: int = 4) -> str:
    """`text` in groups joined by hyphens, as it is shown."""
    return "-".join(text[start : start + size] for start in range(0, len(text), size))


def canonical(typed: str, length: int) -> str | None:
    """What was meant: case, hyphens and blanks ignored, I and L read as 1, O as 0; None if it is not `length` long."""
    text = typed.strip().upper().translate(_READ_AS) if typed.isascii() else ""
    return text if len(text) == length and set(text) <= set(DIGITS) else None
