"""The clock's work: what a home needs every few seconds, and the jobs that are due now and then.

Called by the worker that serves HTTPS, on a thread of its own, and by the demo, which steps through past days. The jobs
themselves are done by `gateway.jobrunner`, which says how to add one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from config.clock import Clock, london_date
from config.database import Database
from config.errors import OperatorError
from config.outages import in_one_line
from gateway.clockguard import Belief, GuardedClock, MarkKeeper
from gateway.destruction import Destruction
from gateway.due import due
from gateway.jobrunner import Daily, Every, JobRunner, Run, Schedule
from gateway.mail import outbox
from gateway.mail.delivery import Delivery
from gateway.models import StoredObject
from gateway.vault.keybox import KeyBox
from gateway.vault.models import Stage
from gateway.vault.vault import Vault
from policy.audit.events import Event, EventKind, RecordUnavailable, Result
from policy.audit.log import AuditLog
from policy.audit.pruning import Pruning
from policy.audit.space import Room, room_at

log = logging.getLogger(__name__)

TURN_SECONDS = 15.0
MAIL_SECONDS = 5.0
TIMETABLE: Mapping[str, Schedule] = {
    "keys": Daily(),
    "key holders": Every(timedelta(minutes=5)),
    "agreements": Daily(),
    "destruction": Daily(),
    "orphans": Every(timedelta(hours=1)),
    "old mails": Daily(),
    "pruning": Daily(),
    "leavers": Daily(),
    "announcements": Daily(time(7)),
    "reviews": Daily(time(7)),
    "agreement reminders": Daily(time(7)),
    "copies": Every(timedelta(hours=1)),
}
"""Every job there is, and when it is due. What each does is said in `gateway.compose`."""

_ORPHAN_AGE = timedelta(hours=1)
_DISBELIEF = {
    Belief.DOUBTED: "the clock has leapt: nothing is done by it until that has stood for as long as the leap is wide",
    Belief.REFUSED: "the clock has leapt ahead: documents are refused until 'ladocs clock confirm' or its return",
}


@dataclass(frozen=True, slots=True)
class Daywork:
    """What keeps a home in order, job by job."""

    database: Database
    vault: Vault
    box: KeyBox
    destruction: Destruction
    pruning: Pruning

    def keys(self, run: Run) -> None:
        """Keys for the days ahead, so that publishing never writes the key box."""
        self.vault.top_up(self.database, london_date(run.at))

    def follow(self, run: Run) -> str | None:
        """Other holders of the keys, which could not be reached when these were rotated, catch up."""
        self.box.follow()
        self.destruction.bury()
        self.destruction.complete()
        known = self.box.holders()
        behind = known.behind(self.box.generation()) if known is not None else []
        return "; ".join(f"{one.folder} is behind: 'ladocs keys list' says why" for one in behind) or None

    def destroy(self, run: Run) -> str | None:
        """What is due is destroyed, or waits for a person."""
        steps = 3 * len(due(self.database, run.at))

        def told(_: object, stage: Stage) -> None:
            run.progress(run.done + 1, steps)

        left = self.destruction.run(run.at, progress=told)
        return None if left is None else str(left)

    def sweep(self, run: Run) -> None:
        """What an interrupted publication left."""
        with self.database.read() as connection:
            kept = set(connection.execute(select(StoredObject.id)).scalars())
        swept = self.vault.sweep_orphans(kept, run.at - _ORPHAN_AGE)
        if swept:
            log.info("%d files of interrupted publications were removed from the store", swept)

    def forget_mails(self, run: Run) -> None:
        """The rows of mails that left long ago."""
        with self.database.write() as connection:
            outbox.forget(connection, run.at)

    def prune(self, run: Run) -> None:
        """What the record said before `audit.keep`."""
        pruned = self.pruning.run(run.at)
        if pruned:
            log.info("%d records were emptied: they were older than audit.keep", pruned)


@dataclass(slots=True)
class Jobs:
    """The turns of one home. Not thread-safe: one thread turns them. `folders` are those whose disks are watched."""

    database: Database
    log: AuditLog
    machine: Clock
    keeper: MarkKeeper
    runner: JobRunner
    folders: Sequence[Path] = ()
    _short: frozenset[Path] = frozenset()

    def turn(self) -> None:
        """Everything that is due now: the clock's mark, the heartbeat, jobs, and room."""
        at = self.machine.now()
        with self.database.write() as connection:
            belief = self.keeper.tick(connection)
        if belief is not Belief.AGREES:
            log.critical("%s", _DISBELIEF[belief])
            return
        self.log.heartbeat()
        self.runner.turn(at)
        self._watch_room()
        if self.folders and not self._short:
            self.log.hold_reserve()

    def begin(self) -> None:
        """Tell the record that the service begins. Does not wait: without a record nothing leaves anyway."""
        self._tell(EventKind.SERVICE_STARTED)

    def end(self, seconds: float = 0.0) -> None:
        """Break off what runs, wait `seconds` for it, and tell the record that the service ends on purpose.

        That explains the silence that follows.
        """
        self.runner.end(seconds)
        self._tell(EventKind.SERVICE_STOPPED)

    def _tell(self, kind: EventKind) -> None:
        self.log.post(Event(event=kind, at=self.machine.now(), result=Result.PERMIT))

    def _watch_room(self) -> None:
        """An alarm, once, for each disk that fills up: while it can still be written."""
        short = frozenset(folder for folder in self.folders if room_at(folder) is not Room.ENOUGH)
        for folder in sorted(short - self._short):
            log.critical("the disk of %s is nearly full: make room; at 5 %% nothing can be published", folder)
        self._short = short


@dataclass(frozen=True, slots=True)
class Post:
    """Mail, on a thread of its own: a mail server that hangs keeps nothing else waiting. Not thread-safe, but `end`."""

    clock: GuardedClock
    delivery: Delivery

    def turn(self) -> None:
        """Send what is due. While documents are refused because of the clock mails wait too: links go by it."""
        if self.clock.confirmed:
            self.delivery.turn(self.clock.now())

    def end(self) -> None:
        """Start no other mail."""
        self.delivery.end()


def run_until(stop: threading.Event, step: Callable[[], None], seconds: float) -> threading.Thread:
    """Call `step` every so many seconds on a thread of its own until `stop` is set. Faults are logged, not fatal.

    What nobody foresaw is no exception: a thread that ended in silence would take the heartbeat and the mark with it.
    """

    def loop() -> None:
        while True:
            try:
                step()
            except (SQLAlchemyError, OSError, OperatorError, RecordUnavailable) as exc:
                log.error("a job could not be done and is tried again: %s", in_one_line(exc))
            except Exception:
                log.exception("a job failed and is tried again")
            if stop.wait(seconds):
                return

    thread = threading.Thread(target=loop, name="jobs", daemon=True)
    thread.start()
    return thread
