"""`ladocs account grant --acting | --until | --because`, as people see it: given, shown, ended, recorded [R21]."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.clock import SystemClock, london_date
from tests.cli.county import PRIMARY, SECONDARY, County, person

LAST = str(london_date(SystemClock().now() + timedelta(days=30)))
ACTING = ("--acting", "--until", LAST, "--because", "maternity leave")
EVERY = ["EHSG Report Confidential", "General", "SEND", "Shared Services HR"]


def shown(county: County, username: str) -> dict[str, tuple[object, ...]]:
    """What an account holds: until when, by whom, why."""
    given = county("account", "show", username, "--json").json["given"]
    return {one["what"]: (one["until"], one["given_by"], one["because"]) for one in given}


def test_somebody_stands_in_and_is_shown_to(county: County) -> None:
    [row] = county("account", "grant", "s.senco", "--school", PRIMARY, *ACTING, "--json").json
    assert (row["role"], row["categories"]) == (f"SENCO, acting Headteacher until {LAST}", EVERY)
    assert shown(county, "s.senco")["role Headteacher"] == (LAST, "ada", "maternity leave")
    people = county("school", "show", PRIMARY, "--json").json["people"]
    assert {one["username"]: one["role"] for one in people} == {
        "m.head": "Headteacher",
        "s.senco": f"SENCO, acting Headteacher until {LAST}",
    }


def test_the_table_says_by_whom_why_and_until_when(county: County) -> None:
    county("account", "grant", "s.senco", "--school", PRIMARY, *ACTING)
    out = county("account", "show", "s.senco").out
    [line] = [line for line in out.splitlines() if "role Headteacher" in line]
    assert all(words in line for words in (PRIMARY, LAST, "ada", "maternity leave"))


def test_standing_in_ends_and_the_role_beside_it_stays(county: County) -> None:
    county("account", "grant", "s.senco", "--school", PRIMARY, *ACTING)
    [row] = county("account", "revoke", "s.senco", "--school", PRIMARY, "--acting", "--json").json
    assert (row["role"], row["categories"]) == ("SENCO", ["SEND"])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("access:granted", f"role acting Headteacher until {LAST}: maternity leave"),
        ("access:revoked", "role acting Headteacher"),
    ],
)
def test_standing_in_is_recorded_with_its_end_and_reason(county: County, kind: str, reason: str) -> None:
    county("account", "grant", "s.senco", "--school", PRIMARY, *ACTING)
    county("account", "revoke", "s.senco", "--school", PRIMARY, "--acting")
    [row, *_] = [row for row in county("audit", "list", "--event", kind, "--json").json if "acting" in row["reason"]]
    assert (row["actor"], row["object"], row["reason"]) == ("ada", "account:s.senco", reason)


def test_a_role_and_its_categories_for_a_time(county: County) -> None:
    given = ("--role", "DSL", "--category", "SEND", "--until", LAST, "--because", "covers for Sam")
    county("account", "grant", "s.senco", "--school", PRIMARY, *given)
    until_then = (LAST, "ada", "covers for Sam")
    assert shown(county, "s.senco") == {"role DSL": until_then, "category SEND": until_then}


def test_the_end_of_a_scripts_categories_is_none_of_the_script(county: County) -> None:
    script = ("account", "add", "nightly", "--name", "Nightly copy", "--service", "m.head", "--network", "192.0.2.7")
    county(*script, "--school", PRIMARY, "--category", "SEND", "--because", "for the server")
    county("account", "grant", "nightly", "--school", PRIMARY, "--category", "General", "--until", LAST)
    assert shown(county, "nightly") == {
        "role Service account": (None, "ada", "for the server"),
        "category SEND": (None, "ada", "for the server"),
        "category General": (LAST, "ada", ""),
    }


def test_an_executive_head_holds_everything_in_each_school(county: County) -> None:
    county(*person("e.exec", "Eve Exec"), "--school", SECONDARY, "--role", "Headteacher", "--layout", "by-school")
    rows = county("account", "grant", "e.exec", "--school", PRIMARY, *ACTING, "--json").json
    assert [(row["dfe"], row["categories"]) for row in rows] == [(SECONDARY, EVERY), (PRIMARY, EVERY)]


def test_an_export_leaves_standing_in_out(county: County) -> None:
    before = county("account", "export").out
    county("account", "grant", "s.senco", "--school", PRIMARY, *ACTING)
    assert county("account", "export").out == before


def test_whoever_gives_their_own_account_a_school_is_refused_and_recorded(county: County) -> None:
    refused = county("account", "grant", "ada", "--school", PRIMARY, "--role", "Governor", status=1)
    assert "Accounts of the authority belong to no school" in refused.line
    [row] = county("audit", "list", "--event", "access:refused", "--json").json
    assert (row["actor"], row["object"], row["result"]) == ("ada", "account:ada", "deny")
    assert row["reason"] == "give a role: somebody of the authority"
