"""What a document says, before it is a file: letters made of blocks, workbooks made of sheets.

The letter writers make these; the typesetter, `docx`, `xlsx` and `csvfile` render them. Frozen values; thread-safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

COUNCIL = "Derbyshire County Council"
Cell = str | int | Decimal | date
"""What a table holds. A Decimal is money in pounds."""


class Side(StrEnum):
    """How a column is aligned."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Heading:
    """A line in bold that opens a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of points."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """Pairs of a label and what it says, as at the head of a form."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `share` is its part of the width."""

    title: str
    share: float = 1.0
    side: Side = Side.LEFT


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header, which is repeated on each page; `total` marks the last row as a sum."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    total: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A grey eight-bit image of `size` pixels, with its caption."""

    pixels: bytes
    size: tuple[int, int]
    caption: str


@dataclass(frozen=True, slots=True)
class PageBreak:
    """What follows begins on a new page."""


Block = Heading | Paragraph | Bullets | Fields | Table | Picture | PageBreak


@dataclass(frozen=True, kw_only=True, slots=True)
class Paper:
    """A letter or report. `addressee` and `signatory` are lines; both may be empty for a report."""

    title: str
    directorate: str
    reference: str
    day: date
    blocks: tuple[Block, ...]
    addressee: tuple[str, ...] = ()
    salutation: str = ""
    signatory: tuple[str, ...] = ()
    marking: str = "OFFICIAL – SENSITIVE"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook: a title line, a header and typed rows."""

    name: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Workbook:
    """Sheets, and the day that stands as the file's date."""

    sheets: tuple[Sheet, ...]
    day: date


def long_date(day: date) -> str:
    """`24 November 2026`, whatever the locale."""
    months = "January February March April May June July August September October November December".split()
    return f"{day.day} {months[day.month - 1]} {day.year}"


def short_date(day: date) -> str:
    """`24/11/2026`."""
    return f"{day:%d/%m/%Y}"


def pounds(amount: Decimal) -> str:
    """`£1,234.50`, a minus before the sign."""
    return f"{'-' if amount < 0 else ''}£{abs(amount):,.2f}"


def table(
    columns: Sequence[str], shares: Sequence[float], rows: Sequence[Sequence[Cell]], *, total: bool = False
) -> Table:
    """A table whose columns of numbers and money are set to the right."""
    numeric = [bool(rows) and isinstance(rows[0][index], int | Decimal) for index in range(len(columns))]
    made = tuple(
        Column(title, share, Side.RIGHT if right else Side.LEFT)
        for title, share, right in zip(columns, shares, numeric, strict=True)
    )
    return Table(made, tuple(tuple(map(shown, row)) for row in rows), total)


def shown(cell: Cell) -> str:
    """A cell as a reader sees it."""
    if isinstance(cell, date):
        return short_date(cell)
    if isinstance(cell, Decimal):
        return pounds(cell)
    return f"{cell:,}" if isinstance(cell, int) else cell
