"""Documents that outlive a key: their keys and names are moved to another one before it is destroyed [R9].

Called by `gateway.destruction` alone, one process at a time, for an act whose keys take no more wraps. In batches, each
committed whole; done again after a crash it goes on where it was. Raises Immovable, OSError, OperatorError and
sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from config.database import Database
from gateway.errors import Damaged
from gateway.models import Delivery, Document, StoredObject
from gateway.vault.models import Kek, KekState, Purpose
from gateway.vault.vault import ObjectRef, Vault, active_key
from policy import generations

_BATCH = 4000
"""So many rows in one transaction: a fraction of a second in which SQLite has no other writer."""
_HELD = 100
"""So many held objects at once: each may lie in every school."""

_MOVE_OBJECT = (
    update(StoredObject)
    .where(StoredObject.id == bindparam("of"))
    .values(kek_id=bindparam("to_key"), wrap=bindparam("to_wrap"))
)
_MOVE_DELIVERY = (
    update(Delivery)
    .where(Delivery.id == bindparam("of"))
    .values(kek_id=bindparam("to_key"), name_sealed=bindparam("to_name"))
)


class Immovable(Exception):
    """A row that does not open under its key, and so not be moved; its text says which."""


def keep_held(database: Database, vault: Vault, keys: Sequence[bytes]) -> None:
    """Move what is not to be destroyed with these keys, each object under a key of its own that waits for a lift.

    Nobody finds it by its name any more: its tokens go.
    """
    while True:
        with database.read() as connection:
            count = len(_objects(connection, keys, _HELD))
        if count == 0:
            return
        made, generation = vault.make_keys(count)
        with database.write() as connection:
            generations.hold(connection, generations.ACCESS)
            objects = _objects(connection, keys, _HELD)
            days = {key.id: key.day for key in connection.execute(select(Kek.id, Kek.day).where(Kek.id.in_(keys)))}
            to = {one.id: key for one, key in zip(objects, made, strict=True)}
            rows = [
                {"id": to[one.id], "day": days[one.kek_id], "purpose": Purpose.HOLD, "state": KekState.ACTIVE}
                for one in objects
            ]
            connection.execute(insert(Kek), [{**row, "generation": generation} for row in rows])
            _move_objects(connection, vault, objects, to)
            theirs = Delivery.document_id.in_(select(Document.id).where(Document.object_id.in_(to)))
            _move_deliveries(connection, vault, _deliveries(connection, theirs, limit=None), to)
            connection.execute(update(Delivery).where(theirs).values(token=None))


def keep_day(database: Database, vault: Vault, keys: Sequence[bytes], day: date) -> None:
    """Move what is not to be destroyed with these keys under the key that the rest of its day has now.

    The names of what is to be destroyed go, and their tokens stay, so that no other document is called the same.
    """
    moving = True
    while moving:
        with database.write() as connection:
            generations.hold(connection, generations.ACCESS)  # or a withdrawal could wait for us, and we for it
            to = active_key(connection, Purpose.PUBLISH, day)
            objects = _objects(connection, keys, _BATCH)
            _move_objects(connection, vault, objects, {one.id: to for one in objects})
            deliveries = [] if objects else _deliveries(connection, Delivery.kek_id.in_(keys), limit=_BATCH)
            _move_deliveries(connection, vault, deliveries, {one.object_id: to for one in deliveries})
            moving = bool(objects or deliveries)


def _objects(connection: Connection, keys: Sequence[bytes], limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """The next objects under `keys` that are not to be destroyed."""
    return connection.execute(
        select(
            StoredObject.id,
            StoredObject.kek_id,
            StoredObject.wrap,
            StoredObject.length,
            StoredObject.category_id,
            StoredObject.segment_size,
        )
        .where(StoredObject.kek_id.in_(keys), StoredObject.destruction_id.is_(None))
        .limit(limit)
    ).all()


def _deliveries(connection: Connection, where: Any, *, limit: int | None) -> Sequence[Row[*tuple[Any, ...]]]:
    return connection.execute(
        select(
            Delivery.id,
            Delivery.object_id,
            Delivery.kek_id,
            Delivery.name_sealed,
            Delivery.school_id,
            Delivery.category_id,
            StoredObject.destruction_id,
        )
        .join(StoredObject, StoredObject.id == Delivery.object_id)
        .where(where)
        .limit(limit)
    ).all()


def _move_objects(
    connection: Connection, vault: Vault, objects: Sequence[Row[*tuple[Any, ...]]], to: Mapping[bytes, bytes]
) -> None:
    moved = [{"of": one.id, "to_key": to[one.id], "to_wrap": _wrap(vault, one, to[one.id])} for one in objects]
    if moved:
        connection.execute(_MOVE_OBJECT, moved)


def _move_deliveries(
    connection: Connection, vault: Vault, deliveries: Sequence[Row[*tuple[Any, ...]]], to: Mapping[bytes, bytes]
) -> None:
    moved = [
        {"of": one.id, "to_key": to[one.object_id], "to_name": _name(vault, one, to[one.object_id])}
        for one in deliveries
    ]
    if moved:
        connection.execute(_MOVE_DELIVERY, moved)


def _wrap(vault: Vault, one: Row[*tuple[Any, ...]], to: bytes) -> bytes:
    ref = ObjectRef(
        object_id=one.id,
        kek_id=one.kek_id,
        wrap=one.wrap,
        length=one.length,
        category_id=one.category_id,
        segment_size=one.segment_size,
    )
    try:
        return vault.moved(ref, to)
    except Damaged as exc:
        raise Immovable(f"object {one.id.hex()}") from exc


def _name(vault: Vault, one: Row[*tuple[Any, ...]], to: bytes) -> bytes | None:
    if one.name_sealed is None or one.destruction_id is not None:
        return None
    try:
        return vault.moved_name(
            one.kek_id,
            to,
            one.name_sealed,
            delivery_id=one.id,
            school_id=one.school_id,
            category_id=one.category_id,
            object_id=one.object_id,
        )
    except Damaged as exc:
        raise Immovable(f"name of delivery {one.id.hex()}") from exc
