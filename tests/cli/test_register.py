"""`ladocs school import`: the DfE's register, as it is downloaded."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.county import PRIMARY, SECONDARY, County

# The download has many more columns, in an order of its own.
HEADER = (
    "URN,LA (code),LA (name),EstablishmentNumber,EstablishmentName,TypeOfEstablishment (name),"
    "EstablishmentStatus (code),EstablishmentStatus (name)"
)


def row(urn: str, number: str, name: str, status: str = "Open", la: str = "830") -> str:
    return f'{urn},{la},Derbyshire,{number},"{name}",Community school,1,"{status}"'


KNOWN = (row("112501", "2001", "Example Primary School"), row("112900", "4003", "Example Secondary School"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "edubasealldata.csv"


def write(file: Path, *rows: str, encoding: str = "utf-8") -> Path:
    file.write_bytes("\r\n".join((HEADER, *rows, "")).encode(encoding))
    return file


def schools(county: County) -> dict[str, tuple[str | None, str]]:
    return {one["dfe"]: (one["urn"], one["name"]) for one in county("school", "list", "--json").json}


def reasons(county: County) -> Sequence[str]:
    return [one["reason"] for one in county("audit", "list", "--event", "school:changed", "--json").json]


def test_open_schools_are_entered_and_others_left_out(county: County, file: Path) -> None:
    write(
        file,
        row("112502", "2002", "Third School"),
        row("112503", "2003", "Closed School", "Closed"),
        row("112504", "2004", "Fourth School", "Open, but proposed to close"),
        row("112505", "", "A centre without a number"),
    )
    ran = county("school", "import", file, "--json")
    assert ran.json == [
        {"act": "add", "dfe": "830-2002", "urn": "112502", "name": "Third School"},
        {"act": "add", "dfe": "830-2004", "urn": "112504", "name": "Fourth School"},
    ]
    assert ran.err == (
        "Done: 2 schools added, 0 renamed, 0 with a new URN. As they were: 0. Left out: 2 rows of schools that are not"
        " open or have no number.\n"
    )
    assert schools(county).keys() == {PRIMARY, SECONDARY, "830-2002", "830-2004"}
    assert reasons(county)[-2:] == ["register: add", "register: add"]


def test_the_table_says_what_is_done_for_which_school(county: County, file: Path) -> None:
    out = county("school", "import", write(file, row("112502", "2002", "Third School"))).out
    assert ["add", "830-2002", "112502", "Third", "School"] in [line.split() for line in out.splitlines()]


def test_a_second_import_changes_nothing(county: County, file: Path) -> None:
    county("school", "import", write(file, *KNOWN))
    before = county.state()
    ran = county("school", "import", file)
    assert ran.out == "Nothing to change.\n"
    assert ran.err.startswith("Done: 0 schools added, 0 renamed, 0 with a new URN. As they were: 2.")
    assert county.state() == before


def test_a_new_name_and_a_new_urn_are_taken_over(county: County, file: Path) -> None:
    write(file, row("149001", "2001", "Example  Primary Academy"), row("112900", "4003", "Example Secondary School"))
    acts = [(one["act"], one["dfe"]) for one in county("school", "import", file, "--json").json]
    assert acts == [("rename", PRIMARY), ("new URN", PRIMARY), ("new URN", SECONDARY)]
    assert schools(county) == {
        PRIMARY: ("149001", "Example Primary Academy"),
        SECONDARY: ("112900", "Example Secondary School"),
    }


def test_a_dry_run_says_the_same_and_does_nothing(county: County, file: Path) -> None:
    write(file, row("112502", "2002", "Third School"))
    before = county.state()
    ran = county("school", "import", file, "--dry-run", "--json")
    assert [one["act"] for one in ran.json] == ["add"]
    assert ran.err.startswith("Would be done: 1 school added")
    assert county.state() == before


def test_every_fault_is_named_by_row_and_column_and_nothing_is_entered(county: County, file: Path) -> None:
    write(
        file,
        row("112502", "2002", "Third School"),
        row("11", "2003", "Fourth School"),
        row("112504", "20O4", ""),
        row("112505", "2002", "Fifth School"),
        row("112502", "2006", "Sixth School"),
    )
    before = county.state()
    ran = county("school", "import", file, status=1)
    assert ran.out == ""
    assert ran.err.splitlines() == [
        f"{file}: row 3, URN: '11' is not five to seven digits",
        f"{file}: row 4, EstablishmentNumber: '20O4' is not four digits",
        f"{file}: row 4, EstablishmentName: '' is not a name that can be read",
        f"{file}: row 5, EstablishmentNumber: '830-2002' is not new: row 2 has it",
        f"{file}: row 6, URN: '112502' is not new: row 2 has it",
        f"ladocs: 5 faults in {file}, so nothing was entered: mend the file and import it again.",
    ]
    assert county.state() == before


def test_a_fault_in_a_school_of_another_authority_does_not_matter(county: County, file: Path) -> None:
    write(file, row("x", "y", "", la="831"), row("112502", "2002", "Third School"))
    assert len(county("school", "import", file, "--la", "830", "--json").json) == 1


def test_an_authority_without_a_school_in_the_file_is_told(county: County, file: Path) -> None:
    line = county("school", "import", write(file, *KNOWN), "--la", "835", status=1).line
    assert (
        line
        == f"{file} names no open school of local authority 835: give the register of your authority, or another --la."
    )


def test_a_urn_that_has_moved_to_another_number_is_not_taken_over(county: County, file: Path) -> None:
    write(file, row("112502", "2002", "Third School"), row("112501", "2009", "Example Primary Academy"))
    before = county.state()
    line = county("school", "import", file, status=1).line
    assert f"Row 3: URN 112501 belongs to {PRIMARY} here, in the file to 830-2009" in line
    assert county.state() == before


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_names_are_read_as_excel_and_the_register_write_them(county: County, file: Path, encoding: str) -> None:
    write(file, row("112502", "2002", "St Chad’s & Élan CofE School"), encoding=encoding)
    county("school", "import", file)
    assert schools(county)["830-2002"] == ("112502", "St Chad’s & Élan CofE School")


def test_a_name_that_cannot_be_read_is_a_fault(county: County, file: Path) -> None:
    file.write_bytes(HEADER.encode() + b"\n" + row("112502", "2002", "St Chad").encode().replace(b"Chad", b"Ch\x81d"))
    assert "row 2, EstablishmentName: " in county("school", "import", file, status=1).err


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "has no column 'URN': give a CSV file of the DfE register"),
        (b"URN;LA (code)\n", "has no column 'URN'"),
        (b"URN,LA (code),EstablishmentNumber,EstablishmentName\n", "no column 'EstablishmentStatus (name)'"),
        (codecs.BOM_UTF16_LE + HEADER.encode("utf-16-le"), "has no column 'URN'"),
        (f'{HEADER}\n"{"x" * 200_000}"\n'.encode(), "row 2: field larger than field limit"),
        (f"{HEADER}\n".encode(), "names no open school: give the register of your authority"),
    ],
    ids=["empty", "semicolons", "column missing", "utf-16", "endless value", "no school"],
)
def test_a_file_that_is_no_register_is_refused(county: County, file: Path, data: bytes, words: str) -> None:
    file.write_bytes(data)
    before = county.state()
    assert words in county("school", "import", file, status=1).line
    assert county.state() == before


def test_a_thousand_schools_are_entered_in_one_act(county: County, file: Path) -> None:
    write(file, *(row(str(200_000 + n), str(1000 + n), f"School {n}", la="835") for n in range(1000)))
    assert len(county("school", "import", file, "--json").json) == 1000
    assert len(schools(county)) == 1002
