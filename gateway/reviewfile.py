"""A review as a CSV file: printed for the headteacher, who decides on each row, and read back [R22].

Used by `ladocs review show --csv` and `confirm --csv`. Each row carries the digest of what it shows, so that a decision
is about what was seen. Pure but for reading the file; thread-safe. Raises OperatorError for a file that cannot be read
at all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.errors import OperatorError
from gateway.rollfile import harmless, plain, text_of
from policy.reviewed import Item

DECISION, ITEM, SEEN = "decision", "item", "seen"
KEEP, REMOVE = "keep", "remove"
COLUMNS = (
    *(DECISION, ITEM, "name", "username", "roles", "categories", "owner", "networks", "last_used_at", "ends"),
    *("suspended_at", "fingerprint", SEEN),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row of the file, or with a row that is not there (0)."""

    row: int
    column: str
    message: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.message}" if self.row else self.message


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided: whom and what to remove; every other item that is shown is confirmed. Good without faults."""

    removed: frozenset[str]
    faults: Sequence[Fault]


def written(items: Sequence[Item], cells: Mapping[str, Mapping[str, str]]) -> str:
    """`items` as CSV that Excel opens rightly and in which no cell is a formula; `cells` are the values by `ref`."""
    buffer = io.StringIO()
    buffer.write("\ufeff")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for item in items:
        values = {**cells[item.ref], DECISION: "", ITEM: item.ref, SEEN: item.seen}
        writer.writerow([harmless(values[column]) for column in COLUMNS])
    return buffer.getvalue()


def read(file: Path, items: Sequence[Item]) -> Decisions:
    """The decisions of `file` on `items`: one on each, and each as it was shown."""
    shown = {item.ref: item for item in items}
    decided: dict[str, str] = {}
    faults: list[Fault] = []
    for number, row in _rows(file):
        ref = row[ITEM]
        faults += [Fault(number, column, message) for column, message in _wrong(row, shown.get(ref), ref in decided)]
        decided[ref] = row[DECISION].lower()
    faults += [
        Fault(0, ITEM, f"{ref} is not in the file: it is new, or its row was taken out")
        for ref in shown
        if ref not in decided
    ]
    return Decisions(frozenset(ref for ref, decision in decided.items() if decision == REMOVE), faults)


def _wrong(row: Mapping[str, str], item: Item | None, twice: bool) -> Iterator[tuple[str, str]]:
    if item is None:
        yield ITEM, f"'{row[ITEM]}' is not there (any more): show the review again"
        return
    if twice:
        yield ITEM, f"{row[ITEM]} has a row already: leave one"
    if row[DECISION].lower() not in (KEEP, REMOVE):
        yield DECISION, f"'{row[DECISION]}' is no decision: write {KEEP} or {REMOVE}"
    if row[SEEN] != item.seen:
        yield SEEN, f"{row[ITEM]} has changed since this was shown: show the review again"


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    text, _ = text_of(file)
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
    try:
        reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
        missing = [column for column in (DECISION, ITEM, SEEN) if column not in reader.fieldnames]
        if missing:
            raise OperatorError(f"{file} has no column '{missing[0]}': fill in what 'ladocs review show --csv' prints.")
        for values in reader:
            row = {column: plain((values[column] or "").strip()) for column in (DECISION, ITEM, SEEN)}
            if any(row.values()):
                yield reader.line_num, row
    except csv.Error as exc:
        raise OperatorError(f"{file}, row {reader.line_num + 1}: {exc}: save it as CSV again.") from exc
