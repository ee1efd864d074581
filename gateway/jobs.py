"""The clock's work: the steps that a home needs each minute and each day, whoever is connected.

Called by the worker that serves HTTPS, on a thread of its own, and by the demo, which steps through past days. Every
step is idempotent and takes its moment as an argument. A step that fails is logged and tried again at the next turn.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from config.clock import Clock, london_date
from config.database import Database
from config.errors import OperatorError
from config.outages import in_one_line
from gateway.announcements import Announcements
from gateway.clockguard import Belief, GuardedClock, MarkKeeper
from gateway.destruction import Destruction
from gateway.mail import outbox
from gateway.mail.delivery import Delivery
from gateway.models import StoredObject
from gateway.vault.vault import Vault
from policy.audit.events import Event, EventKind, RecordUnavailable, Result
from policy.audit.log import AuditLog
from policy.audit.pruning import Pruning
from policy.audit.space import Room, room_at

log = logging.getLogger(__name__)

TURN_SECONDS = 15.0
MAIL_SECONDS = 5.0
_ORPHAN_AGE = timedelta(hours=1)
_DISBELIEF = {
    Belief.DOUBTED: "the clock has leapt: nothing is done by it until that has stood for as long as the leap is wide",
    Belief.REFUSED: "the clock has leapt ahead: documents are refused until 'ladocs clock confirm' or its return",
}


@dataclass(slots=True)
class Jobs:
    """The steps of one home. Not thread-safe: one thread turns them. `folders` are those whose disks are watched."""

    database: Database
    vault: Vault
    log: AuditLog
    machine: Clock
    keeper: MarkKeeper
    pruning: Pruning
    destruction: Destruction
    folders: Sequence[Path] = ()
    _day: date | None = None
    _short: frozenset[Path] = frozenset()

    def turn(self) -> None:
        """Everything that is due now: the clock's mark, the heartbeat, once a day the day's work, and room."""
        at = self.machine.now()
        with self.database.write() as connection:
            belief = self.keeper.tick(connection)
        if belief is not Belief.AGREES:
            log.critical("%s", _DISBELIEF[belief])
            return
        self.log.heartbeat()
        if self._day != london_date(at):
            self.daily(at)
            self._day = london_date(at)
        self._watch_room()
        if self.folders and not self._short:
            self.log.hold_reserve()

    def begin(self) -> None:
        """Tell the record that the service begins. Does not wait: without a record nothing leaves anyway."""
        self._tell(EventKind.SERVICE_STARTED)

    def end(self) -> None:
        """Tell the record that the service ends on purpose, which explains the silence that follows."""
        self._tell(EventKind.SERVICE_STOPPED)

    def _tell(self, kind: EventKind) -> None:
        self.log.post(Event(event=kind, at=self.machine.now(), result=Result.PERMIT))

    def daily(self, at: datetime) -> None:
        """A day's work: what is due is destroyed, and the rest is done whatever becomes of that."""
        self.vault.top_up(self.database, london_date(at))
        try:
            self.destruction.run(at)
        finally:
            self._tidy(at)

    def _tidy(self, at: datetime) -> None:
        """What an interrupted publication left, old mails' rows, old records."""
        with self.database.read() as connection:
            kept = set(connection.execute(select(StoredObject.id)).scalars())
        swept = self.vault.sweep_orphans(kept, at - _ORPHAN_AGE)
        if swept:
            log.info("%d files of interrupted publications were removed from the store", swept)
        with self.database.write() as connection:
            outbox.forget(connection, at)
        pruned = self.pruning.run(at)
        if pruned:
            log.info("%d records were emptied: they were older than audit.keep", pruned)

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
    announcements: Announcements
    delivery: Delivery

    def turn(self) -> None:
        """Announce what runs out, then send what is due; one whatever becomes of the other.

        While documents are refused because of the clock mails wait too: links and announcements go by it.
        """
        if not self.clock.confirmed:
            return
        at = self.clock.now()
        try:
            self.announcements.turn(at)
        finally:
            self.delivery.turn(at)

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
