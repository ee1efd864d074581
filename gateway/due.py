"""What falls due for destruction [R9]: days that have ended, lifted holds, documents that were withdrawn everywhere.

Asked by `gateway.destruction`, `ladocs expire` and `doctor`, and by the jobs. Changes nothing; thread-safe. Raises
sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select

from config.clock import london_date, london_midnight
from config.database import Database
from gateway.models import Delivery, Document, Hold, StoredObject
from gateway.vault.models import Cause, Destroyed, Kek, KekState, Purpose, Stage

_AROUND = timedelta(days=91)
_FEW = 20
"""So many documents never wait for a person: where little is published, one letter more is no sign of anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """Documents of one destroy day that are to be destroyed for one cause.

    `held` of the day are kept. Once begun, `id` is the act's number and `state` how far it has come.
    """

    day: date
    cause: Cause
    documents: int
    schools: int
    held: int = 0
    id: int | None = None
    state: Stage | None = None


@dataclass(frozen=True, slots=True)
class Waits:
    """More falls due than `usual` explains: a person looks first."""

    documents: int
    usual: int

    def __str__(self) -> str:
        return (
            f"{self.documents:,} documents fall due at once, and at most {self.usual:,} did on other days: see"
            " 'ladocs expire --dry-run', then 'ladocs expire --confirm'"
        )


def held() -> ColumnElement[bool]:
    """An object of which a document is held."""
    return (
        exists()
        .where(Document.object_id == StoredObject.id, Hold.document_id == Document.id, Hold.lifted_at.is_(None))
        .correlate(StoredObject)
    )


def withdrawn(before: datetime) -> ColumnElement[bool]:
    """An object that was withdrawn from every school, the last time before `before` (aware UTC)."""
    of_it = exists().where(Document.object_id == StoredObject.id, Delivery.document_id == Document.id)
    kept = of_it.where(or_(Delivery.withdrawn_at.is_(None), Delivery.withdrawn_at >= before))
    return and_(of_it.correlate(StoredObject), ~kept.correlate(StoredObject))


def doomed(cause: Cause, at: datetime, *, early: bool = False) -> ColumnElement[bool]:
    """The objects, joined with their keys, that are to be destroyed for `cause` at `at`, and not begun with.

    What was withdrawn waits for the next midnight, in which time a hold may be placed; not where it is `early`.
    """
    today = london_date(at)
    fresh = and_(StoredObject.destruction_id.is_(None), ~held())
    if cause is Cause.DAY:
        return and_(fresh, ending(), Kek.day < today)
    if cause is Cause.LIFTED:
        return and_(fresh, Kek.purpose == Purpose.HOLD)
    before = at + timedelta(microseconds=1) if early else london_midnight(today)
    return and_(fresh, Kek.purpose == Purpose.PUBLISH, Kek.day >= today, withdrawn(before))


def ending() -> ColumnElement[bool]:
    """The keys that end with their day, and are not being destroyed before it."""
    return and_(Kek.purpose != Purpose.HOLD, Kek.destruction_id.is_(None), Kek.state != KekState.DESTROYED)


def due(database: Database, at: datetime, *, early: bool = False) -> list[Due]:
    """What is to be destroyed at `at`, and what was begun and is not certified; the earliest day first."""
    with database.read() as connection:
        found = [*_begun(connection), *chain(*(_fresh(connection, cause, at, early=early) for cause in Cause))]
    return sorted(found, key=lambda one: (one.day, one.id is None, one.id or 0))


def unusual(database: Database, dues: Sequence[Due]) -> Waits | None:
    """Whether more falls due at once than 1.5 times what the busiest other day had, of three months either way."""
    fresh = [one for one in dues if one.state is None and one.cause is Cause.DAY]
    count = sum(one.documents for one in fresh)
    if count <= _FEW:
        return None
    first = fresh[0].day
    with database.read() as connection:
        by_day = (
            select(func.count().label("documents"))
            .select_from(Document)
            .where(Document.destroy_day.between(first - _AROUND, first + _AROUND))
            .where(Document.destroy_day.not_in([one.day for one in fresh]))
            .group_by(Document.destroy_day)
            .subquery()
        )
        usual = connection.execute(select(func.max(by_day.c.documents))).scalar()
    if usual is None and len(fresh) == 1:
        return None  # all that was ever published, on one day
    return Waits(count, usual or 0) if count > 1.5 * (usual or 0) else None


def alive(connection: Connection, keys: Sequence[bytes], day: date, at: datetime) -> str | None:
    """The reference of a document under `keys` that is not to be destroyed at `at`; held ones are told apart."""
    live = and_(Delivery.withdrawn_at.is_(None), Delivery.visible_until > at)
    return connection.execute(
        select(Document.reference)
        .join(Delivery, Delivery.document_id == Document.id)
        .join(StoredObject, StoredObject.id == Document.object_id)
        .where(or_(Delivery.kek_id.in_(keys), StoredObject.kek_id.in_(keys)))
        .where(or_(live, Document.destroy_day > day))
        .order_by(Document.id)
        .limit(1)
    ).scalar()


def _begun(connection: Connection) -> list[Due]:
    rows = connection.execute(
        _counted()
        .add_columns(Destroyed.id, Destroyed.day, Destroyed.cause, Destroyed.state)
        .select_from(Destroyed)
        .outerjoin(StoredObject, StoredObject.destruction_id == Destroyed.id)
        .outerjoin(Document, Document.object_id == StoredObject.id)
        .outerjoin(Delivery, Delivery.document_id == Document.id)
        .where(Destroyed.state.not_in((Stage.PENDING, Stage.CERTIFIED)))
        .group_by(Destroyed.id, Destroyed.day, Destroyed.cause, Destroyed.state)
    )
    return [
        Due(
            day=row.day,
            cause=Cause(row.cause),
            documents=row.documents,
            schools=row.schools,
            id=row.id,
            state=Stage(row.state),
        )
        for row in rows
    ]


def _fresh(connection: Connection, cause: Cause, at: datetime, *, early: bool) -> list[Due]:
    counted = _by_day(connection, doomed(cause, at, early=early))
    kept = _by_day(connection, and_(ending(), Kek.day < london_date(at), held())) if cause is Cause.DAY else {}
    return [
        Due(
            day=day,
            cause=cause,
            documents=counted[day].documents if day in counted else 0,
            schools=counted[day].schools if day in counted else 0,
            held=kept[day].documents if day in kept else 0,
        )
        for day in {**counted, **kept}
    ]


def _by_day(connection: Connection, where: ColumnElement[bool]) -> dict[date, Any]:
    rows = connection.execute(
        _counted()
        .add_columns(Kek.day)
        .select_from(StoredObject)
        .join(Kek, Kek.id == StoredObject.kek_id)
        .join(Document, Document.object_id == StoredObject.id)
        .join(Delivery, Delivery.document_id == Document.id)
        .where(where)
        .group_by(Kek.day)
    )
    return {row.day: row for row in rows}


def _counted() -> Any:
    return select(
        func.count(Document.id.distinct()).label("documents"),
        func.count(Delivery.school_id.distinct()).label("schools"),
    )
