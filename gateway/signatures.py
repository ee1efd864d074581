"""What schools have signed, as a CSV file says it, against what is known [R23].

Called by `ladocs agreement record --csv`. Reading says every fault by row and column and changes nothing; recording is
left to the caller. Raises OperatorError for a file that cannot be read at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from config.errors import OperatorError
from gateway.roll import Fault
from gateway.rollfile import Columns, rows_of, text_of
from policy.agreement import Rules, Signature, known_version, past_day, signer
from policy.schools import SchoolRow, dfe_number

DFE, VERSION, SIGNED_ON, SIGNED_BY = ("dfe", "version", "signed_on", "signed_by")
_COLUMNS = (DFE, VERSION, SIGNED_ON, SIGNED_BY)
_DAYS = ("%Y-%m-%d", "%d/%m/%Y")  # as we write them, and as Excel in England saves them

_T = TypeVar("_T")
Signed = tuple[SchoolRow, Signature]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a file says: signatures to record, how many are recorded already, faults in order, how it was encoded."""

    signed: tuple[Signed, ...]
    already: int
    faults: tuple[Fault, ...]
    encoding: str


def read(file: Path, schools: Mapping[str, SchoolRow], known: Collection[tuple[int, Signature]], rules: Rules) -> Found:
    """The signatures of `file`. `schools` by DfE number and URN; `known`: what is recorded, by the school's id."""
    text, encoding = text_of(file)
    signed: dict[tuple[int, Signature], SchoolRow] = {}
    faults: list[Fault] = []
    already = 0
    for line, values in rows_of(file, text, Columns(_COLUMNS, _COLUMNS)):
        row = _Row(line, values, rules)
        school, signature = row.school(schools), row.signature()
        faults += row.faults
        if school is None or signature is None:
            continue
        if (school.id, signature) in known:
            already += 1
        elif (school.id, signature) in signed:
            faults.append(Fault(line, DFE, f"{school.dfe} has the same signature in an earlier row"))
        else:
            signed[school.id, signature] = school
    return Found(
        signed=tuple((school, signature) for (_, signature), school in signed.items()),
        already=already,
        faults=tuple(faults),
        encoding=encoding,
    )


class _Row:
    """One row, and what is wrong with it."""

    def __init__(self, line: int, values: Mapping[str, str], rules: Rules) -> None:
        self.faults: list[Fault] = []
        self._line = line
        self._values = values
        self._rules = rules

    def school(self, schools: Mapping[str, SchoolRow]) -> SchoolRow | None:
        typed = self._values[DFE]
        try:
            number = dfe_number(typed)
        except OperatorError:
            number = typed
        if number not in schools:
            self._fault(DFE, f"no school has the number '{typed}'" if typed else "give the school's DfE number")
        return schools.get(number)

    def signature(self) -> Signature | None:
        """As it would be kept; None with a fault in any of its columns."""
        version = self._try(VERSION, lambda: known_version(self._values[VERSION], self._rules))
        signed_on = self._try(SIGNED_ON, lambda: past_day(_day(self._values[SIGNED_ON]), self._rules))
        signed_by = self._try(SIGNED_BY, lambda: signer(self._values[SIGNED_BY]))
        if version is None or signed_on is None or signed_by is None:
            return None
        return Signature(version=version, signed_on=signed_on, signed_by=signed_by)

    def _try(self, column: str, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except OperatorError as exc:
            self._fault(column, str(exc).rstrip("."))
            return None

    def _fault(self, column: str, message: str) -> None:
        self.faults.append(Fault(self._line, column, message))


def _day(typed: str) -> date:
    for form in _DAYS:
        with suppress(ValueError):
            return datetime.strptime(typed, form).date()  # noqa: DTZ007 - a day has no zone
    raise OperatorError(f"'{typed}' is no day: write it like 2026-09-03 or 03/09/2026")
