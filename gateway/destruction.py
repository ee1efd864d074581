"""Destruction [R9]: INTENT, KEYGONE, SWEPT, CERTIFIED for each day that has ended, each lifted hold, each withdrawal.

Called by the jobs after each midnight and by `ladocs expire`. Each step is durable before the next and may be done
again, so a run that was broken off anywhere is taken up by the next one. One run at a time over all processes. Not
thread-safe. Raises OperatorError (a proof that fails), RecordUnavailable, OSError and sqlalchemy.exc.SQLAlchemyError;
what was not done then is done by the next run.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, exists, insert, or_, select, update

from config.clock import Clock, london_date
from config.database import Database
from config.errors import OperatorError
from config.files import make_private_folder, write_durably
from config.secrets import Secrets
from gateway import certificate, rekeying
from gateway.attesting import Act, canaries_of, holders_said, keys_of, objects_of, said_of
from gateway.due import Due, Waits, alive, doomed, due, ending, held, unusual
from gateway.models import Batch, Delivery, Document, StoredObject
from gateway.vault.models import Cause, Destroyed, Kek, KekState, Purpose, Stage
from gateway.vault.vault import Vault
from policy import generations
from policy.audit.checkpoints import signing_key
from policy.audit.events import Event, EventKind, Result
from policy.audit.log import AuditLog

log = logging.getLogger(__name__)

_ENDED = (Stage.PENDING, Stage.CERTIFIED)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Who vouches that what falls due is right."""

    actor: int
    user: str


Progress = Callable[[Act, Stage], None]


@dataclass(slots=True)
class Left:
    """What a run has left undone, and why: a person sees to it."""

    waits: Waits | None = None
    stuck: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "; ".join([*([str(self.waits)] if self.waits else ()), *self.stuck])


class Stuck(OperatorError):
    """A document under a key that is due is not to be destroyed, or cannot be moved."""

    def __init__(self, day: date, reference: str, why: str) -> None:
        super().__init__(f"{reference} lies under a key of {day} and {why}: the row was changed")
        self.day = day
        self.reference = reference


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
        self, at: datetime, *, early: bool = False, confirmed: Confirmed | None = None, progress: Progress | None = None
    ) -> Left | None:
        """Destroy all that is due at `at` (aware UTC), or say what was left. Nothing where another process is at it.

        What was withdrawn is due from the next midnight on, or, `early`, at once.
        """
        left = Left()
        with self._turn() as ours:
            if not ours:
                return None
            dues = due(self.database, at, early=early)
            waits = unusual(self.database, dues)
            for one in dues:
                if one.id is not None:
                    self._carry_on(Act(one.id, one.day, one.cause), progress, left)
            if waits is not None and not self._vouched(waits, confirmed):
                left.waits = waits
            for one in dues:
                if one.id is None and (one.cause is not Cause.DAY or left.waits is None):
                    self._carry_out(one, at, progress, left, early=early)
            if left.waits is None:
                self._retire(at)
        return left if left.waits or left.stuck else None

    def bury(self) -> None:
        """Destroy once more what came back with another key folder, which is an alarm. Nothing where nothing did."""
        back, generation = self.vault.bury(self.database)
        if back:
            log.critical("%d keys that were destroyed had come back with the folder of keys.dir: they are gone", back)
            self._rotated(f"came back generation {generation}", back, self.clock.now())

    def complete(self) -> None:
        """Certify anew what waited for other holders of the keys, now that these have caught up or are given up."""
        with self._turn() as ours:
            known = self.vault.holders() if ours else None
            for act, generation in self._waiting():
                if known is not None and not known.behind(generation):
                    self._certify(act)

    def pending(self) -> list[Act]:
        """What is destroyed here, while another holder of the keys may still have them."""
        return [act for act, _ in self._waiting()]

    def _waiting(self) -> list[tuple[Act, int]]:
        with self.database.read() as connection:
            rows = connection.execute(
                select(Destroyed.id, Destroyed.day, Destroyed.cause, Destroyed.generation)
                .where(Destroyed.state == Stage.PENDING)
                .order_by(Destroyed.id)
            )
            return [(Act(row.id, row.day, Cause(row.cause)), row.generation or 0) for row in rows]

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

    def _carry_out(self, one: Due, at: datetime, progress: Progress | None, left: Left, *, early: bool) -> None:
        """All of what has not begun yet."""
        try:
            act = self._begin(one, at, early=early)
        except Stuck as exc:
            self._alarm(exc, left)
        else:
            if act is not None:
                self._carry_on(act, progress, left)

    def _carry_on(self, act: Act, progress: Progress | None, left: Left) -> None:
        """Every step that is still to be done of an act that has begun."""
        steps = {Stage.INTENT: self._end_keys, Stage.KEYGONE: self._sweep, Stage.SWEPT: self._certify}
        try:
            while (state := self._state(act)) not in _ENDED:
                if progress is not None:
                    progress(act, state)
                steps[state](act)
        except Stuck as exc:
            self._alarm(exc, left)

    def _alarm(self, stuck: Stuck, left: Left) -> None:
        log.critical("not destroyed: %s", stuck)
        kind, day = EventKind.DESTRUCTION_WAITS, str(stuck.day)
        self.log.record(Event(event=kind, at=self.clock.now(), result=Result.DENY, object=day, reason=str(stuck)))
        left.stuck.append(str(stuck))

    def _begin(self, one: Due, at: datetime, *, early: bool) -> Act | None:
        """INTENT: recorded, then the keys are closed, and what goes with them is marked; None: a hold was faster.

        From that commit on nothing is wrapped with these keys, and nothing holds what is marked.
        """
        begun = self.clock.now()
        chosen = and_(doomed(one.cause, at, early=early), Kek.day == one.day)
        spare = self._spare(chosen) if one.cause is Cause.WITHDRAWN else None
        if spare is None and one.cause is Cause.WITHDRAWN:
            return None
        with self.database.write() as connection:
            generations.hold(connection, generations.ACCESS)
            if spare is not None:
                chosen = and_(chosen, Kek.id == spare.instead_of)
            chosen_rows = connection.execute(_objects(chosen)).all()
            keys = sorted({row.kek_id for row in chosen_rows})
            if one.cause is Cause.DAY:
                keys = list(connection.execute(select(Kek.id).where(ending(), Kek.day == one.day)).scalars())
            if not keys:
                return None
            if one.cause is not Cause.WITHDRAWN:
                _require_dead(connection, keys, one.day, at)
            act = self._enter(connection, one, keys, begun)
            marks = [{"of": row.id, "act": act.id} for row in chosen_rows]
            if marks:
                connection.execute(_MARK, marks)
            if spare is not None:
                connection.execute(insert(Kek).values(spare.row(one.day)))
            self._tell(EventKind.DESTRUCTION_INTENT, act, objects_of(connection, act), begun)
        return act

    def _spare(self, chosen: ColumnElement[bool]) -> _Spare | None:
        """A new key for the rest of the day whose first key has chosen documents."""
        with self.database.read() as connection:
            old = connection.execute(_objects(chosen).order_by(Kek.id).limit(1)).first()
        if old is None:
            return None
        [made], generation = self.vault.make_keys(1, instead_of=old.kek_id)
        return _Spare(made, generation, old.kek_id)

    def _enter(self, connection: Connection, one: Due, keys: Sequence[bytes], begun: datetime) -> Act:
        canaries = b"".join(filter(None, map(self.vault.canary, keys)))
        values = {"day": one.day, "cause": one.cause, "state": Stage.INTENT, "canaries": canaries, "begun_at": begun}
        number = connection.execute(insert(Destroyed).values(values).returning(Destroyed.id)).scalar_one()
        closing = update(Kek).where(Kek.id.in_(keys))
        connection.execute(closing.values(state=KekState.CLOSING, destruction_id=number))
        return Act(number, one.day, one.cause)

    def _state(self, act: Act) -> Stage:
        with self.database.read() as connection:
            return Stage(connection.execute(select(Destroyed.state).where(Destroyed.id == act.id)).scalar_one())

    def _end_keys(self, act: Act) -> None:
        """KEYGONE: what is kept is moved, the keys leave the box, its root key dies, and the canaries prove it."""
        with self.database.read() as connection:
            keys = [key.id for key in keys_of(connection, act)]
            canaries = connection.execute(select(Destroyed.canaries).where(Destroyed.id == act.id)).scalar_one()
        self._keep(act, keys)
        with self.database.read() as connection:
            _require_dead(connection, keys, act.day, self.clock.now())
            _require_marked(connection, keys, act.day)
            things = objects_of(connection, act)
        generation = self.vault.destroy_keys(keys)
        if any(map(self.vault.opens, canaries_of(canaries))):
            raise OperatorError(f"A key of {act} still opens what it sealed: see who else writes to keys.dir.")
        gone = self.clock.now()
        self._rotated(f"{act} generation {generation}", len(keys), gone)
        self._tell(EventKind.DOCUMENT_DESTROYED, act, things, gone)
        with self.database.write() as connection:
            ended = update(Kek).where(Kek.destruction_id == act.id)
            connection.execute(ended.values(state=KekState.DESTROYED))
            self._advance(connection, act, Stage.KEYGONE, generation=generation, gone_at=gone)

    def _keep(self, act: Act, keys: Sequence[bytes]) -> None:
        """Move what outlives the keys of `act`."""
        try:
            if act.cause is Cause.WITHDRAWN:
                rekeying.keep_day(self.database, self.vault, keys, act.day)
            else:
                rekeying.keep_held(self.database, self.vault, keys)
        except rekeying.Immovable as exc:
            raise Stuck(act.day, str(exc), "does not open, so that it cannot be kept") from exc

    def _sweep(self, act: Act) -> None:
        """SWEPT: the ciphertexts, and in the rows all that the keys had sealed, and the notes of what was published."""
        with self.database.read() as connection:
            things = objects_of(connection, act)
        for thing in things:
            self.vault.delete(thing.id)
        with self.database.write() as connection:
            keys = select(Kek.id).where(Kek.destruction_id == act.id).scalar_subquery()
            marked = update(StoredObject).where(StoredObject.destruction_id == act.id)
            connection.execute(marked.values(wrap=None))
            connection.execute(update(Delivery).where(Delivery.kek_id.in_(keys)).values(name_sealed=None, token=None))
            connection.execute(update(Batch).where(_all_destroyed()).where(Batch.note != "").values(note=""))
        self.database.scrub(("object", "delivery", "batch"))
        with self.database.write() as connection:
            self._advance(connection, act, Stage.SWEPT, swept_at=self.clock.now())

    def _certify(self, act: Act) -> None:
        """CERTIFIED, or PENDING while another holder may have the keys: the same bytes as long as holders stay."""
        known = self.vault.holders()
        with self.database.read() as connection:
            generation = connection.execute(select(Destroyed.generation).where(Destroyed.id == act.id)).scalar() or 0
            pending = known is not None and bool(known.behind(generation))
            said, documents = said_of(connection, act, self.origin, holders_said(known, generation, act.day))
        said.insert(0, f"state {'pending' if pending else 'complete'}")
        data = certificate.signed(said, signing_key(self.secrets))
        make_private_folder(self.certificates)
        write_durably(self.certificates / f"{act}.txt", data)
        self.log.record(
            Event(
                event=EventKind.DESTRUCTION_PENDING if pending else EventKind.DESTRUCTION_CERTIFIED,
                at=self.clock.now(),
                result=Result.ERROR if pending else Result.PERMIT,
                object=str(act),
                reason=sha256(data).hexdigest(),
                count=documents,
            )
        )
        with self.database.write() as connection:
            self._advance(connection, act, Stage.PENDING if pending else Stage.CERTIFIED)
        if pending:
            log.critical("%s: the certificate is pending: another holder of the keys may still have them", act)
        else:
            log.info("%s: %d documents are destroyed and certified", act, documents)

    def _retire(self, at: datetime) -> None:
        """Keys of past days under which nothing is left leave the box together, without a certificate.

        Names may have been kept from use under them: those are free, for their month is over.
        """
        past = and_(ending(), Kek.day < london_date(at), ~_sealed())
        with self.database.write() as connection:
            connection.execute(update(Kek).where(past, Kek.state == KekState.ACTIVE).values(state=KekState.CLOSING))
        with self.database.read() as connection:  # only now: what was under way when they were closed is there
            waiting = select(Kek.id).where(past, Kek.state == KekState.CLOSING)
            keys = list(connection.execute(waiting).scalars())
        if not keys:
            return
        generation = self.vault.destroy_keys(keys)
        self._rotated(f"unused generation {generation}", len(keys), self.clock.now())
        with self.database.write() as connection:
            connection.execute(update(Delivery).where(Delivery.kek_id.in_(keys)).values(token=None))
            connection.execute(update(Kek).where(Kek.id.in_(keys)).values(state=KekState.DESTROYED))

    def _advance(self, connection: Connection, act: Act, stage: Stage, **values: object) -> None:
        connection.execute(update(Destroyed).where(Destroyed.id == act.id).values(state=stage, **values))

    def _rotated(self, reason: str, count: int, at: datetime) -> None:
        kind = EventKind.KEYS_ROTATED
        self.log.record(Event(event=kind, at=at, result=Result.PERMIT, object="keys", reason=reason, count=count))

    def _tell(self, kind: EventKind, act: Act, things: Sequence[Row[bytes, bytes, str]], at: datetime) -> None:
        events = [
            Event(
                event=kind, at=at, result=Result.PERMIT, object=one.id.hex(), reference=one.reference, reason=str(act)
            )
            for one in things
        ]
        if events:
            self.log.record_all(events)


@dataclass(frozen=True, slots=True)
class _Spare:
    """A key that is in the box already, for what outlives the key `instead_of`."""

    id: bytes
    generation: int
    instead_of: bytes

    def row(self, day: date) -> dict[str, object]:
        return {
            "id": self.id,
            "day": day,
            "purpose": Purpose.PUBLISH,
            "state": KekState.ACTIVE,
            "generation": self.generation,
        }


_MARK = update(StoredObject).where(StoredObject.id == bindparam("of")).values(destruction_id=bindparam("act"))


def _objects(chosen: ColumnElement[bool]) -> Select[bytes, bytes]:
    """The chosen objects, with their keys."""
    return select(StoredObject.id, StoredObject.kek_id).join(Kek, Kek.id == StoredObject.kek_id).where(chosen)


def _require_dead(connection: Connection, keys: Sequence[bytes], day: date, at: datetime) -> None:
    """Raises Stuck where a key holds what is not to be destroyed yet."""
    live = alive(connection, keys, day, at)
    if live is not None:
        raise Stuck(day, live, "is not to be destroyed yet")


def _require_marked(connection: Connection, keys: Sequence[bytes], day: date) -> None:
    """Raises Stuck where a key holds what is not to be destroyed with it."""
    kept = connection.execute(
        select(Document.reference)
        .join(StoredObject, StoredObject.id == Document.object_id)
        .where(StoredObject.kek_id.in_(keys), or_(StoredObject.destruction_id.is_(None), held()))
        .limit(1)
    ).scalar()
    if kept is not None:
        raise Stuck(day, kept, "is held")


def _sealed() -> ColumnElement[bool]:
    """A key under which something still lies."""
    by_object = exists().where(StoredObject.kek_id == Kek.id, StoredObject.wrap.is_not(None))
    return by_object | exists().where(Delivery.kek_id == Kek.id, Delivery.name_sealed.is_not(None))


def _all_destroyed() -> Any:
    kept = (
        exists()
        .where(Document.batch_id == Batch.id)
        .where(Document.object_id == StoredObject.id)
        .where(StoredObject.wrap.is_not(None))
    )
    return ~kept & exists().where(Document.batch_id == Batch.id)
