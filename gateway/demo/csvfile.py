"""CSV as a spreadsheet in England opens it: UTF-8 with its mark, CRLF, dates as 24/11/2026 (RFC 4180 for the rest).

Called for data returns. Pure; thread-safe.
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from gateway.demo.paper import Cell, Sheet, shown


def csv_of(sheet: Sheet) -> bytes:
    """A sheet's header and rows; numbers and money stay bare so that they can be summed."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(sheet.header)
    writer.writerows([_bare(cell) for cell in row] for row in sheet.rows)
    return buffer.getvalue().encode("utf-8-sig")


def _bare(cell: Cell) -> str:
    return str(cell) if isinstance(cell, int | Decimal) else shown(cell)
