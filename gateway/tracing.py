"""The documents that somebody asks about, by reference or by the file itself, where they stood, and who read them.

Called by `ladocs audit find` and where one is withdrawn. A file is recognised by the salted commitment that every
object keeps, also after its bytes are destroyed (docs/vault-format.md). Takes the caller's connection; raises
sqlalchemy.exc.SQLAlchemyError, and OSError for a file that cannot be read.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, func, select

from gateway.models import Delivery, Document, StoredObject
from gateway.vault.blob import commit_to
from policy.audit import readers
from policy.audit.readers import Found
from policy.models import Category

_BEFORE = timedelta(minutes=1)  # the record speaks before the rows
_SALT_BYTES = 16
_TOGETHER = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Traced:
    """One document. `folders`: the record's names of those in which it stood, and until when in each."""

    reference: str
    category: str
    size: int
    published_at: datetime
    folders: Mapping[str, datetime]


def by_reference(connection: Connection, references: Collection[str]) -> list[Traced]:
    """Those of `references` that exist, the oldest first."""
    wanted = list(references)
    found = [
        one
        for start in range(0, len(wanted), _TOGETHER)
        for one in _documents(connection, Document.reference.in_(wanted[start:][:_TOGETHER]))
    ]
    return sorted(found, key=lambda one: one.published_at)


def by_file(connection: Connection, file: Path) -> list[Traced]:
    """The documents that were published with exactly the bytes of `file`, the oldest first."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").digest()
        size = stream.tell()
    candidates = connection.execute(select(StoredObject.id, StoredObject.commitment).where(StoredObject.length == size))
    ids = [
        row.id
        for row in candidates
        if hmac.compare_digest(row.commitment, commit_to(row.commitment[:_SALT_BYTES], digest))
    ]
    return [
        one
        for start in range(0, len(ids), _TOGETHER)
        for one in _documents(connection, Document.object_id.in_(ids[start:][:_TOGETHER]))
    ]


def read_by(record: Connection, documents: Sequence[Traced]) -> Found:
    """Who read one of `documents` (one at least), and who listed a folder while it stood there, says the record."""
    since = min(one.published_at for one in documents) - _BEFORE
    return readers.of_documents(record, [one.reference for one in documents], _spans(documents), since)


def _spans(documents: Sequence[Traced]) -> dict[str, tuple[datetime, datetime]]:
    """For each folder, from when until when one of `documents` stood in it."""
    spans: dict[str, tuple[datetime, datetime]] = {}
    for document in documents:
        for folder, until in document.folders.items():
            since, last = spans.get(folder, (document.published_at, until))
            spans[folder] = (min(since, document.published_at), max(last, until))
    return spans


def _documents(connection: Connection, wanted: ColumnElement[bool]) -> Sequence[Traced]:
    rows = connection.execute(
        select(
            Document.id,
            Document.reference,
            Category.name,
            StoredObject.length,
            Document.published_at,
        )
        .join(Category, Category.id == Document.category_id)
        .join(StoredObject, StoredObject.id == Document.object_id)
        .where(wanted)
        .order_by(Document.id)
    ).all()
    places: dict[int, dict[str, datetime]] = {row.id: {} for row in rows}
    deliveries = connection.execute(
        select(
            Delivery.document_id,
            Delivery.school_id,
            Delivery.month,
            Delivery.category_id,
            func.coalesce(Delivery.withdrawn_at, Delivery.visible_until).label("until"),
        )
        .where(Delivery.document_id.in_(places))
        .order_by(Delivery.school_id)
    )
    for one in deliveries:
        places[one.document_id][f"{one.school_id}/{one.month}/{one.category_id}"] = one.until
    return [
        Traced(
            reference=row.reference,
            category=row.name,
            size=row.length,
            published_at=row.published_at,
            folders=places[row.id],
        )
        for row in rows
    ]
