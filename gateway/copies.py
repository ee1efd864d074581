"""Copies of what was withdrawn [R26]: who has some is looked up in the record, and their headteachers are asked.

Called by `ladocs document withdraw` right after the act, and each hour by a job, which takes up what that left: whoever
opened the document at that very moment, a headteacher who came later, reminders. Headteachers are asked by reference,
never by the document's name, until they confirm. What was withheld from the headteacher is not told to one: there the
authority asks the readers itself. Thread-safe. Raises OperatorError for what was asked wrongly, RecordUnavailable,
sqlalchemy.exc.SQLAlchemyError and OSError; what was not done then is done by the next turn.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Connection, or_, select, type_coerce, update
from sqlalchemy.orm import aliased

from auth import accounts
from auth.accounts import AccountRow
from auth.models import Account
from auth.principal import Kind
from config.clock import LONDON, london_date
from config.database import Database
from config.errors import OperatorError
from gateway import tracing
from gateway.change import Change
from gateway.core import Core
from gateway.mail.outbox import MailKind
from gateway.models import Document, StoredObject, Withdrawal
from gateway.telling import tell
from gateway.withdrawing import Dispatch, delivered_to
from policy import generations, roster
from policy.audit.events import EventKind
from policy.audit.log import AuditLog
from policy.models import Category, School
from policy.school_days import is_school_day, school_days_before

FIRST_REMINDER, NEXT_REMINDER = 3, 5
"""School days after the mail before."""

_HOUR = time(7)
_A_MINUTE = 60_000_000  # microseconds, as the database keeps times: by then whatever was read is in the record
_SETTLED = (
    type_coerce(Withdrawal.searched_at, BigInteger) >= type_coerce(Withdrawal.withdrawn_at, BigInteger) + _A_MINUTE
)
_TURN = "copies"  # the counter whose row lets one process ask at a time


class CopyState(StrEnum):
    """How a withdrawal from one school stands."""

    NOT_LOOKED = "not looked up yet"
    UNREAD = "nobody read it"
    NOT_ASKED = "nobody to ask"
    ASKED = "asked"
    DESTROYED = "destroyed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Copies:
    """A withdrawal from one school. Of the accounts that got bytes `readers` has the short names, `people` the others.

    Times are aware UTC; `size` is in bytes.
    """

    id: int
    reference: str
    school_id: int
    dfe: str
    school: str
    category: str
    size: int
    published_at: datetime
    withdrawn_at: datetime
    withdrawn_by: str
    why: str
    state: CopyState
    readers: tuple[str, ...]
    people: tuple[str, ...]
    asked_at: datetime | None
    reminded_at: datetime | None
    confirmed_by: str | None
    confirmed_at: datetime | None


def look(core: Core, at: datetime) -> None:
    """Write down who of each school got bytes of what was withdrawn, where that is not settled yet."""
    with core.database.read() as connection:
        rows = connection.execute(_rows().where(or_(Withdrawal.searched_at.is_(None), ~_SETTLED))).all()
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
        if not connection.execute(_rows().where(*_UNCONFIRMED).limit(1)).first():
            return
    with core.database.write() as connection:
        generations.bump(connection, _TURN)
        change = Change(connection, at, actor, client, protocol="command" if client else "")
        for row in connection.execute(_rows().where(*_UNCONFIRMED)).all():
            if _is_due(core, row, at):
                _ask(core, change, row)
        if change.events:
            log.record_all(change.events)


def turn(core: Core, log: AuditLog, at: datetime) -> None:
    """All that is due at `at`."""
    look(core, at)
    ask(core, log, at)


def confirm(change: Change, document: Dispatch, school_id: int, dfe: str, account: AccountRow) -> None:
    """That the school's copies are destroyed, says `account`: its headteacher.

    Of what was withheld from the headteacher somebody else of the school says so.
    """
    delivered_to(document, school_id, dfe)
    row = change.connection.execute(
        _rows().where(Withdrawal.document_id == document.id, Withdrawal.school_id == school_id)
    ).first()
    if row is None:
        raise OperatorError(f"{document.reference} was not withdrawn from {dfe}: 'ladocs document withdraw' does that.")
    if row.confirmed_at is not None:
        raise OperatorError(f"That the copies of {document.reference} at {dfe} are destroyed was confirmed before.")
    if not row.read_by:
        raise OperatorError(f"Nobody of {dfe} had read {document.reference}: there is nothing to confirm.")
    if not _may_confirm(change, document, school_id, account):
        who = "somebody of the school" if document.not_headteacher else "the headteacher or who stands in"
        raise OperatorError(f"{account.username} does not confirm for {dfe}: {who} does, see 'ladocs school show'.")
    change.connection.execute(
        update(Withdrawal).where(Withdrawal.id == row.id).values(confirmed_by=account.id, confirmed_at=change.at)
    )
    what = f"account:{account.id}"
    change.record(EventKind.COPIES_DESTROYED, what, school=school_id, reference=document.reference)


def listing(
    connection: Connection,
    *,
    reference: str | None = None,
    school_ids: Sequence[int] | None = None,
    only_open: bool = False,
) -> list[Copies]:
    """What was withdrawn, the newest first: of this document and these schools, or all. Open: not confirmed yet."""
    rows = _rows().order_by(Withdrawal.id.desc())
    if reference is not None:
        rows = rows.where(Document.reference == reference)
    if school_ids is not None:
        rows = rows.where(Withdrawal.school_id.in_(school_ids))
    if only_open:
        rows = rows.where(*_UNCONFIRMED)
    people = {account.id: account for account in accounts.listing(connection)}
    return [_copies(row, people) for row in connection.execute(rows).all()]


def asked_of(connection: Connection, account_id: int, at: datetime) -> list[Copies]:
    """What was asked of the headteachers of the schools that the account heads at `at`, the newest first.

    Nothing that was withheld from them: of that nobody is asked.
    """
    headed = roster.party(connection, account_id, at).heads
    return [one for one in listing(connection, school_ids=sorted(headed)) if one.asked_at is not None]


_UNCONFIRMED = (Withdrawal.read_by != "", Withdrawal.confirmed_at.is_(None))


def _rows() -> Any:
    by, confirmer = aliased(Account), aliased(Account)
    return (
        select(
            *Withdrawal.__table__.columns,
            *(column.expression for column in (Document.reference, Document.published_at, Document.not_headteacher)),
            School.dfe,
            School.name.label("school"),
            Category.name.label("category"),
            StoredObject.length,
            by.username.label("by"),
            confirmer.username.label("confirmer"),
        )
        .join(Document, Document.id == Withdrawal.document_id)
        .join(StoredObject, StoredObject.id == Document.object_id)
        .join(Category, Category.id == Document.category_id)
        .join(School, School.id == Withdrawal.school_id)
        .join(by, by.id == Withdrawal.withdrawn_by)
        .outerjoin(confirmer, confirmer.id == Withdrawal.confirmed_by)
    )


def _copies(row: Any, people: Mapping[int, AccountRow]) -> Copies:
    readers = [people[int(one)] for one in row.read_by.split()]
    return Copies(
        id=row.id,
        reference=row.reference,
        school_id=row.school_id,
        dfe=row.dfe,
        school=row.school,
        category=row.category,
        size=row.length,
        published_at=row.published_at,
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=row.by,
        why=row.why,
        state=_state(row),
        readers=tuple(one.username for one in readers),
        people=tuple(_called(one) for one in readers),
        asked_at=row.asked_at,
        reminded_at=row.reminded_at,
        confirmed_by=row.confirmer,
        confirmed_at=row.confirmed_at,
    )


def _state(row: Any) -> CopyState:
    rows = (
        (row.confirmed_at is not None, CopyState.DESTROYED),
        (row.searched_at is None, CopyState.NOT_LOOKED),
        (not row.read_by, CopyState.UNREAD),
        (row.asked_at is None, CopyState.NOT_ASKED),
    )
    return next((state for applies, state in rows if applies), CopyState.ASKED)


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
        "readers": list(_copies(row, {one.id: one for one in accounts.listing(change.connection)}).people),
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


def _called(account: AccountRow) -> str:
    return f"the script {account.username}" if account.kind is Kind.SERVICE else account.name


def _may_confirm(change: Change, document: Dispatch, school_id: int, account: AccountRow) -> bool:
    party = roster.party(change.connection, account.id, change.at)
    return party.person and school_id in (party.belongs if document.not_headteacher else party.heads)
