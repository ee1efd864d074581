"""What an act of destruction says of itself: the lines of its certificate (docs/vault-format.md).

Called by `gateway.destruction`, which signs them with `gateway.certificate`. Takes the caller's connection; the same
rows make the same lines. Raises sqlalchemy.exc.SQLAlchemyError alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, Row, select

from config.clock import london_date
from gateway.models import Document, StoredObject
from gateway.vault.format import ID_BYTES
from gateway.vault.holders import Known, Standing
from gateway.vault.models import Cause, Destroyed, Kek, Purpose
from gateway.vault.vault import AHEAD

_CANARY = 2 * ID_BYTES + 60
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class Act:
    """One act of destruction that has begun. Its text is its name: `2027-02-22`, or `2027-02-22-lifted-7`."""

    id: int
    day: date
    cause: Cause

    def __str__(self) -> str:
        return str(self.day) if self.cause is Cause.DAY else f"{self.day}-{self.cause}-{self.id}"


def keys_of(connection: Connection, act: Act) -> Sequence[Row[bytes, str]]:
    """The keys that `act` destroys, each with its purpose."""
    return connection.execute(select(Kek.id, Kek.purpose).where(Kek.destruction_id == act.id).order_by(Kek.id)).all()


def objects_of(connection: Connection, act: Act) -> Sequence[Row[bytes, bytes, str]]:
    """The objects that `act` destroys, with the references of their documents."""
    return connection.execute(
        select(StoredObject.id, StoredObject.ciphertext_sha256, Document.reference)
        .join(Document, Document.object_id == StoredObject.id)
        .where(StoredObject.destruction_id == act.id)
        .order_by(StoredObject.id, Document.reference)
    ).all()


def _kept(connection: Connection, act: Act) -> Sequence[Row[bytes, str]]:
    """The objects of a day that a hold has kept, with the references of their documents."""
    return connection.execute(
        select(StoredObject.id, Document.reference)
        .join(Kek, Kek.id == StoredObject.kek_id)
        .join(Document, Document.object_id == StoredObject.id)
        .where(Kek.purpose == Purpose.HOLD, Kek.day == act.day)
        .order_by(StoredObject.id, Document.reference)
    ).all()


def canaries_of(canaries: bytes) -> Iterator[bytes]:
    """The canaries of an act, one by one, as `Vault.opens` takes them."""
    return (canaries[start : start + _CANARY] for start in range(0, len(canaries), _CANARY))


def holders_said(known: Known | None, generation: int, day: date) -> list[str]:
    """The lines of every folder that has held the keys of `day`, which were destroyed at `generation`."""
    gone = "overwritten and unlinked; the medium may retain"
    if known is None:
        return [f"holder file: {gone}"]
    lines = []
    for one in known.holders:
        said = f"done: {gone}"
        if one.given_up_at is not None:
            if one.generation >= generation or day > london_date(one.given_up_at) + AHEAD:
                continue  # what it may hold are no keys of this day
            said = f"given up {_time(one.given_up_at)}: it may hold the keys"
        elif known.standing(one, generation) is Standing.BEHIND:
            said = f"pending since {_time(one.reached_at)}: it may hold the keys"
        lines.append(f"holder file {json.dumps(str(one.folder))} {said}")
    return lines


def said_of(connection: Connection, act: Act, origin: str, holders: Sequence[str]) -> tuple[list[str], int]:
    """The lines of the certificate of `act`, and how many documents it names."""
    row = connection.execute(select(*Destroyed.__table__.columns).where(Destroyed.id == act.id)).one()
    things = objects_of(connection, act)
    kept = _kept(connection, act) if act.cause is Cause.DAY else ()
    canaries = [
        f"canary {one[:ID_BYTES].hex()} {one[ID_BYTES : 2 * ID_BYTES].hex()} {one[2 * ID_BYTES :].hex()}"
        " opened before, refused after"
        for one in canaries_of(row.canaries)
    ]
    return [
        f"origin {origin}",
        f"day {act.day}",
        f"cause {act.cause}",
        f"begun {_time(row.begun_at)}",
        f"keys-gone {_time(row.gone_at)}",
        f"swept {_time(row.swept_at)}",
        f"generation {row.generation}",
        *holders,
        *(f"key {key.id.hex()} {key.purpose}" for key in keys_of(connection, act)),
        *canaries,
        f"documents {len(things)}",
        *(f"document {one.reference} {one.id.hex()} {one.ciphertext_sha256.hex()}" for one in things),
        *(f"held {one.reference} {one.id.hex()}" for one in kept),
    ], len(things)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_TIME)
