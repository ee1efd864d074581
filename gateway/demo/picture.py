"""Scanned plans: a grey page with walls, doors and the grain of a scanner, made cheaply; as PNG or as bare pixels.

Called for fire plans and site photographs. Grain is drawn from the handed-in random source; thread-safe.
"""

from __future__ import annotations

import struct
import zlib
from random import Random

_PAPER = bytes(226 + (value >> 3) % 30 for value in range(256))
_INK = 52


def scanned_plan(random: Random, size: tuple[int, int]) -> bytearray:
    """Eight-bit grey pixels, row by row: rooms along a corridor, on grainy paper."""
    across, down = size
    pixels = bytearray(random.randbytes(across * down).translate(_PAPER))
    left, right, top, bottom = across // 12, across * 11 // 12, down // 10, down * 9 // 10
    corridor = (top + bottom) // 2
    gap = max(8, down // 22)
    for y in (top, corridor - gap, corridor + gap, bottom):
        _wall_across(pixels, across, left, right, y)
    for upper, lower in ((top, corridor - gap), (corridor + gap, bottom)):
        x = left
        while x < right:
            _wall_down(pixels, across, x, upper, lower)
            x += random.randrange(across // 14, across // 6)
        _wall_down(pixels, across, right, upper, lower)
    _wall_down(pixels, across, left, top, bottom)
    return pixels


def png_of(pixels: bytearray, size: tuple[int, int], *, level: int = 0) -> bytes:
    """The pixels as a PNG file (ISO/IEC 15948); level 0 stores them, as a scanner in a hurry does."""
    across, down = size
    rows = bytearray(down * (across + 1))
    for y in range(down):
        start = y * (across + 1) + 1
        rows[start : start + across] = pixels[y * across : (y + 1) * across]
    header = struct.pack(">IIBBBBB", across, down, 8, 0, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(bytes(rows), level)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _wall_across(pixels: bytearray, across: int, left: int, right: int, y: int) -> None:
    thick = max(2, across // 400)
    for row in range(y, y + thick):
        pixels[row * across + left : row * across + right] = bytes([_INK]) * (right - left)


def _wall_down(pixels: bytearray, across: int, x: int, top: int, bottom: int) -> None:
    thick = max(2, across // 400)
    door = top + (bottom - top) // 3
    for column in range(x, min(x + thick, across)):
        for upper, lower in ((top, door), (door + (bottom - top) // 6, bottom)):
            count = lower - upper
            pixels[upper * across + column : lower * across + column : across] = bytes([_INK]) * count
