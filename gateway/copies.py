"""Copies of what was withdrawn [R26]: how it stands at each school, and the word of its headteacher that they are gone.

Called by the commands and the headteachers' pages; `gateway.recalling` looks readers up and asks. Thread-safe. Raises
OperatorError for what was asked wrongly, and sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.orm import aliased

from auth import accounts
from auth.accounts import AccountRow
from auth.models import Account
from auth.principal import Kind
from config.errors import OperatorError
from gateway.change import Change
from gateway.models import Document, StoredObject, Withdrawal
from gateway.withdrawing import Dispatch, delivered_to
from policy import roster
from policy.audit.events import EventKind
from policy.models import Category, School


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


def confirm(change: Change, document: Dispatch, school_id: int, dfe: str, account: AccountRow) -> None:
    """That the school's copies are destroyed, says `account`: its headteacher.

    Of what was withheld from the headteacher somebody else of the school says so.
    """
    delivered_to(document, school_id, dfe)
    row = change.connection.execute(
        withdrawals().where(Withdrawal.document_id == document.id, Withdrawal.school_id == school_id)
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
    wanted = withdrawals().order_by(Withdrawal.id.desc())
    if reference is not None:
        wanted = wanted.where(Document.reference == reference)
    if school_ids is not None:
        wanted = wanted.where(Withdrawal.school_id.in_(school_ids))
    if only_open:
        wanted = wanted.where(*UNCONFIRMED)
    people = {account.id: account for account in accounts.listing(connection)}
    return [made(row, people) for row in connection.execute(wanted).all()]


def asked_of(connection: Connection, account_id: int, at: datetime) -> list[Copies]:
    """What was asked of the headteachers of the schools that the account heads at `at`, the newest first.

    Nothing that was withheld from them: of that nobody is asked.
    """
    headed = roster.party(connection, account_id, at).heads
    return [one for one in listing(connection, school_ids=sorted(headed)) if one.asked_at is not None]


UNCONFIRMED = (Withdrawal.read_by != "", Withdrawal.confirmed_at.is_(None))
"""Of a row of `Withdrawal`: somebody had read it, and nobody has said that the copies are destroyed."""


def withdrawals() -> Any:
    """The statement of all withdrawals, with what is told of them."""
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


def made(row: Any, people: Mapping[int, AccountRow]) -> Copies:
    """What a row of `withdrawals` says; `people` are all accounts by number."""
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


def _called(account: AccountRow) -> str:
    return f"the script {account.username}" if account.kind is Kind.SERVICE else account.name


def _may_confirm(change: Change, document: Dispatch, school_id: int, account: AccountRow) -> bool:
    party = roster.party(change.connection, account.id, change.at)
    return party.person and school_id in (party.belongs if document.not_headteacher else party.heads)
