"""Files of rows: CSV as a spreadsheet saves and opens it, the roll's above all [R11].

Used by `gateway.roll`, `gateway.signatures` and `ladocs account export`. Pure but for reading the file; thread-safe.
Raises OperatorError for a file that cannot be read at all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.errors import OperatorError

USERNAME, NAME, EMAIL, SCHOOL, ROLE, CATEGORIES, STAFF, STATE = (
    *("username", "name", "email", "school", "role", "categories", "staff", "state"),
)
COLUMNS = (USERNAME, NAME, EMAIL, SCHOOL, ROLE, CATEGORIES, STAFF)
EXPORTED = (*COLUMNS, STATE, "kind", "owner", "networks", "expires_at")
"""What an export has besides is left out of account by an import."""

_LARGEST = 16 * 1024 * 1024  # 3,400 people have half a MiB
_MORE = "\0"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Columns:
    """What a file is made of: columns that count, those that it must have, and those that may stand beside them."""

    counted: tuple[str, ...]
    needed: tuple[str, ...]
    beside: tuple[str, ...] = ()


ROLL = Columns((*COLUMNS, STATE), (USERNAME, NAME, EMAIL), EXPORTED)


def rows_of(file: Path, text: str, columns: Columns = ROLL) -> Iterator[tuple[int, dict[str, str]]]:
    """Row number in the file, and the trimmed values of what counts; rows without any are left out."""
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey=_MORE, restval="")
    try:
        header = [name.strip().lower() for name in reader.fieldnames or ()]
        _check_header(file, header, columns)
        reader.fieldnames = header
        for values in reader:
            if values.get(_MORE):
                raise OperatorError(f"{file}, row {reader.line_num}: more values than columns: quote what has commas.")
            row = {column: plain((values.get(column) or "").strip()) for column in columns.counted}
            if any(row.values()):
                yield reader.line_num, row
    except csv.Error as exc:
        raise OperatorError(f"{file}, row {reader.line_num + 1}: {exc}: save it as CSV again.") from exc


def _check_header(file: Path, header: Sequence[str], columns: Columns) -> None:
    named = ", ".join(column for column in columns.counted if column != STATE)
    missing = [column for column in columns.needed if column not in header]
    if missing:
        raise OperatorError(f"{file} has no column '{missing[0]}': the first row names {named}.")
    header = [column for column in header if column]  # a spreadsheet may save empty columns too
    strange = [column for column in header if column not in (*columns.counted, *columns.beside)]
    if strange:
        raise OperatorError(f"{file} has a column '{strange[0]}', which means nothing: there are {named}.")
    if len(set(header)) < len(header):
        raise OperatorError(f"{file} names a column twice: leave one of the two out.")


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as exc:
        raise OperatorError(f"{file} cannot be read ({exc.strerror}): check the path.") from exc
    if len(data) > _LARGEST:
        raise OperatorError(f"{file} is larger than any county's people: give the CSV file itself.")
    return data


def text_of(file: Path) -> tuple[str, str]:
    """The text and how it was encoded: UTF-8, or Windows-1252 as Excel in England saves plain CSV."""
    data = _bytes(file)
    for encoding, name in (("utf-8-sig", "UTF-8"), ("cp1252", "Windows-1252")):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, name
    raise OperatorError(f"{file} is no CSV file in UTF-8 or Windows-1252: save it as 'CSV UTF-8'.")


def plain(cell: str) -> str:
    """What `harmless` made of a cell, undone."""
    return cell[1:] if cell.startswith("'") and _is_calculated(cell) else cell


def _is_calculated(cell: str) -> bool:
    return cell.lstrip("'").startswith(_FORMULA)


def written(rows: Iterable[Mapping[str, str]]) -> str:
    """Rows of `EXPORTED` as CSV that Excel opens rightly and in which no cell is a formula."""
    buffer = io.StringIO()
    buffer.write("\ufeff")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(EXPORTED)
    writer.writerows([harmless(row[column]) for column in EXPORTED] for row in rows)
    return buffer.getvalue()


def harmless(cell: str) -> str:
    """`cell` with an apostrophe before what a spreadsheet would calculate."""
    return f"'{cell}" if _is_calculated(cell) else cell
