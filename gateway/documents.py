"""What was published, for the authority: documents by reference, with their schools, names and ends.

Called by `ladocs document`, by `ladocs audit list` for references as they were typed, and at each start for what a
changed window would have hidden. It shows names, never contents. Takes the caller's connection; thread-safe. Raises
sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, select

from auth.models import Account
from config.clock import london_date, london_midnight
from gateway.errors import Damaged
from gateway.holding import HoldRow, holds
from gateway.models import Audience, Batch, Delivery, Document, StoredObject
from gateway.vault.vault import Vault
from policy.models import Category, School
from policy.months import RETENTION, Month, Window, last_day

_Row = Row[*tuple[Any, ...]]
_READ_AS = str.maketrans("OIL", "011")
_TOGETHER = 1000  # documents whose deliveries are asked for at a time: a statement takes so many numbers, not more


class DocumentState(StrEnum):
    """What has become of a document."""

    VISIBLE = "visible"
    WITHDRAWN = "withdrawn"  # from every school: nobody reads it
    EXPIRED = "expired"  # past its last day: nobody reads it, and its key waits for the destroy day
    DESTROYED = "destroyed"


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentRow:
    """One document. `names` are by DfE number; None for a name whose key is gone. Times are aware UTC.

    `withdrawn`: the DfE numbers from which it was, and when. `holds`: those that are not lifted.
    """

    reference: str
    state: DocumentState
    category: str
    published_at: datetime
    published_by: str
    note: str
    size: int
    last_day: date
    visible_until: datetime
    destroy_day: date
    names: Mapping[str, str | None]
    withdrawn: Mapping[str, datetime]
    holds: tuple[HoldRow, ...]
    audience: tuple[str, ...]
    not_headteacher_reason: str

    @property
    def month(self) -> Month:
        """The month in whose folder it stands."""
        return Month.of(london_date(self.published_at))

    @property
    def name(self) -> str | None:
        """Its name, as it is where no other document of the folder had it first; None once that is destroyed."""
        return min((name for name in self.names.values() if name is not None), key=lambda n: (len(n), n), default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentFilter:
    """Which documents; None is all."""

    school_id: int | None = None
    category_id: int | None = None
    month: str | None = None
    reference: str | None = None


def as_reference(typed: str) -> str:
    """A reference as it is kept, of one that was read out or typed: `d7kq2m4` and `D-7KQ2-M4` are one."""
    plain = re.sub(r"[^0-9A-Z]", "", typed.upper()).translate(_READ_AS)
    return f"{plain[:1]}-{plain[1:5]}-{plain[5:]}"


def listing(
    connection: Connection, vault: Vault, wanted: DocumentFilter, limit: int | None, at: datetime
) -> list[DocumentRow]:
    """The newest `limit` documents that fit (None: all), the newest first, as they stand at `at` (aware UTC).

    Where one school is asked for, the state is the document's there.
    """
    statement = (
        select(
            *Document.__table__.columns,
            Category.name.label("category"),
            Account.username,
            Batch.note,
            StoredObject.length,
            StoredObject.wrap,
        )
        .join(Category, Category.id == Document.category_id)
        .join(Batch, Batch.id == Document.batch_id)
        .join(Account, Account.id == Batch.account_id)
        .join(StoredObject, StoredObject.id == Document.object_id)
        .order_by(Document.id.desc())
        .limit(limit)
    )
    if wanted.reference is not None:
        statement = statement.where(Document.reference == wanted.reference)
    if wanted.category_id is not None:
        statement = statement.where(Document.category_id == wanted.category_id)
    if wanted.school_id is not None:
        delivered = select(Delivery.document_id).where(Delivery.school_id == wanted.school_id)
        statement = statement.where(Document.id.in_(delivered))
    if wanted.month is not None:
        statement = statement.where(Document.id.in_(select(Delivery.document_id).where(Delivery.month == wanted.month)))
    rows = connection.execute(statement).all()
    return [
        one
        for start in range(0, len(rows), _TOGETHER)
        for one in _made(connection, vault, rows[start:][:_TOGETHER], wanted.school_id, at)
    ]


def _made(
    connection: Connection, vault: Vault, rows: Sequence[_Row], school_id: int | None, at: datetime
) -> list[DocumentRow]:
    deliveries, audiences = _deliveries(connection, rows), _audiences(connection, rows)
    held = holds(connection, deliveries)
    return [
        DocumentRow(
            reference=row.reference,
            state=_state(row, [one for one in deliveries[row.id] if school_id in (None, one.school_id)], at),
            category=row.category,
            published_at=row.published_at,
            published_by=row.username,
            note=row.note,
            size=row.length,
            last_day=row.last_day,
            visible_until=row.visible_until,
            destroy_day=row.destroy_day,
            names={one.dfe: _name(vault, one) for one in deliveries[row.id]},
            withdrawn={one.dfe: one.withdrawn_at for one in deliveries[row.id] if one.withdrawn_at is not None},
            holds=tuple(held.get(row.id, ())),
            audience=tuple(audiences.get(row.id, ())),
            not_headteacher_reason=row.not_headteacher_reason,
        )
        for row in rows
    ]


def _state(row: _Row, deliveries: Sequence[_Row], at: datetime) -> DocumentState:
    if row.wrap is None:
        return DocumentState.DESTROYED
    if all(one.withdrawn_at is not None for one in deliveries):
        return DocumentState.WITHDRAWN
    return DocumentState.VISIBLE if at < row.visible_until else DocumentState.EXPIRED


def _deliveries(connection: Connection, rows: Sequence[_Row]) -> dict[int, list[_Row]]:
    """The deliveries of each document, by DfE number."""
    found: dict[int, list[_Row]] = {row.id: [] for row in rows}
    deliveries = connection.execute(
        select(*Delivery.__table__.columns, School.dfe)
        .join(School, School.id == Delivery.school_id)
        .where(Delivery.document_id.in_(found))
        .order_by(School.dfe)
    )
    for row in deliveries:
        found[row.document_id].append(row)
    return found


def _name(vault: Vault, row: _Row) -> str | None:
    if row.name_sealed is None:
        return None
    try:
        return vault.open_name(
            row.kek_id,
            row.name_sealed,
            delivery_id=row.id,
            school_id=row.school_id,
            category_id=row.category_id,
            object_id=row.object_id,
        )
    except Damaged:
        return None


def _audiences(connection: Connection, rows: Sequence[_Row]) -> dict[int, list[str]]:
    """For each document the roles and short names that it is restricted to."""
    found: dict[int, list[str]] = {}
    named = connection.execute(
        select(Audience.document_id, Audience.role, Account.username)
        .outerjoin(Account, Account.id == Audience.account_id)
        .where(Audience.document_id.in_([row.id for row in rows]))
        .order_by(Audience.id)
    )
    for row in named:
        found.setdefault(row.document_id, []).append(row.role or row.username)
    return found


def ending_sooner(connection: Connection, window: Window, at: datetime) -> int:
    """How many documents that are shown at `at` `window` would end sooner, had they been published under it [R2]."""
    days = connection.execute(
        select(Document.destroy_day, Document.last_day, func.count().label("documents"))
        .where(Document.visible_until > at)
        .group_by(Document.destroy_day, Document.last_day)
    )
    return sum(
        row.documents for row in days if last_day(london_midnight(row.destroy_day - RETENTION), window) < row.last_day
    )
