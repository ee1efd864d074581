"""`ladocs school add | list | show`."""

from __future__ import annotations

from tests.cli.county import PRIMARY, SECONDARY, County

KEYS = {"dfe", "urn", "name", "state"}


def test_a_school_that_was_added_is_listed_by_its_number(county: County) -> None:
    county("school", "add", "8302002", "--name", "  Third   School ", "--urn", "112502")
    rows = county("school", "list", "--json").json
    assert [row["dfe"] for row in rows] == [PRIMARY, "830-2002", SECONDARY]
    assert rows[1] == {"dfe": "830-2002", "urn": "112502", "name": "Third School", "state": "active"}


def test_the_table_of_schools_has_a_line_for_each(county: County) -> None:
    out = county("school", "list").out
    assert [line.split()[0] for line in out.splitlines() if "Example" in line] == [PRIMARY, SECONDARY]


def test_a_school_is_shown_with_its_people(county: County) -> None:
    shown = county("school", "show", "112501", "--json").json
    assert shown.keys() == KEYS | {"people"}
    assert [(one["username"], one["role"], one["categories"]) for one in shown["people"]] == [
        ("m.head", "Headteacher", ["EHSG Report Confidential", "General", "SEND", "Shared Services HR"]),
        ("s.senco", "SENCO", ["SEND"]),
    ]


def test_a_school_without_people_says_so(county: County) -> None:
    assert "Nobody belongs to this school yet" in county("school", "show", SECONDARY).out


def test_a_school_is_found_however_its_number_is_written(county: County) -> None:
    for number in (PRIMARY, "8302001", "830/2001", " 830 2001 ", "112501"):
        assert county("school", "show", number, "--json").json["dfe"] == PRIMARY
