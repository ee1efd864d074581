"""Requests for deletion [R26]: schools cannot delete, they ask, and the authority decides; both are kept, and why.

Called by `ladocs request`, within a change. An acceptance withdraws the document from the school that asked, in the
same change; who asked is told of the decision by mail, and so are the headteachers. Thread-safe. Raises OperatorError
for what was asked wrongly and NotAllowed for whoever may not, and then the change is to be given up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.orm import aliased

from auth import accounts
from auth.accounts import AccountRow
from auth.models import Account
from config.errors import OperatorError
from gateway.change import Change
from gateway.core import Core
from gateway.mail.outbox import MailKind
from gateway.models import DeletionRequest, Document
from gateway.telling import tell
from gateway.withdrawing import Dispatch, delivered_to, dispatched, reason_of, withdraw
from policy import roster
from policy.audit.events import EventKind
from policy.models import School


class Decision(StrEnum):
    """What the authority says to a request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request, as it is kept. `asked_by`, `decided_by`: short names; times are aware UTC."""

    number: int
    reference: str
    dfe: str
    school: str
    asked_by: str
    asked_at: datetime
    why: str
    decision: Decision | None
    decided_by: str | None
    decided_at: datetime | None
    decided_why: str


def make(change: Change, document: Dispatch, school_id: int, dfe: str, asker: AccountRow, because: str) -> Request:
    """Enter that `asker`, who belongs to the school, asks for its document to be deleted."""
    because = reason_of(because)
    delivery = delivered_to(document, school_id, dfe)
    party = roster.party(change.connection, asker.id, change.at)
    if not party.person or school_id not in party.belongs:
        raise OperatorError(f"{asker.username} is nobody of {dfe}: a request comes from somebody of the school.")
    if (over := document.over(change.at)) is not None:
        raise OperatorError(f"{over}: there is nothing to ask for.")
    if delivery.withdrawn_at is not None:
        raise OperatorError(f"{document.reference} was withdrawn from {dfe} before: there is nothing to ask for.")
    waiting = change.connection.execute(
        select(DeletionRequest.id).where(
            DeletionRequest.document_id == document.id,
            DeletionRequest.school_id == school_id,
            DeletionRequest.decision.is_(None),
        )
    ).scalar()
    if waiting is not None:
        raise OperatorError(f"{dfe} asked for that before: 'ladocs request decide {waiting}' decides it.")
    number = change.connection.execute(
        insert(DeletionRequest)
        .values(document_id=document.id, school_id=school_id, why=because, asked_by=asker.id, asked_at=change.at)
        .returning(DeletionRequest.id)
    ).scalar_one()
    _record(change, EventKind.REQUEST_MADE, asker.id, school_id, document.reference, because)
    return get(change.connection, number)


def decide(core: Core, change: Change, number: int, decision: Decision, because: str) -> tuple[Request, bool]:
    """Decide a request, and tell the school; it, and whether the document was withdrawn by that.

    It is not where it was gone already. An administrator decides, and nobody the own request.
    """
    because = reason_of(because)
    row = change.connection.execute(_rows().where(DeletionRequest.id == number)).first()
    if row is None:
        raise OperatorError(f"There is no request {number}: see 'ladocs request list'.")
    if row.decision is not None:
        raise OperatorError(f"Request {number} was {row.decision} by {row.decider} before.")
    _require_decider(change, row)
    document = dispatched(change.connection, row.reference)
    there = document.over(change.at) is None and document.deliveries[row.school_id].withdrawn_at is None
    gone = decision is Decision.ACCEPTED and there
    if gone:
        withdraw(change, document, [row.school_id], f"request {number}: {because}")
    change.connection.execute(
        update(DeletionRequest)
        .where(DeletionRequest.id == number)
        .values(decision=decision, decided_by=change.actor, decided_at=change.at, decided_why=because)
    )
    _record(change, EventKind.REQUEST_DECIDED, row.asked_by, row.school_id, row.reference, f"{decision}: {because}")
    made = get(change.connection, number)
    _tell(core, change, made, row.asked_by, row.school_id)
    return made, gone


def get(connection: Connection, number: int) -> Request:
    """The request with this number, known to be there."""
    return _request(connection.execute(_rows().where(DeletionRequest.id == number)).one())


def listing(connection: Connection, *, only_open: bool = False) -> list[Request]:
    """All requests, the newest first; open: not decided yet."""
    rows = _rows().order_by(DeletionRequest.id.desc())
    if only_open:
        rows = rows.where(DeletionRequest.decision.is_(None))
    return [_request(row) for row in connection.execute(rows).all()]


def _rows() -> Any:
    asker, decider = aliased(Account), aliased(Account)
    return (
        select(
            *DeletionRequest.__table__.columns,
            Document.reference,
            School.dfe,
            School.name.label("school"),
            asker.username.label("asker"),
            decider.username.label("decider"),
        )
        .join(Document, Document.id == DeletionRequest.document_id)
        .join(School, School.id == DeletionRequest.school_id)
        .join(asker, asker.id == DeletionRequest.asked_by)
        .outerjoin(decider, decider.id == DeletionRequest.decided_by)
    )


def _request(row: Any) -> Request:
    return Request(
        number=row.id,
        reference=row.reference,
        dfe=row.dfe,
        school=row.school,
        asked_by=row.asker,
        asked_at=row.asked_at,
        why=row.why,
        decision=None if row.decision is None else Decision(row.decision),
        decided_by=row.decider,
        decided_at=row.decided_at,
        decided_why=row.decided_why,
    )


def _require_decider(change: Change, row: Any) -> None:
    if not roster.party(change.connection, change.actor, change.at).administrator:
        told = "An administrator decides requests for deletion: ask one."
        raise change.refused_document("decide a request", "not an administrator", told, row.reference)
    if change.actor == row.asked_by:
        told = f"Request {row.id} is your own: another administrator decides it."
        raise change.refused_document("decide a request", "one's own request", told, row.reference)


def _record(change: Change, kind: EventKind, asker: int, school_id: int, reference: str, reason: str) -> None:
    change.record(kind, f"account:{asker}", school=school_id, reference=reference, reason=reason)


def _tell(core: Core, change: Change, made: Request, asker: int, school_id: int) -> None:
    """Who asked, and the headteachers, unless the document is none that they may know of."""
    document = dispatched(change.connection, made.reference)
    heads = [] if document.not_headteacher else roster.heads_of(change.connection, school_id, change.at)
    asked = accounts.get(change.connection, asker)
    facts = {
        "reference": made.reference,
        "school": made.school,
        "asker": made.asked_by if asked is None else asked.name,
        "accepted": made.decision is Decision.ACCEPTED,
        "why": made.decided_why,
    }
    for one in dict.fromkeys((asker, *heads)):
        person = accounts.get(change.connection, one)
        if person is not None:
            tell(core, change, person, MailKind.REQUEST_DECIDED, **facts)
