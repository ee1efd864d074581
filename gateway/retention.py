"""What is due to be destroyed, and when: documents that are kept, by destroy day, category and school [R9].

Called by `ladocs report retention`. A document counts once, however many schools it went to, unless they are told one
by one. Takes the caller's connection; raises sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sqlalchemy import Connection, case, func, select

from gateway.models import Delivery, Document, Hold, StoredObject
from policy.models import Category, School

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Kept:
    """How much: documents, how many of them stay until their hold is lifted, and bytes."""

    documents: int
    held: int
    size: int

    def __add__(self, other: Kept) -> Kept:
        return Kept(self.documents + other.documents, self.held + other.held, self.size + other.size)


@dataclass(frozen=True, slots=True)
class Due:
    """What is due on one day, of one category; `school` (DfE number) is None where all are told together."""

    day: date
    category: str
    school: str | None
    kept: Kept


def due(connection: Connection, *, per_school: bool, school_id: int | None = None) -> list[Due]:
    """All that is kept, by day, category and, with `per_school`, school; with `school_id` of that one alone."""
    held = Document.id.in_(select(Hold.document_id).where(Hold.lifted_at.is_(None)))
    keys = (Document.destroy_day, Category.name, *((School.dfe,) if per_school else ()))
    statement = (
        select(
            *(Document.destroy_day, Category.name),
            func.count(),
            func.sum(case((held, 1), else_=0)),
            func.sum(StoredObject.length),
            *((School.dfe,) if per_school else ()),
        )
        .join(Category, Category.id == Document.category_id)
        .join(StoredObject, StoredObject.id == Document.object_id)
        .where(StoredObject.wrap.is_not(None))
        .group_by(*keys)
        .order_by(*keys)
    )
    if per_school:
        statement = statement.join(Delivery, Delivery.document_id == Document.id)
        statement = statement.join(School, School.id == Delivery.school_id)
        if school_id is not None:
            statement = statement.where(School.id == school_id)
    elif school_id is not None:
        delivered = select(Delivery.document_id).where(Delivery.school_id == school_id)
        statement = statement.where(Document.id.in_(delivered))
    return [
        Due(day, category, (*dfe, None)[0], Kept(documents, int(kept), int(size)))
        for day, category, documents, kept, size, *dfe in connection.execute(statement)
    ]


def sums(dues: Iterable[Due], key: Callable[[Due], K]) -> dict[K, Kept]:
    """How much there is of each `key`, in the order in which they first come."""
    found: dict[K, Kept] = {}
    for one in dues:
        of = key(one)
        found[of] = found[of] + one.kept if of in found else one.kept
    return found
