"""Recalling copies of what was withdrawn [R26]: the record says who has some, and their headteachers are asked.

Called by `ladocs document withdraw` right after the act, and each hour by a job, which takes up what that left: whoever
opened the document at that very moment, a headteacher who came later, reminders. Headteachers are asked by reference,
never by the document's name, until they confirm. What was withheld from the headteacher is not told to one: there the
authority asks the readers itself. Thread-safe. Raises RecordUnavailable, sqlalchemy.exc.SQLAlchemyError and OSError;
what was not done then is done by the next turn.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, time
from typing import Any

from sqlalchemy import BigInteger, or_, type_coerce, update

from auth import accounts
from config.clock import LONDON, london_date
from config.database import Database
from gateway import tracing
from gateway.change import Change
from gateway.copies import UNCONFIRMED, made, withdrawals
from gateway.core import Core
from gateway.mail.outbox import MailKind
from gateway.models import Withdrawal
from gateway.telling import tell
from policy import generations, roster
from policy.audit.events import EventKind
from policy.audit.log import AuditLog
from policy.school_days import is_school_day, school_days_before

FIRST_REMINDER, NEXT_REMINDER = 3, 5
"""School days after the mail before."""

_HOUR = time(7)
_A_MINUTE = 60_000_000  # microseconds, as the database keeps times: by then whatever was read is in the record
_SETTLED = (
    type_coerce(Withdrawal.searched_at, BigInteger) >= type_coerce(Withdrawal.withdrawn_at, BigInteger) + _A_MINUTE
)
_TURN = "copies"  # the counter whose row lets one process ask at a time


def look(core: Core, at: datetime) -> None:
    """Write down who of each school got bytes of what was withdrawn, where that is not settled yet."""
    with core.database.read() as connection:
        rows = connection.execute(withdrawals().where(or_(Withdrawal.searched_at.is_(None), ~_SETTLED))).all()
    if not rows:
        return
    readers = _readers(core, {row.reference for row in rows})
    with core.database.write() as connection:
        for row in rows:
            numbers = " ".join(str(one) for one in sorted(readers.get((row.reference, row.school_id), ())))
            found = update(Withdrawal).where(Withdrawal.id == row.id)
            connection.execute(found.values(searched_at=at, read_by=numbers))


def ask(core: Core, log: AuditLog, at: datetime, *, actor: int | None = None, client: str = "") -> None:
    """Ask the headteachers of all who read what was withdrawn, or remind them, where that is due."""
    with core.database.read() as connection:
        if not connection.execute(withdrawals().where(*UNCONFIRMED).limit(1)).first():
            return
    with core.database.write() as connection:
        generations.bump(connection, _TURN)
        change = Change(connection, at, actor, client, protocol="command" if client else "")
        for row in connection.execute(withdrawals().where(*UNCONFIRMED)).all():
            if _is_due(core, row, at):
                _ask(core, change, row)
        if change.events:
            log.record_all(change.events)


def turn(core: Core, log: AuditLog, at: datetime) -> None:
    """All that is due at `at`."""
    look(core, at)
    ask(core, log, at)


def _readers(core: Core, references: Collection[str]) -> dict[tuple[str, int], set[int]]:
    """The accounts that got bytes of the documents, or may have, by reference and school: one reading of the record."""
    with core.database.read() as connection:
        documents = tracing.by_reference(connection, references)
    database = Database(core.settings.record_url(core.home.path))
    try:
        with database.read() as record:
            reads = tracing.read_by(record, documents).reads
    finally:
        database.dispose()
    found: dict[tuple[str, int], set[int]] = {}
    for one in reads:
        if one.reader.actor is not None and one.reader.school is not None and (one.sent or one.unconfirmed):
            found.setdefault((one.reference, one.reader.school), set()).add(one.reader.actor)
    return found


def _is_due(core: Core, row: Any, at: datetime) -> bool:
    if row.asked_at is None:
        return True
    today, last = london_date(at), london_date(row.reminded_at or row.asked_at)
    days = FIRST_REMINDER if row.reminded_at is None else NEXT_REMINDER
    terms = core.settings.terms
    by_day = at.astimezone(LONDON).time() >= _HOUR and is_school_day(today, terms)
    return by_day and school_days_before(today, days, terms) >= last


def _ask(core: Core, change: Change, row: Any) -> None:
    """By mail; where there is nobody to write to it stays due."""
    if row.not_headteacher:
        return
    facts = {
        "reference": row.reference,
        "category": row.category,
        "published": row.published_at.isoformat(),
        "size": row.length,
        "readers": list(made(row, {one.id: one for one in accounts.listing(change.connection)}).people),
        "asked": "" if row.asked_at is None else london_date(row.asked_at).isoformat(),
        "school": row.school,
    }
    heads = (
        accounts.get(change.connection, one) for one in roster.heads_of(change.connection, row.school_id, change.at)
    )
    reached = [
        head for head in heads if head is not None and tell(core, change, head, MailKind.COPIES_TO_DESTROY, **facts)
    ]
    for head in reached:
        reason = "" if row.asked_at is None else "reminder"
        what = f"account:{head.id}"
        change.record(EventKind.COPIES_ASKED, what, school=row.school_id, reference=row.reference, reason=reason)
    if reached:
        when = {"asked_at": change.at} if row.asked_at is None else {"reminded_at": change.at}
        change.connection.execute(update(Withdrawal).where(Withdrawal.id == row.id).values(**when))
