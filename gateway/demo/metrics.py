"""Helvetica's widths (Adobe's core font metrics, as in the metrically equal Nimbus Sans) for WinAnsi text.

Called by the typesetter. Pure; thread-safe. A character that WinAnsi (code page 1252) lacks becomes a question mark.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache


class Font(StrEnum):
    """The two of the fourteen standard fonts (PDF 1.4, section 5.5.1) in use; the string is the resource's name."""

    PLAIN = "F1"
    BOLD = "F2"


_PLAIN = """
278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278
278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722
667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556
556 333 500 278 556 500 722 500 500 500 334 260 334 584 350 556 350 222 556 333 1000 556 556 333 1000 667 333
1000 350 611 350 350 222 222 333 333 350 556 1000 333 1000 500 333 944 350 500 667 278 333 556 556 556 556 260
556 333 737 370 556 584 333 737 333 400 584 333 333 333 556 537 278 333 333 365 556 834 834 834 611 667 667 667
667 667 667 1000 722 667 667 667 667 278 278 278 278 722 722 778 778 778 778 778 584 778 722 722 722 722 667
667 611 556 556 556 556 556 556 889 500 556 556 556 556 278 278 278 278 556 556 556 556 556 556 556 584 611
556 556 556 556 500 556 500
"""
_BOLD = """
278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 333
333 584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722
667 944 667 667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611 611
611 389 556 333 611 556 778 556 556 500 389 280 389 584 350 556 350 278 556 500 1000 556 556 333 1000 667 333
1000 350 611 350 350 278 278 500 500 350 556 1000 333 1000 556 333 944 350 500 667 278 333 556 556 556 556 280
556 333 737 370 556 584 333 737 333 400 584 333 333 333 611 556 278 333 333 365 556 834 834 834 611 722 722 722
722 722 722 1000 722 667 667 667 667 278 278 278 278 722 722 778 778 778 778 778 584 778 722 722 722 722 667
667 611 556 556 556 556 556 556 889 556 556 556 556 556 278 278 278 278 611 611 611 611 611 611 611 584 611
611 611 611 611 556 611 556
"""
_WIDTHS = {font: (0,) * 32 + tuple(map(int, text.split())) for font, text in ((Font.PLAIN, _PLAIN), (Font.BOLD, _BOLD))}


def winansi(text: str) -> bytes:
    """`text` as the fonts encode it, one byte a character."""
    return text.encode("cp1252", "replace")


def width(text: str, font: Font, size: float) -> float:
    """How wide `text` runs at `size`, both in points."""
    widths = _WIDTHS[font]
    return sum(widths[code] for code in winansi(text)) * size / 1000


@lru_cache(maxsize=4096)
def wrapped(text: str, font: Font, size: float, measure: float) -> tuple[str, ...]:
    """`text` broken at spaces into lines of at most `measure` points; a longer word is broken where it must be."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            candidate = f"{line} {word}" if line else word
            if width(candidate, font, size) <= measure:
                line = candidate
                continue
            if line:
                lines.append(line)
            *full, line = _chopped(word, font, size, measure)
            lines.extend(full)
        lines.append(line)
    return tuple(lines)


def _chopped(word: str, font: Font, size: float, measure: float) -> list[str]:
    pieces = [""]
    for character in word:
        if pieces[-1] and width(pieces[-1] + character, font, size) > measure:
            pieces.append("")
        pieces[-1] += character
    return pieces
