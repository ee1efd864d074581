"""Holds [R9]: a document's bytes are kept beyond its destroy day, for a complaint or a tribunal; never its visibility.

Called by `ladocs document`, within a change. One person of the authority places a hold, two lift it. A document may be
held several times: it is kept until every hold is lifted. Thread-safe. Raises OperatorError for what was asked wrongly,
and then the change is to be given up.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from auth.models import Account
from config.errors import OperatorError
from gateway.change import Change
from gateway.models import Document, Hold, StoredObject
from policy.audit.events import EventKind


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldRow:
    """One hold that is not lifted. Times are aware UTC."""

    number: int
    since: datetime
    by: str
    because: str


def place(change: Change, reference: str, because: str) -> HoldRow:
    """Hold the document with this reference. Its destruction must not have begun."""
    document = _document(change.connection, reference)
    if document.wrap is None:
        raise OperatorError(f"{reference} is destroyed: nothing is left to hold.")
    if document.destruction_id is not None:
        raise OperatorError(f"The destruction of {reference} has begun, and nothing stops it: it cannot be held.")
    number = change.connection.execute(
        insert(Hold)
        .values(document_id=document.id, why=because, placed_by=change.actor, placed_at=change.at)
        .returning(Hold.id)
    ).scalar_one()
    change.record(EventKind.DOCUMENT_HELD, f"hold:{number}", reference=reference, reason=because)
    [placed] = [one for one in holds(change.connection, [document.id])[document.id] if one.number == number]
    return placed


def lift(change: Change, reference: str, number: int | None, because: str, approver: int) -> HoldRow:
    """Lift a hold, the only one where no `number` is given. `approver`: the account of the second person, proved."""
    document = _document(change.connection, reference)
    standing = holds(change.connection, [document.id]).get(document.id, [])
    if not standing:
        raise OperatorError(f"{reference} is not held: see 'ladocs document show {reference}'.")
    chosen = [one for one in standing if number in (None, one.number)]
    if len(chosen) != 1:
        named = ", ".join(str(one.number) for one in standing)
        raise OperatorError(f"Say with --hold which of the holds of {reference}: {named}.")
    if approver == change.actor:
        raise OperatorError("One person alone lifts no hold: another has to approve.")
    change.connection.execute(
        update(Hold)
        .where(Hold.id == chosen[0].number)
        .values(lifted_by=change.actor, approved_by=approver, lifted_at=change.at, lifted_why=because)
    )
    what = f"account:{approver}"
    change.record(EventKind.DOCUMENT_UNHELD, what, reference=reference, reason=f"hold:{chosen[0].number}: {because}")
    return chosen[0]


def holds(connection: Connection, documents: Collection[int]) -> dict[int, list[HoldRow]]:
    """The holds of these documents (by number) that are not lifted, the oldest first; none for one that is not held."""
    rows = connection.execute(
        select(Hold.id, Hold.document_id, Hold.placed_at, Hold.why, Account.username)
        .join(Account, Account.id == Hold.placed_by)
        .where(Hold.document_id.in_(documents), Hold.lifted_at.is_(None))
        .order_by(Hold.id)
    )
    found: dict[int, list[HoldRow]] = {}
    for row in rows:
        one = HoldRow(number=row.id, since=row.placed_at, by=row.username, because=row.why)
        found.setdefault(row.document_id, []).append(one)
    return found


def _document(connection: Connection, reference: str) -> Row[int, bytes | None, int | None]:
    row = connection.execute(
        select(Document.id, StoredObject.wrap, StoredObject.destruction_id)
        .join(StoredObject, StoredObject.id == Document.object_id)
        .where(Document.reference == reference)
    ).first()
    if row is None:
        raise OperatorError(f"No document has the reference '{reference}': see 'ladocs document list'.")
    return row
