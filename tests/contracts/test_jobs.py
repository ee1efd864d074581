"""Jobs: each is done once for each time it is due, over all processes, whatever dies, on both databases."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from config.database import Database
from config.errors import OperatorError
from gateway.jobrunner import KEPT, SILENT, BrokenOff, Daily, Every, JobRunner, Run, RunState, Work, newest, state_of
from gateway.models import JobRun
from tests.support.clock import FakeClock
from tests.support.concurrency import in_processes
from tests.support.databases import opened
from tests.support.faults import PowerCut, Statements, asked, sweep
from tests.support.waiting import until

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
JOB = "digest"
TURN = timedelta(seconds=15)


class Office:
    """A home with one job, and processes that may do it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = FakeClock(NOON)
        self.runs: list[Run] = []
        self.faults: list[Exception | str] = []
        self._processes = 0

    def work(self, run: Run) -> str | None:
        """Does nothing, or what the next of `faults` says."""
        self.runs.append(run)
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        return fault

    def process(self, work: Work | None = None, schedule: Daily | Every | None = None, **how: bool) -> JobRunner:
        """Another process that does the job each day, or by `schedule`."""
        self._processes += 1
        timed = [(JOB, schedule or Daily(), work or self.work)]
        how = {"threads": False, **how}
        return JobRunner(self.database, self.clock, f"process {self._processes}", timed, **how)

    def turn(self, process: JobRunner, **later: float) -> None:
        self.clock.advance(**later)
        process.turn(self.clock.now())

    def rows(self) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(JobRun.__table__).order_by(JobRun.due_at)))

    def row(self) -> Any:
        [row] = self.rows()
        return row

    def state(self) -> RunState:
        with self.database.read() as connection:
            return state_of(newest(connection)[JOB], self.clock.now())


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


# Once


def test_a_job_is_done_once_for_each_day(office: Office) -> None:
    process = office.process()
    for _ in range(72):
        office.turn(process, hours=1)
    assert [run.due_at.isoformat()[:10] for run in office.runs] == [
        "2026-11-23",
        "2026-11-24",
        "2026-11-25",
        "2026-11-26",
    ]
    assert office.state() is RunState.DONE


def test_a_job_that_was_done_is_not_done_again_after_a_start(office: Office) -> None:
    office.turn(office.process())
    office.turn(office.process(), minutes=1)
    assert len(office.runs) == 1


def test_days_that_were_missed_are_made_up_for_by_one_run(office: Office) -> None:
    office.turn(office.process())
    office.turn(office.process(), days=9, hours=5)
    assert [run.due_at.day for run in office.runs] == [23, 2]


def test_a_clock_that_went_back_does_nothing_again(office: Office) -> None:
    process = office.process()
    office.turn(process)
    for days in (1, 3):
        office.clock.set(NOON - timedelta(days=days))
        office.turn(process)
    assert len(office.runs) == 1


def _into(file: Path, run: Run) -> str | None:
    with file.open("a") as lines:
        lines.write(f"{run.due_at.isoformat()} {os.getpid()}\n")
    return None


def _twenty_days(start: Any, url: str, file: Path) -> None:
    """What one process does in twenty days, beginning each with all others."""
    with opened(url) as database:
        clock = FakeClock(NOON)
        timed = [(JOB, Daily(), lambda run: _into(file, run))]
        runner = JobRunner(database, clock, f"{os.getpid()}", timed, threads=False)
        for _ in range(20):
            start.wait()
            runner.turn(clock.now())
            clock.advance(days=1)


def test_processes_that_turn_at_one_moment_do_each_day_once(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "done"
    assert in_processes(3, _twenty_days, office.database.url, file) == [None] * 3
    days = [line.split()[0] for line in file.read_text().splitlines()]
    assert len(days) == len(set(days)) == 20


# A process that dies


def _hang(url: str, begun: Any) -> None:
    """A process that begins its job and gets nowhere."""

    def work(run: Run) -> str | None:
        begun.set()
        threading.Event().wait()
        return None

    with opened(url) as database:
        clock = FakeClock(NOON)
        JobRunner(database, clock, "doomed", [(JOB, Daily(), work)], threads=False).turn(clock.now())


def test_the_job_of_a_process_that_was_killed_is_taken_up_once_it_has_been_silent(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    doomed = context.Process(target=_hang, args=(office.database.url, begun))
    doomed.start()
    assert begun.wait(30)
    doomed.kill()
    doomed.join()
    heir = office.process()
    office.turn(heir, minutes=1)
    assert office.runs == []
    office.turn(heir, seconds=SILENT.total_seconds())
    assert [run.attempts for run in office.runs] == [2]
    assert office.state() is RunState.DONE
    assert "was broken off and is taken up" in caplog.text


def test_the_job_of_a_process_that_lives_is_left_to_it_however_long_it_takes(office: Office) -> None:
    holding, goes_on = threading.Event(), threading.Event()

    def work(run: Run) -> str | None:
        holding.set()
        goes_on.wait()
        return None

    slow, other = office.process(work, threads=True), office.process()
    office.turn(slow)
    assert holding.wait(10)
    for _ in range(40):
        office.turn(slow, minutes=1)
        office.turn(other)
    assert (office.runs, office.state()) == ([], RunState.RUNNING)
    goes_on.set()
    assert until(lambda: office.state() is RunState.DONE)


def test_a_run_that_another_process_has_taken_up_ends_where_it_asks_and_changes_nothing(office: Office) -> None:
    asleep, wakes, ended = threading.Event(), threading.Event(), threading.Event()

    def work(run: Run) -> str | None:
        asleep.set()
        wakes.wait()
        try:
            run.progress(1)
        except BrokenOff:
            ended.set()
            raise
        return None

    stopped, heir = office.process(work, threads=True), office.process()
    office.turn(stopped)
    assert asleep.wait(10)
    office.turn(heir, minutes=5)
    before = office.row()
    office.turn(stopped)
    wakes.set()
    assert ended.wait(10)
    stopped.end(10)
    assert office.row() == before
    assert state_of(before, office.clock.now()) is RunState.DONE


def test_a_run_that_comes_to_its_end_too_late_does_not_end_the_one_that_took_it_up(office: Office) -> None:
    asleep, wakes, begun, goes_on = (threading.Event() for _ in range(4))

    def sleep(run: Run) -> str | None:
        asleep.set()
        wakes.wait()
        return "too late"

    def work(run: Run) -> str | None:
        begun.set()
        goes_on.wait()
        return None

    stopped, heir = office.process(sleep, threads=True), office.process(work, threads=True)
    office.turn(stopped)
    assert asleep.wait(10)
    office.turn(heir, minutes=5)
    assert begun.wait(10)
    wakes.set()
    stopped.end(10)
    assert (office.state(), office.row().trouble) == (RunState.RUNNING, "")
    goes_on.set()
    heir.end(10)
    assert office.state() is RunState.DONE


def test_a_job_that_kills_its_process_again_and_again_is_taken_up_less_and_less_often(office: Office) -> None:
    process = office.process(schedule=Every(timedelta(days=7)))
    office.turn(process)
    dead = update(JobRun).values(ended_at=None, seen_at=JobRun.begun_at)
    for _ in range(24 * 20):
        with office.database.write() as connection:
            connection.execute(dead)
        office.turn(process, minutes=3)
    assert 20 < len(office.runs) < 40


def test_a_service_that_stops_breaks_its_jobs_off_and_the_next_start_does_them_at_once(office: Office) -> None:
    goes_on = threading.Event()

    def work(run: Run) -> str | None:
        while True:
            run.progress(run.done + 1)
            goes_on.set()

    process = office.process(work, threads=True)
    office.turn(process)
    assert goes_on.wait(10)
    process.end(10)
    assert (office.state(), office.row().ended_at) == (RunState.SILENT, None)
    office.turn(office.process())
    assert len(office.runs) == 1
    assert office.state() is RunState.DONE


# Failures


def test_a_failure_is_kept_with_its_reason_in_one_line_and_tried_again(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.faults = [OperatorError("No key box\nis here."), OSError("disk")]
    process = office.process()
    office.turn(process)
    assert (office.state(), office.row().trouble) == (RunState.FAILED, "No key box is here.")
    office.turn(process, seconds=14)
    assert len(office.runs) == 1
    office.turn(process, seconds=1)
    assert (office.row().attempts, office.row().trouble) == (2, "disk")
    office.turn(process, seconds=30)
    assert (office.state(), office.row().trouble) == (RunState.DONE, "")
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2


def test_a_fault_that_nobody_foresaw_is_kept_and_logged_with_its_traceback(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.faults = [ZeroDivisionError("unforeseen")]
    office.turn(office.process())
    assert office.row().trouble == "ZeroDivisionError: unforeseen"
    assert [record.exc_info is not None for record in caplog.records] == [True]


@pytest.mark.parametrize("schedule", [Daily(), Every(timedelta(minutes=5))])
def test_what_fails_all_day_is_tried_hourly_in_the_end(office: Office, schedule: Daily | Every) -> None:
    office.faults = [OSError("the disk is gone")] * 1000
    process = office.process(schedule=schedule)
    for _ in range(24 * 30):
        office.turn(process, minutes=2)
    assert 24 < len(office.runs) < 40


def test_what_waits_for_a_person_is_not_tried_again_before_it_is_due_again(office: Office) -> None:
    office.faults = ["900 documents fall due at once"]
    process = office.process()
    office.turn(process)
    office.turn(process, hours=11)
    assert len(office.runs) == 1
    assert (office.state(), office.row().trouble) == (RunState.WAITS, "900 documents fall due at once")
    office.turn(process, hours=2)
    assert office.state() is RunState.DONE


def test_a_time_to_try_again_that_a_leapt_clock_wrote_keeps_nobody_waiting(office: Office) -> None:
    office.faults = [OSError("disk")]
    office.clock.advance(hours=20)
    office.turn(office.process())
    office.clock.set(NOON)
    office.turn(office.process())
    assert office.state() is RunState.DONE


def test_a_run_whose_end_could_not_be_written_is_taken_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    process = office.process()
    with monkeypatch.context() as broken:
        broken.setattr(process, "_close", _no_database)
        office.turn(process)
    assert office.state() is RunState.RUNNING
    office.turn(process, minutes=3)
    assert (office.state(), len(office.runs)) == (RunState.DONE, 2)


@pytest.mark.parametrize("power_cut", [False, True])
def test_whichever_statement_fails_the_next_process_does_what_is_left(office: Office, power_cut: bool) -> None:
    for fault in sweep(Statements, power_cut=power_cut):
        office.clock.advance(days=1)
        before = len(office.runs)
        with suppress(OperationalError, PowerCut), asked(office.database.engine, fault):
            office.turn(office.process())
        office.turn(office.process(), minutes=3)
        assert office.state() is RunState.DONE, fault.taken
        assert office.rows()[-1].due_at == Daily().last(office.clock.now())
        assert 1 <= len(office.runs) - before <= 2
    assert fault.fails_at > 6


def _no_database(*_: object, **__: object) -> None:
    raise OSError("the database is gone")


# What is seen of them


def test_how_far_a_job_has_come_is_seen_while_it_runs(office: Office) -> None:
    told, goes_on = threading.Event(), threading.Event()

    def work(run: Run) -> str | None:
        run.progress(120, 430)
        told.set()
        goes_on.wait()
        run.progress(430, 430)
        return None

    process = office.process(work, threads=True)
    office.turn(process)
    assert told.wait(10)
    office.turn(process, seconds=15)
    assert (office.state(), office.row().done, office.row().total) == (RunState.RUNNING, 120, 430)
    goes_on.set()
    assert until(lambda: office.state() is RunState.DONE)
    assert office.row().done == 430


def test_a_run_is_forgotten_after_thirty_days(office: Office) -> None:
    process = office.process()
    for _ in range(40):
        office.turn(process, days=1)
    assert len(office.rows()) == KEPT.days + 1


def test_a_job_keeps_no_other_waiting(office: Office) -> None:
    holding, goes_on = threading.Event(), threading.Event()

    def hang(run: Run) -> str | None:
        holding.set()
        goes_on.wait()
        return None

    done = threading.Event()
    timed: list[tuple[str, Daily, Callable[[Run], str | None]]] = [
        ("backup", Daily(), hang),
        ("digest", Daily(), lambda run: done.set()),
    ]
    process = JobRunner(office.database, office.clock, "one", timed, threads=True)
    office.turn(process)
    assert holding.wait(10)
    assert done.wait(10)
    goes_on.set()
    process.end(10)
