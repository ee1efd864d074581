"""Who left is pseudonymised after 24 months, and everything that lists people goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from auth import former
from gateway.leavers import Leavers
from tests.cli.county import PRIMARY, County, person

JUST_BEFORE, LATER = timedelta(days=725), timedelta(days=740)


def pass_by(county: County, time: timedelta) -> None:
    """The job, as it will be done then."""
    with county.services() as services:
        Leavers(services.database, services.log).turn(services.clock.now() + time)


@pytest.fixture
def forgotten(county: County) -> County:
    """A county whose SENCO left and was forgotten."""
    county("device", "add", "s.senco", "--name", "Sam's laptop")
    grant = ("account", "grant", "s.senco", "--school", PRIMARY, "--category", "General")
    county(*grant, "--because", "Sam covers for the office")
    county("account", "leave", "s.senco")
    pass_by(county, LATER)
    return county


def test_nothing_in_the_tables_names_who_was_forgotten(forgotten: County) -> None:
    with forgotten.services():
        pass  # the write-ahead log is taken into the file
    rows = [row for row in forgotten._rows("ladocs.db") if 'INTO "mail"' not in row]
    assert not [row for row in rows if "senco" in row.replace("SENCO", "") or "Sam" in row]


def test_it_is_not_done_before_its_time_and_then_once(county: County) -> None:
    county("account", "leave", "s.senco")
    pass_by(county, JUST_BEFORE)
    assert county("account", "show", "s.senco", "--json").json["name"] == "Sam Senco"
    for _ in range(2):
        pass_by(county, LATER)
    entries = county("audit", "list", "--event", "account:changed", "--json").json
    told = [entry for entry in entries if entry["reason"] == "pseudonymised 24 months after leaving"]
    assert [(entry["actor"], entry["object"]) for entry in told] == [(None, f"account:{former.pseudonym('s.senco')}")]


def test_somebody_who_is_there_is_never_forgotten(county: County) -> None:
    pass_by(county, LATER)
    assert county("account", "show", "s.senco", "--json").json["name"] == "Sam Senco"


def test_a_short_name_is_not_given_again(forgotten: County) -> None:
    line = forgotten(*person("s.senco", "Other Person"), "--school", PRIMARY, "--role", "Office", status=1).line
    assert line == "The short name s.senco was given before (left) and never is again: take another."


def test_the_address_may_be_used_again(forgotten: County) -> None:
    words = ("account", "add", "s.new", "--name", "Sam Senco", "--email", "s.senco@primary.example")
    forgotten(*words, "--school", PRIMARY, "--role", "Office")


def test_who_was_forgotten_is_entered_anew_and_not_invited(forgotten: County) -> None:
    line = forgotten("account", "invite", former.pseudonym("s.senco"), status=1).line
    assert line == "Who left more than 24 months ago is forgotten: enter the person anew."


def test_lists_and_reports_go_on(forgotten: County) -> None:
    name = former.pseudonym("s.senco")
    assert [row for row in forgotten("account", "list", "--json").json if row["username"] == name]
    assert former.NAME in forgotten("account", "export").out
    said = forgotten("report", "person", name, "--json").json
    assert (said["account"][0]["name"], said["roles"][0]["role"]) == (former.NAME, "SENCO")
    forgotten("account", "show", name)
