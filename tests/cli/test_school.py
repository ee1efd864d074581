"""`ladocs school add | list | show`."""

from __future__ import annotations

from tests.cli.county import PRIMARY, SECONDARY, County

KEYS = {"dfe", "urn", "name", "state"}


def test_a_school_that_was_added_is_listed_by_its_number(county: County) -> None:
    county("school", "add", "8302002", "--name", "  Third   School ", "--urn", "112502")
    rows = county("school", "list", "--json").json
    assert [row["dfe"] for row in rows] == [PRIMARY, "830-2002", SECONDARY]
    assert rows[1].items() >= {"dfe": "830-2002", "urn": "112502", "name": "Third School", "state": "active"}.items()


def test_the_table_of_schools_has_a_line_for_each(county: County) -> None:
    out = county("school", "list").out
    assert [line.split()[0] for line in out.splitlines() if "Example" in line] == [PRIMARY, SECONDARY]


def test_a_school_is_shown_with_its_people(county: County) -> None:
    shown = county("school", "show", "112501", "--json").json
    assert shown.keys() == KEYS | {"order", "agreement", "networks", "people"}
    assert [(one["username"], one["role"], one["categories"]) for one in shown["people"]] == [
        ("m.head", "Headteacher", ["EHSG Report Confidential", "General", "SEND", "Shared Services HR"]),
        ("s.senco", "SENCO", ["SEND"]),
    ]


def test_a_school_without_people_says_so(county: County) -> None:
    assert "Nobody belongs to this school yet" in county("school", "show", SECONDARY).out


def test_a_school_is_found_however_its_number_is_written(county: County) -> None:
    for number in (PRIMARY, "8302001", "830/2001", " 830 2001 ", "112501"):
        assert county("school", "show", number, "--json").json["dfe"] == PRIMARY


def test_networks_of_a_school_are_entered_and_taken_away(county: County) -> None:
    county("school", "network", PRIMARY, "--add", "192.0.2.17", "--add", "2001:db8::/48")
    changed = county("school", "network", PRIMARY, "--add", "198.51.100.0/24", "--remove", "192.0.2.17", "--json").json
    assert changed["networks"] == county("school", "show", PRIMARY, "--json").json["networks"]
    assert changed["networks"] == ["198.51.100.0/24", "2001:db8::/48"]


def test_what_became_of_a_network_stands_in_the_record(county: County) -> None:
    county("school", "network", PRIMARY, "--add", "192.0.2.17")
    reasons = [row["reason"] for row in county("audit", "list", "--json").json if row["event"] == "school:changed"]
    assert reasons[-1] == "add network 192.0.2.17/32"


def test_a_name_is_kept_composed_and_without_what_cannot_be_seen(county: County) -> None:
    county("school", "add", "830-2009", "--name", "E\u0301lan\u200b \u202eSchool\t")
    assert county("school", "show", "830-2009", "--json").json["name"] == "\u00c9lan School"


def test_a_name_of_nothing_that_can_be_seen_is_none(county: County) -> None:
    assert "A school needs a name" in county("school", "add", "830-2009", "--name", "\u200b", status=1).line
