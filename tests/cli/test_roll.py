"""`ladocs account import | export`: a county's people as a CSV file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.cli.county import PRIMARY, SECONDARY, County

HEADER = "username,name,email,school,role,categories,staff\n"
GOOD = (
    f"p.raman,Priya Raman,p.raman@primary.example,{PRIMARY},SENCO,SEND;General,\n"
    f"p.raman,Priya Raman,p.raman@primary.example,{SECONDARY},DSL,,\n"
    "t.okafor,Tobias Okafor,t.okafor@derbyshire.example,,,,officer\n"
)
BAD = f"q.bad,Quentin,office@primary.example,{PRIMARY},Chief,,\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "people.csv"
    made.write_text(HEADER + GOOD)
    return made


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    made = tmp_path / "faulty.csv"
    made.write_text(HEADER + GOOD + BAD)
    return made


def names(county: County) -> set[str]:
    return {row["username"] for row in county("account", "list", "--json").json}


def test_people_are_entered_as_invited_with_what_they_may_read(county: County, file: Path) -> None:
    ran = county("account", "import", file)
    assert ran.out == "2 accounts entered.\n"
    shown = county("account", "show", "p.raman", "--json").json
    assert (shown["state"], shown["layout"]) == ("invited", "by-school")
    assert [(one["dfe"], one["role"], one["categories"]) for one in shown["schools"]] == [
        (PRIMARY, "SENCO", ["General", "SEND"]),
        (SECONDARY, "DSL", []),
    ]
    assert county("account", "show", "t.okafor", "--json").json["staff"] == ["officer"]


def test_nobody_is_invited_before_that_is_said(county: County, file: Path) -> None:
    ran = county("account", "import", file)
    assert county.mails() == []
    assert "'ladocs account invite --all --limit 500' does, in batches" in ran.err


def test_people_are_invited_with_the_import_where_that_is_said(county: County, file: Path) -> None:
    assert county("account", "import", file, "--invite", "--json").json["invited"] == 2
    assert county.mails() == [
        ("invitation", "p.raman@primary.example"),
        ("invitation", "t.okafor@derbyshire.example"),
    ]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(county: County, file: Path) -> None:
    before = county.state()
    assert county("account", "import", file, "--dry-run", "--invite").out == "2 accounts would be entered.\n"
    assert county.state() == before


def test_a_file_that_is_given_again_enters_nobody_twice(county: County, file: Path) -> None:
    county("account", "import", file)
    before = county.state()
    assert county("account", "import", file).out == "0 accounts entered. 2 were there already.\n"
    assert county.state() == before


def test_with_a_fault_in_any_row_nobody_is_entered(county: County, faulty: Path) -> None:
    before = county.state()
    ran = county("account", "import", faulty, status=1)
    assert [line.split(":")[0] for line in ran.err.splitlines()] == ["row 5, email", "row 5, role", "2 faults"]
    assert ran.out == "0 accounts entered.\n"
    assert county.state() == before


def test_the_others_are_entered_where_that_is_said(county: County, faulty: Path) -> None:
    ran = county("account", "import", faulty, "--skip-bad", "--json", status=1)
    assert ran.json["people"] == 2
    assert [(fault["row"], fault["column"]) for fault in ran.json["faults"]] == [(5, "email"), (5, "role")]
    assert {"p.raman", "t.okafor"} <= names(county)
    assert "q.bad" not in names(county)


def test_windows_1252_is_read_and_named(county: County, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes((HEADER + GOOD.replace("Priya", "Zoë")).encode("cp1252"))
    ran = county("account", "import", tmp_path / "people.csv")
    assert "was read as Windows-1252: check that names with accents came out right" in ran.err
    assert county("account", "show", "p.raman", "--json").json["name"] == "Zoë Raman"


def test_what_a_fault_quotes_does_not_move_the_terminal(county: County, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(HEADER + f"p.raman,P,p@primary.example,{PRIMARY},\x1b[2J,,\n")
    assert "\x1b" not in county("account", "import", tmp_path / "people.csv", status=1).err


def test_every_entry_stands_in_the_record(county: County, file: Path) -> None:
    before = len(county("audit", "list", "--json").json)
    county("account", "import", file)
    rows = county("audit", "list", "--json").json[before:]
    assert [(row["event"], row["object"], row["reason"]) for row in rows] == [
        ("account:changed", "account:p.raman", "person added"),
        ("access:granted", "account:p.raman", "role SENCO"),
        ("access:granted", "account:p.raman", "category SEND"),
        ("access:granted", "account:p.raman", "category General"),
        ("access:granted", "account:p.raman", "role DSL"),
        ("account:changed", "account:t.okafor", "person added, officer"),
    ]


def test_what_was_exported_is_what_an_import_takes(county: County, file: Path, tmp_path: Path) -> None:
    county("account", "import", file)
    county("account", "add", "nightly", "--name", "Copy", "--service", "m.head", "--network", "192.0.2.7")
    county("account", "leave", "s.senco")
    exported = county("account", "export").out
    rows = list(csv.DictReader(io.StringIO(exported.removeprefix("\ufeff"), newline="")))
    assert [(row["school"], row["role"]) for row in rows if row["username"] == "p.raman"] == [
        (PRIMARY, "SENCO"),
        (SECONDARY, "DSL"),
    ]
    (tmp_path / "again.csv").write_text(exported, newline="")
    assert county("account", "import", tmp_path / "again.csv", "--json").json["already"] == len(names(county))


def test_an_export_as_json_has_a_row_for_each_school(county: County, file: Path) -> None:
    county("account", "import", file)
    rows = [row for row in county("account", "export", "--json").json if row["username"] == "p.raman"]
    assert [(row["school"], row["categories"]) for row in rows] == [(PRIMARY, "General;SEND"), (SECONDARY, "")]


def test_a_name_that_a_spreadsheet_would_calculate_is_not(county: County) -> None:
    county("account", "add", "tom", "--name", "=1+1", "--email", "tom@primary.example")
    assert "tom,'=1+1,tom@primary.example" in county("account", "export").out
