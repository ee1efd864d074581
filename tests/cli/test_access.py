"""`ladocs report access`: who could read what then, whatever was changed since."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from auth import accounts
from auth.principal import AccountState
from config.clock import LONDON
from gateway.cli.desk import reading_record
from policy.audit.states import states_at
from tests.cli.county import PRIMARY, SECONDARY, County


def moment(county: County) -> str:
    """The present to the microsecond, as `--at` takes it."""
    with county.services() as services:
        return services.clock.now().astimezone(LONDON).isoformat()


def at(county: County, when: str, *options: str) -> list[Any]:
    rows: list[Any] = county("report", "access", "--at", when, "--json", *options).json["rows"]
    return rows


def told(county: County, when: str, account: str = "s.senco") -> list[tuple[str, bool | None, str | None]]:
    rows = [row for row in at(county, when) if row["account"] == account]
    return [(row["category"], row["could_read"], row["because"]) for row in rows]


def test_a_headteacher_could_read_every_category_and_others_what_was_granted(county: County) -> None:
    rows = at(county, moment(county), "--school", PRIMARY)
    head = {row["category"] for row in rows if row["account"] == "m.head"}
    assert head == {"EHSG Report Confidential", "General", "SEND", "Shared Services HR"}
    [senco] = [row for row in rows if row["account"] == "s.senco"]
    assert (senco["category"], senco["by"], senco["given_by"], senco["could_read"]) == ("SEND", "grant", "ada", True)


def test_what_was_taken_away_since_could_be_read_then(county: County) -> None:
    then = moment(county)
    county("account", "revoke", "s.senco", "--school", PRIMARY, "--category", "SEND")
    assert told(county, then) == [("SEND", True, None)]
    assert told(county, moment(county)) == []


def test_what_was_given_since_could_not_be_read_then(county: County) -> None:
    then = moment(county)
    county("account", "grant", "s.senco", "--school", PRIMARY, "--category", "General")
    assert told(county, then) == [("SEND", True, None)]


@pytest.mark.parametrize(
    "command", [("account", "suspend", "s.senco", "--because", "laptop stolen"), ("account", "leave", "s.senco")]
)
def test_whoever_was_kept_out_since_could_read_then(county: County, command: tuple[str, ...]) -> None:
    then = moment(county)
    county(*command)
    assert told(county, then) == [("SEND", True, None)]
    assert ("SEND", True, None) not in told(county, moment(county))


def test_whoever_was_let_in_again_could_not_read_while_suspended(county: County) -> None:
    county("account", "suspend", "s.senco", "--because", "laptop stolen")
    then = moment(county)
    county("account", "activate", "s.senco")
    assert told(county, then) == [("SEND", False, "account suspended")]


def acts(county: County) -> Iterator[None]:
    """Everything that moves an account from one state to another, a step at a time."""
    yield
    county("account", "suspend", "s.senco", "--because", "laptop stolen")
    yield
    county("account", "activate", "s.senco")
    yield
    county("account", "leave", "s.senco")
    yield
    county("account", "invite", "s.senco")
    yield
    county("account", "suspend", "s.senco", "--because", "not yet")
    yield
    county("account", "activate", "s.senco")
    yield


def test_the_record_tells_the_state_of_every_account_at_every_step(county: County) -> None:
    steps: list[tuple[datetime, dict[int, AccountState]]] = []
    for _ in acts(county):
        with county.services() as services, services.database.read() as connection:
            steps.append((services.clock.now(), {one.id: one.state for one in accounts.listing(connection)}))
    present = steps[-1][1]
    with county.services() as services, reading_record(services.settings.record_url(county.home)) as record:
        assert [states_at(record, moment, present) for moment, _ in steps] == [states for _, states in steps]


@pytest.mark.parametrize("kept", ["%laptop%", ""])
def test_a_state_whose_record_was_forgotten_is_said_to_be_unknown(county: County, kept: str) -> None:
    then = moment(county)
    county("account", "suspend", "s.senco", "--because", "laptop stolen")
    county.execute("record.db", "DROP TRIGGER audit_record_update")
    forget = f"UPDATE audit_record SET payload = NULL, salt = NULL WHERE CAST(payload AS TEXT) NOT LIKE '{kept}'"
    county.execute("record.db", forget)
    assert told(county, then) == [("SEND", None, "state of the account not known")]
    assert "not known" in county("report", "access", "--at", then).out


def test_before_its_school_had_signed_nobody_could_read(county: County) -> None:
    county.execute("ladocs.db", "UPDATE agreement_signed SET recorded_at = recorded_at + 86400000000")
    assert told(county, moment(county)) == [("SEND", False, "no agreement in force")]


def test_a_day_is_its_end_and_today_is_now(county: County) -> None:
    said = county("report", "access", "--at", moment(county)[:10], "--json").json
    assert said["at"][:10] == moment(county)[:10]
    assert said["rows"]
    yesterday = datetime.fromisoformat(moment(county)) - timedelta(days=1)
    assert at(county, yesterday.date().isoformat()) == []


def test_a_day_to_come_is_refused(county: County) -> None:
    line = county("report", "access", "--at", "2099-01-01", status=2).line
    assert line == "2099-01-01 is still to come: give today, or a day before."


def test_school_and_category_narrow_it_down(county: County) -> None:
    assert at(county, moment(county), "--school", SECONDARY) == []
    assert {row["category"] for row in at(county, moment(county), "--category", "send")} == {"SEND"}


def test_it_goes_into_a_spreadsheet(county: County) -> None:
    ran = county("report", "access", "--at", moment(county), "--csv")
    rows = list(csv.DictReader(io.StringIO(ran.out.removeprefix("\ufeff"))))
    assert ("s.senco", "SEND", "yes") in {(row["account"], row["category"], row["could_read"]) for row in rows}


def test_what_it_rests_on_is_said(county: County) -> None:
    assert "As they are today" in county("report", "access", "--at", moment(county)).err
