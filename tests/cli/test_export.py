"""`ladocs audit export`: JSON Lines with ECS names, and CSV in which nothing is a formula."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from datetime import timedelta
from typing import Any

import pytest

from config.clock import SystemClock, london_date
from policy.audit import ecs
from policy.audit.events import Event, EventKind, Result
from tests.cli.county import LADOCS, PRIMARY, SECONDARY, County


def lines(county: County, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in county("audit", "export", *arguments).out.splitlines()]


def rows(county: County, *arguments: str) -> list[dict[str, str]]:
    out = county("audit", "export", "--csv", *arguments).out
    assert out.startswith("\ufeff@timestamp,")
    return list(csv.DictReader(io.StringIO(out.removeprefix("\ufeff"), newline="")))


def record(county: County, **values: Any) -> None:
    with county.services() as services:
        services.log.record(Event(event=EventKind.READ_REFUSED, at=services.clock.now(), result=Result.DENY, **values))


def test_every_record_is_a_line_the_oldest_first(county: County) -> None:
    listed = county("audit", "list", "--json").json
    told = lines(county)
    assert [one["event"]["sequence"] for one in told] == [row["seq"] for row in listed]
    assert [one["event"]["action"] for one in told] == [row["event"] for row in listed]


def test_people_and_schools_stand_with_their_names(county: County) -> None:
    [grant] = [one for one in lines(county, "--school", PRIMARY) if one["event"]["reason"] == "role SENCO"]
    assert (grant["user"]["name"], grant["user"]["target"]["name"]) == ("ada", "s.senco")
    assert grant["organization"] == {"id": PRIMARY, "name": "Example Primary School"}


def test_a_school_is_told_of_itself_alone(county: County) -> None:
    for dfe in (PRIMARY, SECONDARY):
        told = lines(county, "--school", dfe)
        assert told
        assert {one["organization"]["id"] for one in told} == {dfe}


def test_days_are_those_of_derbyshire(county: County) -> None:
    today = london_date(SystemClock().now())
    assert lines(county, "--since", (today - timedelta(days=1)).isoformat()) == lines(county)
    assert lines(county, "--until", (today - timedelta(days=2)).isoformat()) == []


def test_csv_says_the_same_as_json(county: County) -> None:
    told = [dict(ecs.flat(one)) for one in lines(county)]
    assert rows(county) == [{column: one.get(column, "") for column in ecs.COLUMNS} for one in told]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_csv_is_a_formula(county: County, first: str) -> None:
    record(county, client=f"{first}cmd|' /C calc'!A0")
    assert rows(county)[-1]["user_agent.original"] == f"'{first}cmd|' /C calc'!A0"


def test_a_client_that_writes_line_ends_and_quotes_stays_in_its_cell_and_line(county: County) -> None:
    client = 'a "b",\r\nc\u2028d'
    record(county, client=client)
    assert rows(county)[-1]["user_agent.original"] == client
    whole = county("audit", "export").out.split("\n")
    assert json.loads(whole[-2])["user_agent"]["original"] == client


def test_what_cannot_be_read_any_more_is_left_out_and_counted(county: County) -> None:
    before = lines(county)
    county.execute("record.db", "DROP TRIGGER audit_record_update")
    county.execute("record.db", "UPDATE audit_record SET payload = NULL, salt = NULL WHERE seq <= 2")
    ran = county("audit", "export")
    assert len(ran.out.splitlines()) == len(before) - 2
    assert ran.err == "2 records left out, past reading: pruned by audit.keep, or else see 'audit verify'.\n"


def test_a_reader_that_stops_reading_ends_it_without_a_word(county: County) -> None:
    with county.services() as services:
        one = Event(event=EventKind.HEARTBEAT, at=services.clock.now(), result=Result.PERMIT)
        services.log.record_all([one] * 2000)
    command = f"{LADOCS} --home {county.home} audit export | head -n 1"
    done = subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True, timeout=60)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


def test_the_installed_program_exports_the_same(county: County) -> None:
    assert county.program("audit", "export") == county("audit", "export")
