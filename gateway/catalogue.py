"""The catalogue: which documents are delivered where, read by folder and by name.

Called by the file system (with a scope) and by `deliveries`. `listing` and `newest` render a `SchoolScope` to SQL, the
same data by which `policy.access.decide` judges one document; `find` looks one name up unfiltered, because the record
must know the truth. Each is one query over one index range, whatever the catalogue holds. Thread-safe; takes the
caller's connection; raises sqlalchemy.exc.SQLAlchemyError, and OSError or FSError where the key box cannot be read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
    true,
    union_all,
)

from gateway.errors import Damaged
from gateway.models import Audience, Delivery, StoredObject
from gateway.models import Document as DocumentTable
from gateway.vault.keybox import KeyGone
from gateway.vault.vault import Names, ObjectRef, Vault
from policy.access import AudienceOf, Resource, SchoolScope, Scope
from policy.months import RETENTION, Month

_BY_TOKEN = (  # built once: every STAT and OPEN asks it, and building it costs more than asking
    select(
        *Delivery.__table__.columns,
        DocumentTable.reference,
        StoredObject.wrap,
        StoredObject.segment_size,
        StoredObject.kek_id.label("object_kek_id"),
    )
    .join(DocumentTable, DocumentTable.id == Delivery.document_id)
    .join(StoredObject, StoredObject.id == Delivery.object_id)
    .where(
        Delivery.school_id == bindparam("school"),
        Delivery.month == bindparam("month"),
        Delivery.category_id == bindparam("category"),
        Delivery.token.in_(bindparam("tokens", expanding=True)),
    )
)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where documents lie: a school's category in a month."""

    school_id: int
    month: Month
    category_id: int

    @property
    def key(self) -> str:
        """Its name in the record: `7/2026-11/3`."""
        return f"{self.school_id}/{self.month.key}/{self.category_id}"

    @property
    def token_id(self) -> bytes:
        """Its identity in name tokens (docs/vault-format.md)."""
        month = self.month.year * 100 + self.month.number
        return b"".join(n.to_bytes(8, "big") for n in (self.school_id, month, self.category_id))


@dataclass(frozen=True, slots=True)
class Listed:
    """One document of a listing. `name` is None where the sealed name does not open: the listing stays whole."""

    name: str | None
    delivery_id: bytes
    size: int
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """One document by name, with what policy, vault and record need of it. `name` is None as in `Listed`."""

    name: str | None
    delivery_id: bytes
    reference: str
    size: int
    published_at: datetime
    resource: Resource
    object: ObjectRef


class Catalogue:
    """Documents by folder. Holds no state but the vault that opens names."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def listing(
        self, connection: Connection, folder: Folder, scope: Scope, school: SchoolScope, at: datetime
    ) -> list[Listed]:
        """The documents of `folder` that `scope` may read at `at`, by name."""
        rows = connection.execute(
            select(
                Delivery.id,
                Delivery.kek_id,
                Delivery.object_id,
                Delivery.name_sealed,
                Delivery.size,
                Delivery.published_at,
            ).where(in_folder(folder), readable(scope, school, at))
        )
        names = self._vault.names(folder.school_id, folder.category_id)
        listed = [
            Listed(_name(names, kek_id, sealed, delivery_id, object_id), delivery_id, size, published_at)
            for delivery_id, kek_id, object_id, sealed, size, published_at in rows.all()
            if sealed is not None
        ]
        return sorted(listed, key=lambda document: (document.name or "").casefold())

    def newest(
        self, connection: Connection, scope: Scope, schools: Iterable[SchoolScope], at: datetime
    ) -> Mapping[Folder, datetime]:
        """Every folder of `schools` in which `scope` may read something at `at`, with its newest publication."""
        folder = (Delivery.school_id, Delivery.month, Delivery.category_id)
        each = [
            select(*folder, func.max(Delivery.published_at).label("newest"))
            .where(readable(scope, school, at))
            .group_by(*folder)
            for school in schools
        ]
        rows = connection.execute(union_all(*each)) if each else ()
        return {Folder(row.school_id, Month.from_key(row.month), row.category_id): row.newest for row in rows}

    def usage(self, connection: Connection, scope: Scope, school: SchoolScope, at: datetime) -> int:
        """The bytes of all that `scope` may read in the school at `at`."""
        total = select(func.coalesce(func.sum(Delivery.size), 0)).where(readable(scope, school, at))
        return int(connection.execute(total).scalar_one())

    def find(self, connection: Connection, folder: Folder, name: str) -> Found | None:
        """The document called `name` in `folder`, whoever may read it and whether or not its day has passed.

        Without regard to case: names of one folder differ by more than case [R7].
        """
        place = {"school": folder.school_id, "month": folder.month.key, "category": folder.category_id}
        row = connection.execute(_BY_TOKEN, {**place, "tokens": self.tokens(connection, folder, name)}).first()
        if row is None or row.name_sealed is None or row.wrap is None:
            return None
        names = self._vault.names(folder.school_id, folder.category_id)
        return Found(
            name=_name(names, row.kek_id, row.name_sealed, row.id, row.object_id),
            delivery_id=row.id,
            reference=row.reference,
            size=row.size,
            published_at=row.published_at,
            resource=_resource(connection, row),
            object=ObjectRef(
                object_id=row.object_id,
                kek_id=row.object_kek_id,
                wrap=row.wrap,
                length=row.size,
                category_id=folder.category_id,
                segment_size=row.segment_size,
            ),
        )

    def is_withdrawn(self, connection: Connection, delivery_id: bytes) -> bool:
        """Whether a document that was found was withdrawn since, or is there no more."""
        left = select(Delivery.id).where(Delivery.id == delivery_id, Delivery.withdrawn_at.is_(None))
        return connection.execute(left).first() is None

    def tokens(self, connection: Connection, folder: Folder, name: str) -> list[bytes]:
        """The tokens that `name` can have in `folder`: one for each key under which its month's names are sealed."""
        first, last = folder.month.first_day + RETENTION, folder.month.last_day + RETENTION
        for _ in range(2):
            found = [self._token(key, folder, name) for key in self._vault.publish_keys(connection, first, last)]
            if None not in found:
                break  # else a key was destroyed since: what outlived it has its names under another, asked for now
        return [token for token in dict.fromkeys(found) if token is not None]

    def _token(self, key: bytes, folder: Folder, name: str) -> bytes | None:
        with suppress(KeyGone):
            return self._vault.token(key, folder.token_id, name)
        return None


def delivered(connection: Connection, where: ColumnElement[bool]) -> list[tuple[Folder, Resource]]:
    """The deliveries that `where` picks, in the order in which they were published, as `decide` judges them.

    Whoever may read them, and without their names.
    """
    columns = Delivery.__table__.columns
    rows = connection.execute(select(*columns).where(where).order_by(Delivery.published_at, Delivery.id))
    return [(_folder(row), _resource(connection, row)) for row in rows.all()]


def in_folder(folder: Folder) -> ColumnElement[bool]:
    """The deliveries of one folder: a range of `ix_delivery_folder`."""
    return and_(
        Delivery.school_id == folder.school_id,
        Delivery.month == folder.month.key,
        Delivery.category_id == folder.category_id,
    )


def readable(scope: Scope, school: SchoolScope, at: datetime) -> ColumnElement[bool]:
    """`policy.access.decide`, said in SQL for all deliveries of one school. Obstacles are the caller's to raise."""
    categories = school.categories_at(at)
    if not categories or scope.obstacle_at(at) or school.obstacle_at(at):
        return false()
    # One row for one document, not EXISTS: for that, PostgreSQL would read all audiences there are into a hash.
    named = (
        select(Audience.id)
        .where(
            Audience.document_id == Delivery.document_id,
            or_(Audience.role.in_(school.roles_at(at)), Audience.account_id == scope.principal.account_id),
        )
        .limit(1)
        .scalar_subquery()
    )
    is_headteacher = school.is_headteacher_at(at)
    addressed = true() if is_headteacher else or_(Delivery.restricted.is_(False), named.is_not(None))
    return and_(
        Delivery.school_id == school.school_id,
        Delivery.category_id.in_(categories),
        Delivery.visible_until > at,
        Delivery.published_at <= at,
        Delivery.withdrawn_at.is_(None),
        Delivery.not_headteacher.is_(False) if is_headteacher else true(),
        addressed,
    )


def same_name(one: str, other: str) -> bool:
    """Whether two names are one on the systems that our clients run: NFC, without regard to case."""
    return unicodedata.normalize("NFC", one).casefold() == unicodedata.normalize("NFC", other).casefold()


def _name(names: Names, kek_id: bytes, sealed: bytes, delivery_id: bytes, object_id: bytes) -> str | None:
    try:
        return names.open(kek_id, sealed, delivery_id=delivery_id, object_id=object_id)
    except Damaged:
        return None


def _folder(row: Row[*tuple[Any, ...]]) -> Folder:
    return Folder(row.school_id, Month.from_key(row.month), row.category_id)


def _resource(connection: Connection, row: Row[*tuple[Any, ...]]) -> Resource:
    return Resource(
        school_id=row.school_id,
        category_id=row.category_id,
        audience=_audience(connection, row.document_id) if row.restricted else None,
        not_headteacher=row.not_headteacher,
        published_at=row.published_at,
        visible_until=row.visible_until,
        withdrawn=row.withdrawn_at is not None,
    )


def _audience(connection: Connection, document_id: int) -> AudienceOf:
    rows = connection.execute(
        select(Audience.role, Audience.account_id).where(Audience.document_id == document_id)
    ).all()
    return AudienceOf(
        roles=frozenset(row.role for row in rows if row.role is not None),
        accounts=frozenset(row.account_id for row in rows if row.account_id is not None),
    )
