"""The DfE register of schools (Get Information about Schools), as its CSV download has it.

Called by `ladocs school import`. Reading says every fault by row and column and changes nothing; a plan is made against
the schools that are there and carried out in the caller's transaction. Raises OperatorError for a file that cannot be
read at all or names no open school.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection

from config.errors import OperatorError
from policy import schools
from policy.schools import SchoolRow

URN, LA, NUMBER, NAME, STATUS = (
    "URN",
    "LA (code)",
    "EstablishmentNumber",
    "EstablishmentName",
    "EstablishmentStatus (name)",
)
COLUMNS = (URN, LA, NUMBER, NAME, STATUS)
_FORMS = (
    (URN, re.compile(r"\d{5,7}"), "five to seven digits"),
    (LA, re.compile(r"\d{3}"), "three digits"),
    (NUMBER, re.compile(r"\d{4}"), "four digits"),
    (NAME, re.compile(r"[^\ufffd]*[^\ufffd\s][^\ufffd]*"), "a name that can be read"),
)
_LARGEST = 256 * 1024 * 1024  # the whole register of England has 60 MiB


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """One open school of the file."""

    line: int
    dfe: str
    urn: str
    name: str


@dataclass(frozen=True, slots=True)
class RegisterFault:
    """A value that is not what its column holds."""

    line: int
    column: str
    value: str
    wanted: str

    def __str__(self) -> str:
        return f"row {self.line}, {self.column}: '{self.value}' is not {self.wanted}"


@dataclass(frozen=True, slots=True)
class Register:
    """What a file says: open schools, how many rows are of others, and its faults."""

    rows: tuple[RegisterRow, ...]
    skipped: int
    faults: tuple[RegisterFault, ...]


class Act(StrEnum):
    """What is done for one row of the file."""

    ADD = "add"
    RENAME = "rename"
    NEW_URN = "new URN"


@dataclass(frozen=True, slots=True)
class Step:
    """One act, for the school as it is; None for one that is to be entered."""

    act: Act
    row: RegisterRow
    school: SchoolRow | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a register changes, in the order of the file, and how many schools it leaves as they are."""

    steps: tuple[Step, ...]
    unchanged: int

    def carry_out(self, connection: Connection, at: datetime) -> list[tuple[Act, SchoolRow]]:
        """Do it; what was done to which school."""
        return [(step.act, _take(connection, step, at)) for step in self.steps]


def read(file: Path, la: str | None = None) -> Register:
    """The register in `file`, of the local authority `la` alone if it is given."""
    rows, faults, skipped = [], [], 0
    seen: dict[str, int] = {}
    for line, values in _lines(file):
        if la is not None and values[LA] != la:
            continue
        if not values[STATUS].startswith("Open") or not values[NUMBER]:
            skipped += 1
            continue
        wrong = [
            RegisterFault(line, c, values[c], wanted) for c, form, wanted in _FORMS if not form.fullmatch(values[c])
        ]
        dfe = f"{values[LA]}-{values[NUMBER]}"
        for column, key in ((NUMBER, dfe), (URN, values[URN])):
            if key in seen and not wrong:
                wrong.append(RegisterFault(line, column, key, f"new: row {seen[key]} has it"))
            seen[key] = line
        faults.extend(wrong)
        if not wrong:
            rows.append(RegisterRow(line, dfe, values[URN], schools.clean(values[NAME])))
    if not rows and not faults:
        whose = "" if la is None else f" of local authority {la}"
        raise OperatorError(
            f"{file} names no open school{whose}: give the register of your authority, or another --la."
        )
    return Register(tuple(rows), skipped, tuple(faults))


def plan(rows: Sequence[RegisterRow], known: Sequence[SchoolRow]) -> Plan:
    """What `rows` change about the schools that are there. Numbers that changed hands are not taken over [R30]."""
    by_dfe = {school.dfe: school for school in known}
    by_urn = {school.urn: school for school in known if school.urn}
    steps: list[Step] = []
    unchanged = 0
    for row in rows:
        school, same_urn = by_dfe.get(row.dfe), by_urn.get(row.urn)
        if same_urn is not None and same_urn is not school:
            raise OperatorError(
                f"Row {row.line}: URN {row.urn} belongs to {same_urn.dfe} here, in the file to {row.dfe}: one of them"
                " is a school with a new number, so mend the file or leave this row out."
            )
        acts = _acts(row, school)
        steps.extend(Step(act, row, school) for act in acts)
        unchanged += not acts
    return Plan(tuple(steps), unchanged)


def _acts(row: RegisterRow, school: SchoolRow | None) -> list[Act]:
    if school is None:
        return [Act.ADD]
    rows = ((Act.RENAME, school.name != row.name), (Act.NEW_URN, school.urn != row.urn))
    return [act for act, applies in rows if applies]


def _take(connection: Connection, step: Step, at: datetime) -> SchoolRow:
    row, school = step.row, step.school
    if school is None:
        return schools.add(connection, dfe=row.dfe, name=row.name, urn=row.urn, at=at)
    if step.act is Act.RENAME:
        schools.rename(connection, school.id, row.name, at)
    else:
        schools.set_urn(connection, school.id, row.urn)
    return school


def _lines(file: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Row number in the file and trimmed values of the columns that count."""
    reader = csv.DictReader(io.StringIO(_text(file), newline=""))
    try:
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise OperatorError(
                f"{file} has no column '{missing[0]}': give a CSV file of the DfE register, with {', '.join(COLUMNS)}."
            )
        for values in reader:
            yield reader.line_num, {column: (values[column] or "").strip() for column in COLUMNS}
    except csv.Error as exc:
        raise OperatorError(f"{file}, row {reader.line_num + 1}: {exc}: save it as CSV again.") from exc


def _text(file: Path) -> str:
    """The file as text: UTF-8, or windows-1252, in which the register is published."""
    try:
        if file.stat().st_size > _LARGEST:
            raise OperatorError(f"{file} is larger than any register: give the CSV file itself.")
        data = file.read_bytes()
    except OSError as exc:
        raise OperatorError(f"{file} cannot be read ({exc.strerror}): check the path.") from exc
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
