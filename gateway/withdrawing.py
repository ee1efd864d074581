"""Withdrawal [R26]: a document is taken back from schools, at once and for good.

Called by `ladocs document withdraw` and by whoever accepts a deletion request, within a change, which tells every
process: from its commit on nobody finds the document, and open handles end within five seconds [R19]. Who had read it
is asked afterwards by `gateway.copies`. Thread-safe. Raises OperatorError for what was asked wrongly and NotAllowed for
whoever may not, and then the change is to be given up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from config.errors import OperatorError
from gateway.change import Change
from gateway.models import Batch, Delivery, Document, StoredObject, Withdrawal
from policy import generations, roster
from policy.audit.events import EventKind
from policy.models import School


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """A document in one school's folder."""

    school_id: int
    dfe: str
    withdrawn_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Dispatch:
    """A document as far as an act on it looks: `deliveries` by school id, `officer` whose batch it was part of."""

    id: int
    reference: str
    object_id: bytes
    officer: int
    published_at: datetime
    visible_until: datetime
    destroyed: bool
    not_headteacher: bool
    deliveries: Mapping[int, Delivered]

    def over(self, at: datetime) -> str | None:
        """Why nobody can read it at `at`, whatever school; None where it is not past its last day."""
        if self.destroyed:
            return f"{self.reference} is destroyed"
        if at >= self.visible_until:
            return f"{self.reference} is past its last day, so nobody can read it"
        return None


def dispatched(connection: Connection, reference: str) -> Dispatch:
    """The document with this reference, as it is kept. Raises OperatorError where there is none."""
    row = connection.execute(
        select(*Document.__table__.columns, Batch.account_id, StoredObject.wrap)
        .join(Batch, Batch.id == Document.batch_id)
        .join(StoredObject, StoredObject.id == Document.object_id)
        .where(Document.reference == reference)
    ).first()
    if row is None:
        raise OperatorError(f"No document has the reference '{reference}': see 'ladocs document list'.")
    deliveries = connection.execute(
        select(Delivery.school_id, School.dfe, Delivery.withdrawn_at)
        .join(School, School.id == Delivery.school_id)
        .where(Delivery.document_id == row.id)
        .order_by(School.id)
    )
    return Dispatch(
        id=row.id,
        reference=row.reference,
        object_id=row.object_id,
        officer=row.account_id,
        published_at=row.published_at,
        visible_until=row.visible_until,
        destroyed=row.wrap is None,
        not_headteacher=row.not_headteacher,
        deliveries={
            one.school_id: Delivered(school_id=one.school_id, dfe=one.dfe, withdrawn_at=one.withdrawn_at)
            for one in deliveries
        },
    )


def delivered_to(document: Dispatch, school_id: int, dfe: str) -> Delivered:
    """The delivery to one school. Raises OperatorError where there was none."""
    if school_id not in document.deliveries:
        raise OperatorError(f"{document.reference} was not delivered to {dfe}: see 'ladocs document show'.")
    return document.deliveries[school_id]


def withdraw(change: Change, document: Dispatch, schools: Collection[int] | None, because: str) -> list[Delivered]:
    """Take the document back from `schools` that have it, or from all that still do; from which it was.

    An administrator may, and the officer whose batch it was part of.
    """
    because = reason_of(because)
    require_say_over(change, document, "withdraw a document")
    if (over := document.over(change.at)) is not None:
        raise OperatorError(f"{over}: 'ladocs audit find --reference {document.reference}' says who read it.")
    taken = [document.deliveries[one] for one in sorted(document.deliveries if schools is None else set(schools))]
    left = [one for one in taken if one.withdrawn_at is None]
    if not left or (schools is not None and len(left) < len(taken)):
        gone = next(one for one in taken if one.withdrawn_at is not None)
        raise OperatorError(f"{document.reference} was withdrawn from {gone.dfe} before: see 'ladocs document show'.")
    for one in left:  # in one order, as publishers have it: two acts then never wait for each other
        generations.bump(change.connection, generations.content_of(one.school_id))
        _take_back(change, document, one, because)
    return left


def reason_of(because: str) -> str:
    """`because`, tidy. Raises OperatorError where nothing is said."""
    if not because.strip():
        raise OperatorError("An act like this has a reason, for the record: give --because.")
    return because.strip()


def require_say_over(change: Change, document: Dispatch, act: str) -> None:
    """Raise NotAllowed for whoever is neither administrator nor the officer whose batch the document was part of."""
    if change.actor == document.officer or roster.party(change.connection, change.actor, change.at).administrator:
        return
    told = f"{document.reference} was published by somebody else: an administrator or that officer does this."
    raise change.refused_document(act, "another officer's document", told, document.reference)


def _take_back(change: Change, document: Dispatch, one: Delivered, because: str) -> None:
    change.connection.execute(
        update(Delivery)
        .where(Delivery.document_id == document.id, Delivery.school_id == one.school_id)
        .values(withdrawn_at=change.at)
    )
    change.connection.execute(
        insert(Withdrawal).values(
            document_id=document.id,
            school_id=one.school_id,
            why=because,
            withdrawn_by=change.actor,
            withdrawn_at=change.at,
        )
    )
    change.record(
        EventKind.DOCUMENT_WITHDRAWN,
        document.object_id.hex(),
        school=one.school_id,
        reference=document.reference,
        reason=because,
    )
