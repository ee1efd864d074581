"""The daily destruction [R9]: INTENT, KEYGONE, SWEPT, CERTIFIED for each day whose documents are due.

Called by the jobs after each midnight and by `ladocs expire`. Each step is durable before the next and may be done
again, so a run that was broken off anywhere is taken up by the next one. One run at a time over all processes. Not
thread-safe. Raises OperatorError (a live document under a key that is due; a proof that fails), RecordUnavailable,
OSError and sqlalchemy.exc.SQLAlchemyError; what was not done then is done by the next run.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, exists, func, insert, select, update

from config.clock import Clock, london_date
from config.database import Database
from config.errors import OperatorError
from config.files import make_private_folder, write_durably
from config.secrets import Secrets
from gateway import certificate
from gateway.models import Batch, Delivery, Document, StoredObject
from gateway.vault.format import ID_BYTES
from gateway.vault.models import Destroyed, Kek, KekState, Stage
from gateway.vault.vault import Vault
from policy.audit.checkpoints import signing_key
from policy.audit.events import Event, EventKind, Result
from policy.audit.log import AuditLog

log = logging.getLogger(__name__)

_AROUND = timedelta(days=91)
_FEW = 20
"""So many documents never wait for a person: where little is published, one letter more is no sign of anything."""
_CANARY = 2 * ID_BYTES + 60
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"

Progress = Callable[[date, Stage], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """A day that is due: how many documents in how many schools, and how far it has come (None: not begun)."""

    day: date
    documents: int
    schools: int
    state: Stage | None


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


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Who vouches that what falls due is right."""

    actor: int
    user: str


@dataclass(frozen=True, slots=True)
class Destruction:
    """The destruction of one home. `certificates` and `lock` are its folder and its lock file."""

    database: Database
    vault: Vault
    log: AuditLog
    clock: Clock
    secrets: Secrets
    certificates: Path
    lock: Path
    origin: str

    def run(
        self, at: datetime, *, confirmed: Confirmed | None = None, progress: Progress | None = None
    ) -> Waits | None:
        """Destroy all that is due at `at` (aware UTC), or say why it waits. Nothing where another process is at it."""
        with self._turn() as ours:
            if not ours:
                return None
            days = due(self.database, at)
            waits = unusual(self.database, days)
            begun = [one for one in days if one.state is not None]
            fresh = [one for one in days if one.state is None]
            for one in begun:
                self._finish(one.day, progress)
            if waits is not None and not self._vouched(waits, confirmed):
                return waits
            for one in fresh:
                self._intend(one.day, at)
                self._finish(one.day, progress)
            self._retire(at)
        return None

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        make_private_folder(self.lock.parent)
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def _vouched(self, waits: Waits, confirmed: Confirmed | None) -> bool:
        kind, result = EventKind.DESTRUCTION_WAITS, Result.DENY
        event = Event(
            event=kind, at=self.clock.now(), result=result, reason=f"usual {waits.usual}", count=waits.documents
        )
        if confirmed is None:
            log.critical("nothing is destroyed: %s", waits)
            self.log.record(event)
            return False
        self.log.record(
            Event(
                event=EventKind.DESTRUCTION_CONFIRMED,
                at=event.at,
                result=Result.PERMIT,
                actor=confirmed.actor,
                client=confirmed.user,
                protocol="command",
                reason=event.reason,
                count=waits.documents,
            )
        )
        return True

    def _intend(self, day: date, at: datetime) -> None:
        """INTENT: recorded, then the day's keys are closed; from that commit on nothing is wrapped with them."""
        begun = self.clock.now()
        with self.database.read() as connection:
            _require_dead(connection, day, at)
            keys = [key.id for key in _keys(connection, day)]
            things = _things(connection, day)
        canaries = b"".join(filter(None, map(self.vault.canary, keys)))
        self._tell(EventKind.DESTRUCTION_INTENT, day, things, begun)
        with self.database.write() as connection:
            connection.execute(update(Kek).where(_of(day)).values(state=KekState.CLOSING))
            connection.execute(insert(Destroyed).values(day=day, state=Stage.INTENT, canaries=canaries, begun_at=begun))

    def _finish(self, day: date, progress: Progress | None) -> None:
        """Every step that is still to be done of a day whose destruction has begun."""
        steps = {Stage.INTENT: self._end_keys, Stage.KEYGONE: self._sweep, Stage.SWEPT: self._certify}
        while (state := self._state(day)) is not Stage.CERTIFIED:
            if progress is not None:
                progress(day, state)
            steps[state](day)

    def _state(self, day: date) -> Stage:
        with self.database.read() as connection:
            return Stage(connection.execute(select(Destroyed.state).where(Destroyed.day == day)).scalar_one())

    def _end_keys(self, day: date) -> None:
        """KEYGONE: the keys leave the box, its old root key is destroyed, and the canaries prove it."""
        with self.database.read() as connection:
            _require_dead(connection, day, self.clock.now())
            keys = {key.id for key in _keys(connection, day)}
            things = _things(connection, day)
            canaries = connection.execute(select(Destroyed.canaries).where(Destroyed.day == day)).scalar_one()
        generation = self.vault.destroy_keys(keys)
        if any(map(self.vault.opens, _each(canaries))):
            raise OperatorError(f"A key of {day} still opens what it sealed: see who else writes to keys.dir.")
        gone = self.clock.now()
        self._rotated(f"{day} generation {generation}", len(keys), gone)
        self._tell(EventKind.DOCUMENT_DESTROYED, day, things, gone)
        with self.database.write() as connection:
            connection.execute(update(Kek).where(_of(day)).values(state=KekState.DESTROYED))
            self._advance(connection, day, Stage.KEYGONE, generation=generation, gone_at=gone)

    def _sweep(self, day: date) -> None:
        """SWEPT: the ciphertexts, and in the rows all that the keys had sealed, and the notes of what was published."""
        with self.database.read() as connection:
            things = _things(connection, day)
        for thing in things:
            self.vault.delete(thing.id)
        with self.database.write() as connection:
            keys = select(Kek.id).where(_of(day)).scalar_subquery()
            connection.execute(update(StoredObject).where(StoredObject.kek_id.in_(keys)).values(wrap=None))
            connection.execute(update(Delivery).where(Delivery.kek_id.in_(keys)).values(name_sealed=None, token=None))
            connection.execute(update(Batch).where(_all_destroyed()).where(Batch.note != "").values(note=""))
        self.database.scrub(("object", "delivery", "batch"))
        with self.database.write() as connection:
            self._advance(connection, day, Stage.SWEPT, swept_at=self.clock.now())

    def _certify(self, day: date) -> None:
        """CERTIFIED: the same bytes however often it is done."""
        with self.database.read() as connection:
            said, documents = _said(connection, day, self.origin)
        data = certificate.signed(said, signing_key(self.secrets))
        make_private_folder(self.certificates)
        write_durably(self.certificates / f"{day}.txt", data)
        self.log.record(
            Event(
                event=EventKind.DESTRUCTION_CERTIFIED,
                at=self.clock.now(),
                result=Result.PERMIT,
                object=str(day),
                reason=sha256(data).hexdigest(),
                count=documents,
            )
        )
        with self.database.write() as connection:
            self._advance(connection, day, Stage.CERTIFIED)
        log.info("%d documents of %s are destroyed and certified", documents, day)

    def _retire(self, at: datetime) -> None:
        """Keys of past days that never sealed anything leave the box together, without a certificate."""
        past = Kek.day < london_date(at)
        with self.database.write() as connection:
            connection.execute(
                update(Kek).where(past, Kek.state == KekState.ACTIVE, ~_named()).values(state=KekState.CLOSING)
            )
        with self.database.read() as connection:  # only now: what was under way when they were closed is there
            waiting = select(Kek.id).where(past, Kek.state == KekState.CLOSING, ~_named())
            keys = set(connection.execute(waiting).scalars())
        if not keys:
            return
        generation = self.vault.destroy_keys(keys)
        self._rotated(f"unused generation {generation}", len(keys), self.clock.now())
        with self.database.write() as connection:
            ended = update(Kek).where(past, Kek.state == KekState.CLOSING, ~_named())
            connection.execute(ended.values(state=KekState.DESTROYED))

    def _advance(self, connection: Connection, day: date, stage: Stage, **values: object) -> None:
        connection.execute(update(Destroyed).where(Destroyed.day == day).values(state=stage, **values))

    def _rotated(self, reason: str, count: int, at: datetime) -> None:
        kind = EventKind.KEYS_ROTATED
        self.log.record(Event(event=kind, at=at, result=Result.PERMIT, object="keys", reason=reason, count=count))

    def _tell(self, kind: EventKind, day: date, things: Sequence[Row[bytes, bytes, str]], at: datetime) -> None:
        events = [
            Event(
                event=kind, at=at, result=Result.PERMIT, object=one.id.hex(), reference=one.reference, reason=str(day)
            )
            for one in things
        ]
        if events:
            self.log.record_all(events)


def due(database: Database, at: datetime) -> list[Day]:
    """The days whose documents are to be destroyed at `at`, and not yet certified; the earliest first."""
    with database.read() as connection:
        rows = connection.execute(
            select(
                Kek.day,
                func.count(Document.id.distinct()).label("documents"),
                func.count(Delivery.school_id.distinct()).label("schools"),
                func.max(Destroyed.state).label("state"),
            )
            .join(StoredObject, StoredObject.kek_id == Kek.id)
            .join(Document, Document.object_id == StoredObject.id)
            .join(Delivery, Delivery.document_id == Document.id)
            .outerjoin(Destroyed, Destroyed.day == Kek.day)
            .where(Kek.day < london_date(at))
            .where(Destroyed.state.is_(None) | (Destroyed.state != Stage.CERTIFIED))
            .group_by(Kek.day)
            .order_by(Kek.day)
        )
        return [
            Day(
                day=row.day, documents=row.documents, schools=row.schools, state=Stage(row.state) if row.state else None
            )
            for row in rows
        ]


def unusual(database: Database, days: Sequence[Day]) -> Waits | None:
    """Whether more falls due at once than 1.5 times what the busiest other day had, of three months either way."""
    fresh = [one for one in days if one.state is None]
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


def _of(day: date) -> Any:
    return Kek.day == day


def _keys(connection: Connection, day: date) -> Sequence[Row[bytes, str]]:
    return connection.execute(select(Kek.id, Kek.purpose).where(_of(day)).order_by(Kek.id)).all()


def _things(connection: Connection, day: date) -> Sequence[Row[bytes, bytes, str]]:
    """The objects under the keys of `day`, with the references of their documents."""
    return connection.execute(
        select(StoredObject.id, StoredObject.ciphertext_sha256, Document.reference)
        .join(Kek, Kek.id == StoredObject.kek_id)
        .join(Document, Document.object_id == StoredObject.id)
        .where(_of(day))
        .order_by(StoredObject.id, Document.reference)
    ).all()


def _require_dead(connection: Connection, day: date, at: datetime) -> None:
    """Raises OperatorError where a key of `day` holds what is not to be destroyed yet."""
    live = connection.execute(
        select(Document.reference)
        .join(Delivery, Delivery.document_id == Document.id)
        .join(StoredObject, StoredObject.id == Document.object_id)
        .where(
            Delivery.kek_id.in_(select(Kek.id).where(_of(day)))
            | StoredObject.kek_id.in_(select(Kek.id).where(_of(day))),
            (Delivery.visible_until > at) | (Document.destroy_day > day),
        )
        .limit(1)
    ).scalar()
    if live is not None:
        raise OperatorError(f"{live} lies under a key of {day} and is not to be destroyed yet: the row was changed.")


def _named() -> Any:
    by_object = exists().where(StoredObject.kek_id == Kek.id)
    return by_object | exists().where(Delivery.kek_id == Kek.id)


def _all_destroyed() -> Any:
    kept = (
        exists()
        .where(Document.batch_id == Batch.id)
        .where(Document.object_id == StoredObject.id)
        .where(StoredObject.wrap.is_not(None))
    )
    return ~kept & exists().where(Document.batch_id == Batch.id)


def _each(canaries: bytes) -> Iterator[bytes]:
    return (canaries[start : start + _CANARY] for start in range(0, len(canaries), _CANARY))


def _said(connection: Connection, day: date, origin: str) -> tuple[list[str], int]:
    """The lines of the certificate of `day`, and how many documents it names."""
    row = connection.execute(select(*Destroyed.__table__.columns).where(Destroyed.day == day)).one()
    things = _things(connection, day)
    canaries = [
        f"canary {one[:ID_BYTES].hex()} {one[ID_BYTES : 2 * ID_BYTES].hex()} {one[2 * ID_BYTES :].hex()}"
        " opened before, refused after"
        for one in _each(row.canaries)
    ]
    return [
        f"origin {origin}",
        f"day {day}",
        f"begun {_time(row.begun_at)}",
        f"keys-gone {_time(row.gone_at)}",
        f"swept {_time(row.swept_at)}",
        f"generation {row.generation}",
        "holder file: overwritten and unlinked; the medium may retain",
        *(f"key {key.id.hex()} {key.purpose}" for key in _keys(connection, day)),
        *canaries,
        f"documents {len(things)}",
        *(f"document {one.reference} {one.id.hex()} {one.ciphertext_sha256.hex()}" for one in things),
    ], len(things)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_TIME)
