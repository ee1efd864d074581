"""What time does with access reviews: opens them, suspends access where one is far overdue, and reminds [R22] [R33].

A job of every day at 07:00, and `ladocs review remind`. Each step is idempotent: reviews and suspensions stand in their
own tables, and whom was told of what in the outbox, so nothing is done or told twice over restarts and processes, and a
service that stood still does what is due when it runs again. Thread-safe. Raises RecordUnavailable, OSError and
sqlalchemy.exc.SQLAlchemyError; what was not done then is done by the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from auth import accounts
from auth.principal import AccountState
from config.clock import london_date
from gateway.change import Change, changing
from gateway.core import Core
from gateway.mail import outbox
from gateway.mail.outbox import Letter, MailKind
from gateway.reviewing import calendar, called
from gateway.staffing import BATCH
from gateway.telling import tell
from policy import generations, review, reviewed, roster
from policy.audit.events import EventKind
from policy.audit.log import AuditLog
from policy.review import ReviewRow, Stage
from policy.reviewed import Item, What
from policy.school_days import SCHOOL_DAYS_BEFORE, school_days_after, school_days_before

_TURN = "review reminders"  # the counter whose row lets one process remind at a time
_REMEMBERED = timedelta(days=100)
_BEHIND = timedelta(days=90)  # what came longer ago is not told any more: it may have been told and forgotten


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing that was done, or would be: `whom` was told, or whose access `what` was suspended."""

    act: str
    dfe: str
    whom: str
    what: str


class _NothingLeft(Exception):
    """Another process, or the headteacher, was quicker."""


class Reviews:
    """The reviews of one home. `actor` and `user` are of whoever has it done by hand."""

    def __init__(self, core: Core, log: AuditLog, *, actor: int | None = None, user: str = "") -> None:
        self._core = core
        self._log = log
        self._actor = actor
        self._user = user
        self._calendar = calendar(core)

    def daily(self, progress: Callable[[int, int], None]) -> None:
        """As `turn`, for the job."""
        self.turn(progress)

    def turn(self, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Step]:
        """Do all that is due now; what was done. `progress` hears how many schools are done, of how many."""
        at, done = self._core.clock.now(), list[Step]()
        with self._core.database.read() as connection:
            schools = review.without_review(connection, self._calendar, at)
            late = [row for row in review.waiting(connection) if self._suspends(connection, row, at)]
        total = len(schools) + len(late)
        for first in range(0, len(schools), BATCH):
            progress(first, total)
            with suppress(_NothingLeft), self._changing() as change:
                done += self._open(change, schools[first : first + BATCH])
        for number, row in enumerate(late, len(schools)):
            progress(number, total)
            with suppress(_NothingLeft), self._changing() as change:
                done += self._suspend(change, row.id)
        with self._core.database.write() as connection:
            generations.bump(connection, _TURN)
            return done + self._remind(connection, at)

    def planned(self, at: datetime) -> list[Step]:
        """What would be done at `at`; nothing is."""
        with self._core.database.write() as connection:
            change, steps = Change(connection, at, None, ""), list[Step]()
            with suppress(_NothingLeft):
                steps += self._open(change, review.without_review(connection, self._calendar, at))
            for row in review.waiting(connection):
                if self._suspends(connection, row, at):
                    steps += self._suspend(change, row.id)
            steps += self._remind(connection, at)
            connection.rollback()
            return steps

    def _changing(self) -> AbstractContextManager[Change]:
        return changing(self._core, self._log, self._actor, self._user, protocol="command" if self._user else "")

    def _open(self, change: Change, schools: Sequence[int]) -> list[Step]:
        """Open the review of this term in those of `schools` that still have none."""
        steps = []
        for school_id in review.without_review(change.connection, self._calendar, change.at):
            if school_id in schools:
                row = review.open_review(change.connection, self._calendar, school_id, change.at)
                self._record(change, EventKind.REVIEW_OPENED, row, f"{row.name}: due {row.due_on}")
                steps.append(Step(act="opened", dfe=row.dfe, whom="", what=f"{row.name}, due {row.due_on}"))
        if not steps:
            raise _NothingLeft
        return steps

    def _suspends(self, connection: Connection, row: ReviewRow, at: datetime) -> bool:
        """Whether something is to be suspended because of `row`, or that it is so late is to be noted."""
        return row.suspends_on <= london_date(at) and (
            row.suspended_at is None or bool(self._overdue_items(connection, row, at))
        )

    def _suspend(self, change: Change, review_id: int) -> list[Step]:
        """Suspend what a review that still waits makes due, item by item, and tell the people."""
        row = next((one for one in review.waiting(change.connection) if one.id == review_id), None)
        if row is None or not self._suspends(change.connection, row, change.at):
            raise _NothingLeft
        items = self._overdue_items(change.connection, row, change.at)
        for item in items:
            reviewed.suspend(change.connection, item, row.school_id, change.at)
            why = "unused" if item.is_unused(change.at) else "in use"
            reason = f"{called(item)}: {why} since {london_date(item.unused_since)}"
            change.record(EventKind.REVIEW_SUSPENDED, f"account:{item.account_id}", school=row.school_id, reason=reason)
        if row.suspended_at is None:
            review.note_suspension(change.connection, row.id, change.at)
            self._record(change, EventKind.REVIEW_SUSPENDED, row, f"{row.name}: {len(items)} suspended")
        for account_id, of_account in groupby(items, key=lambda item: item.account_id):
            self._tell(change, row, account_id, list(of_account))
        return [Step(act="suspended", dfe=row.dfe, whom=item.username, what=called(item)) for item in items]

    def _overdue_items(self, connection: Connection, row: ReviewRow, at: datetime) -> list[Item]:
        """What is to be suspended. A headteacher's own part never is, nor what is used in other schools too."""
        everything = self._core.settings.review.overdue == "suspend" and row.suspended_at is None

        def falls(item: Item) -> bool:
            if item.what is What.ACCOUNT:
                return not item.heads and (everything or item.is_unused(at))
            return item.is_unused(at) or (everything and not item.heads and not item.elsewhere)

        found = reviewed.items(connection, row.school_id, at)
        return [item for item in found if item.suspended_at is None and falls(item)]

    def _tell(self, change: Change, row: ReviewRow, account_id: int, items: Sequence[Item]) -> None:
        account = accounts.get(change.connection, account_id)
        if account is not None and account.state is AccountState.ACTIVE:
            what = [{"what": item.what.value, "name": item.name} for item in items]
            tell(self._core, change, account, MailKind.ACCESS_SUSPENDED, suspended=what, schools=[row.school])

    def _remind(self, connection: Connection, at: datetime) -> list[Step]:
        """Mail whoever heads a school, or else the authority, how far its review has come; each stage once."""
        told = {
            (account, one["mark"])
            for account, facts in outbox.posted(connection, MailKind.ACCESS_REVIEW, at - _REMEMBERED)
            for one in facts["reviews"]
        }
        due: dict[tuple[int | None, str], list[dict[str, Any]]] = {}
        for row in review.waiting(connection):
            stage = self._stage(row, london_date(at))
            if stage is None:
                continue
            fact = _fact(row, *stage)
            for whom in self._whom(connection, row, stage[0], at):
                if (whom[0], fact["mark"]) not in told:
                    due.setdefault(whom, []).append(fact)
        for (account_id, address), facts in due.items():
            letter = Letter(
                kind=MailKind.ACCESS_REVIEW, address=address, account_id=account_id, facts={"reviews": facts}
            )
            outbox.post(connection, letter, at, self._core.entropy)
        return [
            Step(act="reminded", dfe=fact["dfe"], whom=address, what=f"{fact['term']}, {fact['stage']}")
            for (_, address), facts in due.items()
            for fact in facts
        ]

    def _stage(self, row: ReviewRow, today: date) -> tuple[Stage, date] | None:
        """The last of the days of reminding that has come, and what it is; None where that was long ago."""
        opened = london_date(row.opened_at)
        before = [school_days_before(row.due_on, count, self._calendar.terms) for count in SCHOOL_DAYS_BEFORE]
        days = [
            (Stage.OPENED, opened),
            *((Stage.SOON, day) for day in before if day > opened),
            (Stage.DUE, row.due_on),
            (Stage.OVERDUE, school_days_after(row.due_on, 1, self._calendar.terms)),
            *([] if row.suspended_at is None else [(Stage.SUSPENDED, london_date(row.suspended_at))]),
        ]
        stage, day = max(((stage, day) for stage, day in days if day <= today), key=lambda one: one[1])
        return (stage, day) if day > today - _BEHIND else None

    def _whom(
        self, connection: Connection, row: ReviewRow, stage: Stage, at: datetime
    ) -> Iterator[tuple[int | None, str]]:
        """Whoever heads the school; the authority where nobody does who can be written to, or access was suspended."""
        heads = [accounts.get(connection, head) for head in roster.heads_of(connection, row.school_id, at)]
        there = [(one.id, one.email) for one in heads if one and one.state is AccountState.ACTIVE and one.email]
        yield from there
        if not there or stage is Stage.SUSPENDED:
            yield None, self._core.settings.support.mail

    def _record(self, change: Change, kind: EventKind, row: ReviewRow, reason: str) -> None:
        change.record(kind, f"review:{row.id}", school=row.school_id, reason=reason)


def _fact(row: ReviewRow, stage: Stage, came: date) -> dict[str, Any]:
    """A review as a mail tells of it; `mark` names this stage of it, until it is extended."""
    return {
        "dfe": row.dfe,
        "school": row.school,
        "term": row.name,
        "stage": stage.value,
        "due_on": row.due_on.isoformat(),
        "suspends_on": row.suspends_on.isoformat(),
        "mark": f"review {row.id} {stage} {came} {row.due_on}",
    }
