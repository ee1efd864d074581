"""What schools have signed as a CSV file: what is read, and every fault by row and column [R23]."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.errors import OperatorError
from gateway import signatures
from gateway.signatures import Found
from policy.agreement import Rules, Signature
from policy.schools import SchoolRow, SchoolState

HEADER = "dfe,version,signed_on,signed_by\n"
RULES = Rules(at=datetime(2026, 11, 23, tzinfo=UTC), listed=("2025-1", "2026-1"), begun=(), terms=(), school_days=30)
ALDER = SchoolRow(
    id=1,
    dfe="830-2001",
    urn="112501",
    name="Alder",
    state=SchoolState.ACTIVE,
    agreement=None,
    agreement_until=None,
)
SIGNED = Signature(version="2026-1", signed_on=date(2026, 9, 3), signed_by="Mary Head")


def read(folder: Path, text: str, known: frozenset[tuple[int, Signature]] = frozenset()) -> Found:
    file = folder / "signed.csv"
    file.write_text(text)
    return signatures.read(file, {"830-2001": ALDER, "112501": ALDER}, known, RULES)


@pytest.mark.parametrize(
    "row",
    [
        "830-2001,2026-1,2026-09-03,Mary Head",
        "8302001,2026-1,03/09/2026,  Mary   Head ",
        '112501,2026-1,2026-09-03,"Mary Head"',
    ],
)
def test_a_signature_is_read_however_a_spreadsheet_writes_it(tmp_path: Path, row: str) -> None:
    assert read(tmp_path, f"{HEADER}{row}\n").signed == ((ALDER, SIGNED),)


def test_what_is_recorded_already_is_counted_and_no_fault(tmp_path: Path) -> None:
    found = read(tmp_path, f"{HEADER}830-2001,2026-1,2026-09-03,Mary Head\n", frozenset({(1, SIGNED)}))
    assert (found.signed, found.already, found.faults) == ((), 1, ())


@pytest.mark.parametrize(
    ("row", "faults"),
    [
        ("830-9999,2026-1,2026-09-03,Mary Head", ["row 2, dfe: no school has the number '830-9999'"]),
        (",2026-1,2026-09-03,Mary Head", ["row 2, dfe: give the school's DfE number"]),
        ("830-2001,2026-l,2026-09-03,Mary Head", ["row 2, version: There is no version '2026-l'"]),
        ("830-2001,2026-1,3 September,Mary Head", ["row 2, signed_on: '3 September' is no day"]),
        ("830-2001,2026-1,2027-09-03,Mary Head", ["row 2, signed_on: 2027-09-03 is still to come"]),
        ("830-2001,2026-1,2026-09-03,", ["row 2, signed_by: Say who signed it"]),
        ("x,y,z,", ["row 2, dfe:", "row 2, version:", "row 2, signed_on:", "row 2, signed_by:"]),
    ],
)
def test_every_fault_is_said_by_row_and_column(tmp_path: Path, row: str, faults: list[str]) -> None:
    found = read(tmp_path, f"{HEADER}{row}\n")
    assert [str(fault)[: len(begins)] for fault, begins in zip(found.faults, faults, strict=True)] == faults
    assert found.signed == ()


def test_a_signature_twice_in_a_file_is_a_fault(tmp_path: Path) -> None:
    row = "830-2001,2026-1,2026-09-03,Mary Head\n"
    [fault] = read(tmp_path, HEADER + row + row).faults
    assert (fault.line, fault.column) == (3, "dfe")


@pytest.mark.parametrize("header", ["dfe,version,signed_on\n", "dfe,version,signed_on,signed_by,x\n", ""])
def test_a_file_of_other_columns_is_refused_with_the_right_ones(tmp_path: Path, header: str) -> None:
    with pytest.raises(OperatorError, match="dfe, version, signed_on, signed_by"):
        read(tmp_path, header)


@given(st.text())
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_file_raises_anything_but_an_error_for_people(tmp_path: Path, text: str) -> None:
    file = tmp_path / "signed.csv"
    file.write_bytes(f"{HEADER}{text}".encode("utf-8", "surrogatepass"))
    with suppress(OperatorError):
        found = signatures.read(file, {"830-2001": ALDER}, frozenset(), RULES)
        assert all(fault.column in HEADER for fault in found.faults)
