"""`ladocs job list` and what `ladocs doctor` says of jobs: when each was done last, and how."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from config.clock import london_date, london_midnight, microseconds
from gateway.jobrunner import Daily
from gateway.jobs import TIMETABLE
from tests.cli.county import County
from tests.cli.test_doctor import of, rows, served
from tests.cli.test_serve import serving
from tests.support.waiting import until

DAILY = {job for job, schedule in TIMETABLE.items() if isinstance(schedule, Daily)}
AN_HOUR = 3_600_000_000


def a_run(county: County, job: str = "destruction", **values: Any) -> None:
    """A job's latest run, which was due last midnight and done at once unless `values` say otherwise."""
    due = microseconds(london_midnight(london_date(datetime.now(UTC))))
    done = {"due_at": due, "begun_at": due, "seen_at": due, "ended_at": due, "done": 0, "attempts": 1, "trouble": ""}
    row = {"job": job, "process": "one", **done, **values}
    with closing(sqlite3.connect(county.home / "ladocs.db")) as connection, connection:
        marks = ", ".join("?" for _ in row)
        connection.execute(f"INSERT INTO job_run ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))


def test_before_anybody_served_there_is_none(county: County) -> None:
    assert county("job", "list").out == "None has run yet.\n"


def test_the_last_run_of_each_job_is_listed(county: County) -> None:
    for job, trouble in (("pruning", ""), ("keys", "No key box.")):
        a_run(county, job, due_at=0)
        a_run(county, job, trouble=trouble)
    listed = county("job", "list", "--json").json
    assert [(row["job"], row["state"], row["trouble"]) for row in listed] == [
        ("keys", "waits", "No key box."),
        ("pruning", "done", ""),
    ]


def test_the_runs_of_one_job_are_listed_with_the_newest_first(county: County) -> None:
    a_run(county, "keys")
    for hour in range(3):
        a_run(county, "orphans", due_at=hour * 3_600_000_000)
    listed = county("job", "list", "orphans", "--json", "--limit", "2").json
    assert [row["due_at"] for row in listed] == ["1970-01-01T02:00:00Z", "1970-01-01T01:00:00Z"]


def test_a_job_that_is_none_is_refused_with_those_that_there_are(county: County) -> None:
    assert "'destruction'" in county("job", "list", "tea", status=2).err


def test_a_service_does_what_was_due_before_it_and_does_it_no_second_time(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SFTP_PORT", "HTTPS_PORT"):
        monkeypatch.setenv(f"LADOCS_SERVE__{name}", "0")
    done = []
    for _ in range(2):
        with serving(county) as process:
            assert until(lambda: {row["state"] for row in of_the_day(county)} == {"done"}, 30)
            process.terminate()
            process.communicate(timeout=30)
        done.append(of_the_day(county))
    assert len(done[0]) > 3
    assert done[0] == done[1]


def of_the_day(county: County) -> list[dict[str, str]]:
    """The last run of each job that is done once a day."""
    return [row for row in county("job", "list", "--json").json if row["job"] in DAILY]


# What doctor says


@pytest.mark.parametrize(
    ("values", "state", "words"),
    [
        (lambda now: {}, "ok", "destruction: done at "),
        (lambda now: {"ended_at": None, "seen_at": now, "done": 12, "total": 4300}, "ok", ", 12 of 4,300 done"),
        (lambda now: {"ended_at": None, "seen_at": now}, "ok", "destruction: it has run since "),
        (lambda now: {"ended_at": None}, "warning", "destruction: it was broken off"),
        (lambda now: {"trouble": "disk full", "retry_at": now, "attempts": 3}, "wrong", "3 times by now: disk full"),
        (lambda now: {"trouble": "900 fall due: see 'ladocs expire'"}, "warning", "left to a person: 900 fall due"),
        (lambda now: {"due_at": now - 50 * AN_HOUR, "ended_at": now - 50 * AN_HOUR}, "warning", "and was due at "),
    ],
)
def test_how_each_job_went_last_is_told(
    county: County, values: Callable[[int], dict[str, Any]], state: str, words: str
) -> None:
    a_run(county, **values(microseconds(datetime.now(UTC))))
    row = of(rows(county, status=1 if state == "wrong" else 0), "jobs")
    assert row["state"] == state
    told = [row["found"] for row in rows(county, status=1 if state == "wrong" else 0) if row["check"] == "jobs"]
    assert [words in found for found in told if found.startswith("destruction:")] == [True]


def test_a_job_that_was_never_done_is_nothing_until_somebody_serves(county: County) -> None:
    assert of(rows(county), "jobs")["state"] == "ok"
    with served(county):
        assert of(rows(county, status=1), "jobs")["state"] == "warning"
