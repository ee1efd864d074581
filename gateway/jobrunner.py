"""The runner of jobs: work that a home needs at certain times, done once over all processes, whatever dies meanwhile.

A job is two rows: its name and when it is due in `gateway.jobs.TIMETABLE`, its work in `gateway.compose.jobs` (or in
`works`, where a demo's past days have it too). `gateway.jobs.Jobs` turns the runner every few seconds, and only while
the clock may be believed [R10]. The work is a function of one `Run`, called on a thread of its own:

    def remind(run: Run) -> str | None:
        for number, school in enumerate(schools, 1):
            ...                                  # by `run.at`, aware UTC; never by another clock
            run.progress(number, len(schools))
        return None                              # or what a person has to see to, in a line

- It returns when all is done. What it returns is shown by `ladocs doctor`, and it is not tried again before it is due
  again. What it raises is its failure: kept as a line, and it is tried again, after 15 seconds, then later and later,
  at most an hour apart. `BrokenOff`, which `progress` raises where the service stops, is to be let through.
- It may be done again from the start after any of its steps, and in a crash that no clock sees twice at once. So each
  step is idempotent, or stands in the database with what it did.
- A service that stood still does it once when it runs again, for the latest time it was due: what each missed day needs
  it finds in its own tables.

Runs are rows of `job_run`, which are forgotten after 30 days. Thread-safe but `turn` and `end`, which one thread calls.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Connection, Row, delete, func, select, tuple_, update
from sqlalchemy.exc import SQLAlchemyError

from auth.upsert import insert_into
from config.clock import LONDON, Clock, from_microseconds, london_date, microseconds
from config.database import Database
from config.errors import OperatorError
from config.outages import in_one_line
from gateway.models import JobRun
from policy.audit.events import RecordUnavailable

log = logging.getLogger(__name__)

SILENT = timedelta(minutes=2)
"""A run of which nothing was heard for so long has lost its process, and somebody takes it up."""
KEPT = timedelta(days=30)
_FIRST_DELAY = timedelta(seconds=15)
_LONGEST_DELAY = timedelta(hours=1)
_A_DAY = timedelta(days=1)
_FORESEEN = (SQLAlchemyError, OSError, OperatorError, RecordUnavailable)


class Schedule(Protocol):
    """When a job is due."""

    def last(self, at: datetime) -> datetime:
        """The latest moment, not after `at`, at which it was due; aware UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Daily:
    """Once a day at this hour in Europe/London; an hour that a night in March skips is counted from before it."""

    hour: time = time(0)

    def last(self, at: datetime) -> datetime:
        today = datetime.combine(london_date(at), self.hour, LONDON).astimezone(UTC)
        if today <= at:
            return today
        return datetime.combine(london_date(at) - _A_DAY, self.hour, LONDON).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Every:
    """At the multiples of a period: each hour, each five minutes."""

    period: timedelta

    def last(self, at: datetime) -> datetime:
        step = self.period // self.period.resolution
        return from_microseconds(microseconds(at) // step * step)


class BrokenOff(Exception):
    """This run is to end here: the service stops, or another process has taken it up."""


@dataclass(slots=True)
class Run:
    """One attempt at a job: when it was due, and `at`, the moment by which its work judges."""

    id: int
    job: str
    due_at: datetime
    at: datetime
    attempts: int = 1
    done: int = 0
    total: int | None = None
    _ends: str = ""

    def progress(self, done: int, total: int | None = None) -> None:
        """Tell how far the work has come; cheap, call it as often as you like. Raises BrokenOff."""
        self.done, self.total = done, total
        if self._ends:
            raise BrokenOff(self._ends)

    def break_off(self, why: str) -> None:
        """Let the next `progress` raise."""
        self._ends = why


Work = Callable[[Run], str | None]


class RunState(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    SILENT = "broken off"
    FAILED = "failed"
    WAITS = "waits"
    DONE = "done"


def state_of(row: Any, at: datetime) -> RunState:
    """How the run in `row` of `job_run` stands at `at`."""
    if row.ended_at is None:
        return RunState.RUNNING if abs(at - row.seen_at) < SILENT else RunState.SILENT
    if row.retry_at is not None:
        return RunState.FAILED
    return RunState.WAITS if row.trouble else RunState.DONE


def newest(connection: Connection) -> Mapping[str, Row[Any]]:
    """The latest run of every job."""
    latest = select(JobRun.job, func.max(JobRun.due_at)).group_by(JobRun.job)
    rows = connection.execute(select(JobRun.__table__).where(tuple_(JobRun.job, JobRun.due_at).in_(latest)))
    return {row.job: row for row in rows}


class JobRunner:
    """Does the jobs of one home. `process` names this one among all that may; `threads`: each run has its own."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        process: str,
        jobs: Iterable[tuple[str, Schedule, Work]],
        *,
        threads: bool,
    ) -> None:
        self._database = database
        self._clock = clock
        self._process = process
        self._jobs = {name: (schedule, work) for name, schedule, work in jobs}
        self._threads = threads
        self._running: dict[int, Run] = {}
        self._started: list[threading.Thread] = []

    def turn(self, at: datetime) -> None:
        """Say that the runs of this process live, and begin what is due at `at`.

        Without threads it is done on return. Raises SQLAlchemyError and OSError where the database is out of reach.
        """
        self._live(at)
        for run in self._claimed(at):
            self._running[run.id] = run
            if self._threads:
                self._started = [thread for thread in self._started if thread.is_alive()]
                thread = threading.Thread(target=self._do, args=(run,), name=f"job {run.job}", daemon=True)
                self._started.append(thread)
                thread.start()
            else:
                self._do(run)

    def end(self, seconds: float) -> None:
        """Break off what runs, and wait for it, `seconds` in all; what does not end is taken up by the next start."""
        for run in list(self._running.values()):
            run.break_off("the service was stopped")
        deadline = self._clock.monotonic() + seconds
        for thread in self._started:
            thread.join(max(0.0, deadline - self._clock.monotonic()))

    def _live(self, at: datetime) -> None:
        running = list(self._running.values())
        if not running:
            return
        with self._database.write() as connection:
            for run in running:
                alive = self._ours(run).values(seen_at=at, done=run.done, total=run.total)
                if connection.execute(alive).rowcount == 0:
                    run.break_off("another process has taken it up")

    def _claimed(self, at: datetime) -> Sequence[Run]:
        """The runs that fall to this process: written down before they begin."""
        with self._database.read() as connection:
            rows = newest(connection)
        due = [(name, schedule.last(at)) for name, (schedule, _) in self._jobs.items()]
        open_ = [(name, moment) for name, moment in due if _is_open(rows.get(name), moment, at)]
        if not open_:
            return ()
        with self._database.write() as connection:
            claims = [self._claim(connection, name, moment, rows.get(name), at) for name, moment in open_]
        return [run for run in claims if run is not None]

    def _claim(self, connection: Connection, job: str, due: datetime, row: Any, at: datetime) -> Run | None:
        """The run, or None where another process was quicker since `row` was read."""
        attempts = row.attempts + 1 if row is not None and _free_at(row) is not None else 1
        begun = {"process": self._process, "begun_at": at, "seen_at": at, "attempts": attempts}
        if row is not None and row.ended_at is None:
            log.warning("the job %s was broken off and is taken up", job)
        if row is None or due > row.due_at:
            new = insert_into(connection, JobRun).values(job=job, due_at=due, done=0, trouble="", **begun)
            made = connection.execute(new.on_conflict_do_nothing().returning(JobRun.id)).scalar()
            return None if made is None else Run(made, job, due, at, attempts)
        as_read = update(JobRun).where(
            JobRun.id == row.id, JobRun.process == row.process, JobRun.attempts == row.attempts
        )
        taken = connection.execute(as_read.values(done=0, total=None, ended_at=None, retry_at=None, **begun))
        return Run(row.id, job, row.due_at, at, attempts) if taken.rowcount else None

    def _do(self, run: Run) -> None:
        _, work = self._jobs[run.job]
        try:
            self._close(run, **self._ending(run, work))
        except _FORESEEN as exc:
            log.error("how the job %s ended could not be kept: %s", run.job, in_one_line(exc))
        finally:
            del self._running[run.id]

    def _ending(self, run: Run, work: Work) -> dict[str, Any]:
        """Do the work; what the row says of how it ended."""
        try:
            waits = work(run)
        except BrokenOff:
            # It has not ended: it looks silent for long enough that the next start takes it up at once.
            return {"seen_at": self._clock.now() - SILENT - _delay(run.attempts)}
        except _FORESEEN as exc:
            trouble = in_one_line(exc)
            log.error("the job %s failed and is tried again: %s", run.job, trouble)
        except Exception as exc:
            trouble = f"{type(exc).__name__}: {in_one_line(exc)}"
            log.exception("the job %s failed and is tried again", run.job)
        else:
            return {"ended_at": self._clock.now(), "trouble": waits or ""}
        at = self._clock.now()
        return {"ended_at": at, "retry_at": at + _delay(run.attempts), "trouble": trouble}

    def _close(self, run: Run, **ending: Any) -> None:
        with self._database.write() as connection:
            connection.execute(self._ours(run).values(done=run.done, total=run.total, **ending))
            connection.execute(delete(JobRun).where(JobRun.job == run.job, JobRun.due_at < run.due_at - KEPT))

    def _ours(self, run: Run) -> Any:
        return update(JobRun).where(
            JobRun.id == run.id,
            JobRun.process == self._process,
            JobRun.attempts == run.attempts,
            JobRun.ended_at.is_(None),
        )


def _is_open(row: Any, due: datetime, at: datetime) -> bool:
    """Whether somebody may begin what was due at `due`, beside the latest run there is."""
    free = None if row is None else _free_at(row)
    if free is not None:
        return free <= at or free > at + SILENT + _LONGEST_DELAY  # which only a clock wrote that has gone back since
    return row is None or due > row.due_at


def _free_at(row: Any) -> datetime | None:
    """From when on a run may be tried again; None for one that has ended for good."""
    retry_at: datetime | None = row.retry_at
    return row.seen_at + SILENT + _delay(row.attempts) if row.ended_at is None else retry_at


def _delay(attempts: int) -> timedelta:
    return min(_LONGEST_DELAY, _FIRST_DELAY * (1 << min(attempts - 1, 10)))
