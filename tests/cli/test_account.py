"""`ladocs account add | list | show | grant | revoke`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.clock import LONDON, SystemClock, london_date
from tests.cli.county import PRIMARY, SECONDARY, County, person
from tests.support.activation import activate, sign_in_over_sftp

ROW = {"username", "name", "kind", "state", "staff", "email", "expires_at"}
SHOWN = ROW | {
    *("layout", "owner", "networks", "created_at", "password", "one_time_codes", "recovery_codes_left"),
    *("terms_accepted_at", "keys", "devices", "last_sign_in_at", "scripts", "schools", "given", "trust"),
}
EVERY = ["EHSG Report Confidential", "General", "SEND", "Shared Services HR"]
SCRIPT = ("account", "add", "nightly", "--name", "Nightly copy", "--service", "m.head")
AT_SCHOOL = (*SCRIPT, "--network", "192.0.2.7", "--school", PRIMARY, "--category", "General")


def events(county: County, kind: str) -> list[tuple[str, str, str]]:
    """Actor, object and reason of what was recorded of this kind."""
    rows = county("audit", "list", "--event", kind, "--json").json
    return [(row["actor"], row["object"], row["reason"]) for row in rows]


def test_a_person_is_entered_as_invited_and_nothing_to_sign_in_with_is_shown(county: County) -> None:
    ran = county(*person("tom.new", "Tom New"), "--school", PRIMARY, "--role", "dsl", "--json")
    assert ran.json == {"username": "tom.new", "state": "invited", "invitation": "tom.new@primary.example"}
    shown = county("account", "show", "tom.new", "--json").json
    assert shown.keys() == SHOWN
    assert (shown["state"], shown["password"], shown["one_time_codes"]) == ("invited", False, False)
    assert shown["schools"] == [{"dfe": PRIMARY, "name": "Example Primary School", "role": "DSL", "categories": []}]


def test_an_invitation_waits_for_whoever_is_entered(county: County) -> None:
    ran = county(*person("tom.new", "Tom New"))
    assert county.mails() == [("invitation", "tom.new@primary.example")]
    assert ran.err == "The invitation is mailed within a minute by 'ladocs serve'; it is good for 14 days.\n"


def test_who_activated_holds_password_codes_and_ten_recovery_codes(county: County) -> None:
    shown = county("account", "show", "s.senco", "--json").json
    assert (shown["state"], shown["password"], shown["one_time_codes"]) == ("active", True, True)
    assert (shown["recovery_codes_left"], shown["terms_accepted_at"] is not None) == (10, True)


def test_accounts_are_listed_by_short_name(county: County) -> None:
    rows = county("account", "list", "--json").json
    assert [row["username"] for row in rows] == ["ada", "audrey", "m.head", "olive", "s.senco"]
    assert all(row.keys() == ROW for row in rows)
    assert rows[0]["staff"] == ["administrator", "officer"]


def test_accounts_are_listed_by_school(county: County) -> None:
    rows = county("account", "list", "--school", PRIMARY, "--json").json
    assert [row["username"] for row in rows] == ["m.head", "s.senco"]


def test_an_account_is_found_by_its_address(county: County) -> None:
    assert county("account", "show", "M.Head@Primary.example", "--json").json["username"] == "m.head"


def test_an_account_without_a_school_says_so(county: County) -> None:
    assert "This account belongs to no school." in county("account", "show", "ada").out


def test_a_role_mailbox_is_taken_with_a_reason_that_is_recorded(county: County) -> None:
    mailbox = ("--email", "office@primary.example", "--accept-because", "one person reads it")
    county("account", "add", "tom", "--name", "Tom", *mailbox)
    assert ("ada", "account:tom", "person added, one person reads it") in events(county, "account:changed")


def test_a_script_gets_nothing_to_type_and_a_folder_for_each_school(county: County) -> None:
    made = county(*AT_SCHOOL, "--json").json
    assert made == {"username": "nightly", "state": "active", "invitation": None}
    assert county.mails() == []
    shown = county("account", "show", "nightly", "--json").json
    assert (shown["kind"], shown["owner"], shown["layout"], shown["networks"]) == (
        "service",
        "m.head",
        "by-school",
        ["192.0.2.7/32"],
    )
    assert shown["schools"][0]["role"] == "Service account"
    assert shown["schools"][0]["categories"] == ["General"]


def test_a_script_serves_further_schools_without_a_role_there(county: County) -> None:
    county(*AT_SCHOOL)
    rows = county("account", "grant", "nightly", "--school", SECONDARY, "--category", "SEND", "--json").json
    assert [(row["dfe"], row["role"], row["categories"]) for row in rows] == [
        (PRIMARY, "Service account", ["General"]),
        (SECONDARY, "Service account", ["SEND"]),
    ]


def test_a_script_is_no_headteacher(county: County) -> None:
    county(*AT_SCHOOL)
    before = county.state()
    line = county("account", "grant", "nightly", "--school", SECONDARY, "--role", "headteacher", status=1).line
    assert "A script has no role of a person in a school" in line
    assert county.state() == before


def test_a_script_bound_to_no_network_needs_a_reason_and_ends_within_90_days(county: County) -> None:
    county(*SCRIPT, "--anywhere-because", "its address changes daily")
    ends = county("account", "show", "nightly", "--json").json["expires_at"]
    assert ends < (SystemClock().now() + timedelta(days=90)).isoformat()
    assert events(county, "account:changed")[-1][2] == "service account added, its address changes daily"


def test_a_script_ends_with_its_last_day_in_derbyshire(county: County) -> None:
    last = london_date(SystemClock().now()) + timedelta(days=30)
    county(*AT_SCHOOL, "--until", last.isoformat())
    shown = county("account", "show", "nightly").out
    [ends] = [line for line in shown.splitlines() if line.startswith("expires at")]
    assert ends.split()[2:] == [(last + timedelta(days=1)).isoformat(), "00:00"]


def test_a_category_is_granted_until_its_last_day(county: County) -> None:
    last = (SystemClock().now() + timedelta(days=5)).astimezone(LONDON).date().isoformat()
    words = ("account", "grant", "s.senco", "--school", PRIMARY, "--category", "general", "--until", last, "--json")
    assert county(*words).json[0]["categories"] == ["General", "SEND"]
    assert events(county, "access:granted")[-1] == ("ada", "account:s.senco", f"category General until {last}")


def test_a_grant_that_has_run_out_is_not_shown(county: County) -> None:
    county.execute("ladocs.db", 'UPDATE "grant" SET expires_at = since')
    assert county("account", "show", "s.senco", "--json").json["schools"][0]["categories"] == []


def test_a_new_role_ends_the_categories_of_the_old_one(county: County) -> None:
    rows = county("account", "grant", "s.senco", "--school", PRIMARY, "--role", "Governor", "--json").json
    assert [(row["role"], row["categories"]) for row in rows] == [("Governor", [])]


def test_a_headteacher_holds_every_category(county: County) -> None:
    assert county("account", "show", "m.head", "--json").json["schools"][0]["categories"] == EVERY


def test_one_category_is_revoked_or_all_of_a_school(county: County) -> None:
    county("account", "grant", "s.senco", "--school", PRIMARY, "--category", "General")
    rows = county("account", "revoke", "s.senco", "--school", PRIMARY, "--category", "SEND", "--json").json
    assert rows[0]["categories"] == ["General"]
    assert county("account", "revoke", "s.senco", "--school", PRIMARY, "--json").json == []
    assert events(county, "access:revoked") == [
        ("ada", "account:s.senco", "category SEND"),
        ("ada", "account:s.senco", "role SENCO"),
    ]


def test_the_last_school_taken_away_is_said_in_words(county: County) -> None:
    out = county("account", "revoke", "s.senco", "--school", PRIMARY).out
    assert out == "This account belongs to no school.\n"


def test_another_layout_is_told_to_its_owner_once(county: County) -> None:
    for _ in range(2):
        county("account", "grant", "s.senco", "--school", PRIMARY, "--layout", "by-school")
    assert county.mails() == [("layout changed", "s.senco@primary.example")]
    assert county("account", "show", "s.senco", "--json").json["layout"] == "by-school"


def test_where_no_code_is_asked_for_is_shown_and_ended(county: County) -> None:
    county(*person("tom.new", "Tom New"), "--school", PRIMARY, "--role", "dsl")
    with county.services() as services:
        sign_in_over_sftp(services, activate(services, "tom.new"))
    before = county("account", "show", "tom.new", "--json").json
    assert [(row["place"], row["by"]) for row in before["trust"]] == [("192.0.2.7", "password")]
    assert before["last_sign_in_at"] is not None
    assert "192.0.2.7" in county("account", "show", "tom.new").out
    ended = county("account", "revoke", "tom.new", "--trust", "--json").json
    assert ended == {"username": "tom.new", "places_forgotten": 1}
    after = county("account", "show", "tom.new", "--json").json
    assert after == {**before, "trust": []}
    assert events(county, "trust:ended") == [("ada", "account:tom.new", "1")]


@pytest.mark.parametrize(
    "command",
    [
        ("account", "grant", "s.senco", "--school", PRIMARY, "--category", "General"),
        ("account", "totp-reset", "s.senco"),
        ("account", "password-reset", "s.senco"),
        ("device", "add", "s.senco", "--name", "PC"),
    ],
)
def test_nothing_is_given_to_somebody_who_has_left(county: County, command: tuple[str, ...]) -> None:
    county.execute("ladocs.db", "UPDATE account SET state = 'left' WHERE username = 's.senco'")
    before = county.state()
    assert "s.senco has left" in county(*command, status=1).line
    assert county.state() == before
