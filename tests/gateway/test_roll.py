"""The roll as a CSV file: what is read, every fault by row and column, and what a spreadsheet does not calculate."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.addresses import AddressRules
from auth.principal import StaffRole
from config.errors import OperatorError
from gateway import roll, rollfile
from gateway.roll import Known, Place, Roll
from gateway.rollfile import EXPORTED

HEADER = "username,name,email,school,role,categories,staff\n"
GOOD = "p.raman,Priya Raman,p.raman@alder.example,830-2001,SENCO,SEND;General,\n"
KNOWN = Known(
    emails={"h.head": "h.head@alder.example", "nightly": "", "gone": "gone@alder.example"},
    left=frozenset({"gone"}),
    schools={"830-2001": "830-2001", "830-2002": "830-2002", "112501": "830-2001"},
    categories={"send": "SEND", "general": "General"},
    headed={"830-2001": "h.head"},
    addresses=AddressRules(whom_to_ask="the web team"),
)


def read(tmp_path: Path, text: str | bytes) -> Roll:
    file = tmp_path / "people.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return roll.read(file, KNOWN)


def faults(tmp_path: Path, *rows: str) -> list[tuple[int, str]]:
    """Row and column of each fault."""
    return [(fault.line, fault.column) for fault in read(tmp_path, HEADER + "".join(rows)).faults]


def test_a_person_is_read_with_school_role_and_categories(tmp_path: Path) -> None:
    [person] = read(tmp_path, HEADER + GOOD).people
    assert (person.username, person.name, person.email) == ("p.raman", "Priya Raman", "p.raman@alder.example")
    assert person.places == [Place(dfe="830-2001", role="SENCO", categories=("SEND", "General"))]


def test_case_blanks_urns_and_the_order_of_columns_do_not_matter(tmp_path: Path) -> None:
    header = "Role, SCHOOL ,name,Username,email,categories,,\n"
    text = header + " senco ,112501,  Priya   Raman ,p.raman,P.Raman@Alder.example, send ; SEND ,,\n"
    [person] = read(tmp_path, text).people
    assert (person.name, person.email) == ("Priya Raman", "p.raman@alder.example")
    assert person.places == [Place(dfe="830-2001", role="SENCO", categories=("SEND",))]


def test_somebody_of_the_authority_has_no_school(tmp_path: Path) -> None:
    [person] = read(tmp_path, HEADER + "t.okafor,Tobias,t.okafor@council.example,,,,officer;Auditor\n").people
    assert (person.staff, person.places) == ((StaffRole.OFFICER, StaffRole.AUDITOR), [])


def test_a_person_with_several_schools_has_a_row_for_each(tmp_path: Path) -> None:
    more = GOOD.replace("830-2001,SENCO,SEND;General", "830-2002,DSL,")
    [person] = read(tmp_path, HEADER + GOOD + more).people
    assert [(place.dfe, place.role) for place in person.places] == [("830-2001", "SENCO"), ("830-2002", "DSL")]


def test_people_who_are_there_already_are_counted_and_not_entered(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + "h.head,Another Name,h.head@alder.example,830-2001,Headteacher,,\n" + GOOD)
    assert ([person.username for person in found.people], found.already, found.faults) == (["p.raman"], 1, ())


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ((HEADER + GOOD.replace("Priya", "Zoë")).encode(), "UTF-8"),
        ((HEADER + GOOD.replace("Priya", "Zoë")).encode("utf-8-sig"), "UTF-8"),
        ((HEADER + GOOD.replace("Priya", "Zoe\u0308")).encode(), "UTF-8"),
        ((HEADER + GOOD.replace("Priya", "Zoë")).encode("cp1252"), "Windows-1252"),
        ((HEADER + GOOD.replace("Priya", "Zoë")).replace("\n", "\r\n").encode(), "UTF-8"),
    ],
)
def test_names_come_out_right_in_each_encoding_which_is_named(tmp_path: Path, data: bytes, encoding: str) -> None:
    found = read(tmp_path, data)
    assert (found.people[0].name, found.encoding) == ("Zoë Raman", encoding)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("P!,Priya,p@alder.example,830-2001,SENCO,,\n", "username"),
        ("gone,Gone,gone@alder.example,830-2001,SENCO,,\n", "username"),
        ("h.head,H,other@alder.example,830-2001,SENCO,,\n", "username"),
        ("nightly,N,nightly@alder.example,830-2001,SENCO,,\n", "username"),
        ("p.raman,,p@alder.example,830-2001,SENCO,,\n", "name"),
        ("p.raman,Pri\u202eya,p@alder.example,830-2001,SENCO,,\n", "name"),
        ("p.raman,Priya,office@alder.example,830-2001,SENCO,,\n", "email"),
        ("p.raman,Priya,p@gmail.com,830-2001,SENCO,,\n", "email"),
        ("p.raman,Priya,,830-2001,SENCO,,\n", "email"),
        ("p.raman,Priya,h.head@alder.example,830-2001,SENCO,,\n", "email"),
        ("p.raman,Priya,p@alder.example,830-9999,SENCO,,\n", "school"),
        ("p.raman,Priya,p@alder.example,,SENCO,,\n", "school"),
        ("p.raman,Priya,p@alder.example,830-2001,Caretaker,,\n", "role"),
        ("p.raman,Priya,p@alder.example,830-2001,,,\n", "role"),
        ("p.raman,Priya,p@alder.example,830-2001,Service account,,\n", "role"),
        ("p.raman,Priya,p@alder.example,830-2001,Headteacher,,\n", "role"),
        ("p.raman,Priya,p@alder.example,830-2001,SENCO,Sport,\n", "categories"),
        ("p.raman,Priya,p@alder.example,,,,chief\n", "staff"),
        ("p.raman,Priya,p@alder.example,830-2001,,,officer\n", "school"),
    ],
)
def test_a_fault_is_said_by_row_and_column_and_nobody_is_read(tmp_path: Path, row: str, expected: str) -> None:
    found = read(tmp_path, HEADER + row)
    assert [(fault.line, fault.column) for fault in found.faults] == [(2, expected)]
    assert found.people == ()


def test_all_faults_are_said_at_once(tmp_path: Path) -> None:
    assert faults(tmp_path, GOOD, "P!,,x,830-1,Chief,Sport,\n", "q.two,Q,q@alder.example,830-2001,SENCO,Art,\n") == [
        *((3, column) for column in ("username", "name", "email", "school", "role", "categories")),
        (4, "categories"),
    ]


def test_whom_to_ask_about_an_address_is_said(tmp_path: Path) -> None:
    [fault] = read(tmp_path, HEADER + GOOD.replace("p.raman@", "office@")).faults
    assert "is a mailbox of a role" in fault.message and fault.message.endswith("Questions: the web team")


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (GOOD, (3, "school")),
        (GOOD.replace("Priya", "Pria").replace("830-2001", "830-2002"), (3, "name")),
        (GOOD.replace("p.raman@", "p.other@").replace("830-2001", "830-2002"), (3, "email")),
        (GOOD.replace("p.raman,", "q.raman,"), (3, "email")),
        ("p.raman,Priya Raman,p.raman@alder.example,,,,officer\n", (3, "username")),
    ],
)
def test_two_rows_that_contradict_each_other_are_a_fault(
    tmp_path: Path, second: str, expected: tuple[int, str]
) -> None:
    assert faults(tmp_path, GOOD, second) == [expected]


def test_a_school_has_one_headteacher_in_a_file_too(tmp_path: Path) -> None:
    rows = [f"{name},{name},{name}@birch.example,830-2002,Headteacher,,\n" for name in ("a.one", "b.two")]
    assert faults(tmp_path, *rows) == [(3, "role")]


def test_a_fault_in_one_row_keeps_the_whole_person_out(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + GOOD + GOOD.replace("830-2001", "830-9999") + GOOD.replace("p.raman", "q.two"))
    assert [person.username for person in found.people] == ["q.two"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "has no column 'username'"),
        (b"username,name\n", "has no column 'email'"),
        (b"username,name,email,categorys\n", "has a column 'categorys', which means nothing"),
        (b"username,name,email,name\n", "names a column twice"),
        (HEADER.encode() + b"a,b,c,d,e,f,g,h\n", "row 2: more values than columns"),
        (HEADER.encode() + b'"a\n' + b"x" * 140_000, "row "),
        (HEADER.encode("utf-16"), "save it as 'CSV UTF-8'"),
        (b"\x81\x8d\x8f", "save it as 'CSV UTF-8'"),
        (b"\x00" * 100, "save it as 'CSV UTF-8'"),
        (b"x" * (16 * 1024 * 1024 + 1), "is larger than any county's people"),
    ],
    ids=range(10),
)
def test_what_is_no_roll_is_refused_in_one_line(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(OperatorError) as refused:
        read(tmp_path, data)
    assert words in str(refused.value)


def test_a_folder_or_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "nowhere.csv"):
        with pytest.raises(OperatorError, match="cannot be read"):
            roll.read(file, KNOWN)


def test_rows_without_any_value_are_left_out(tmp_path: Path) -> None:
    assert len(read(tmp_path, HEADER + "\n,,,,,,\n" + GOOD + "\n").people) == 1


@given(st.text(max_size=40))
def test_no_cell_of_an_export_is_calculated(cell: str) -> None:
    assert not rollfile.harmless(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20) | st.text("'=+-@a", max_size=5))
def test_an_exported_cell_comes_back_as_it_was(cell: str) -> None:
    row = dict.fromkeys(EXPORTED, "")
    text = rollfile.written([{**row, "name": cell}])
    [read_back] = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert rollfile.plain(read_back["name"]) == cell


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "people.csv"
    file.write_bytes(HEADER.encode() + data)
    with suppress(OperatorError):
        assert isinstance(roll.read(file, KNOWN), Roll)
