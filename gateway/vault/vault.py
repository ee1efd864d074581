"""The vault: sealed objects, the keys that wrap theirs, and names under the key of their day.

Called by publishing, the catalogue, the file system and the jobs. A key-encryption key is made for a destroy day before
it is needed, so publishing never writes the key box. Thread-safe. Raises Damaged for what is not what was sealed,
OperatorError where a home's keys do not fit, OSError, sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, bindparam, func, insert, select, update

from config.database import Database
from config.entropy import Entropy
from config.errors import OperatorError
from gateway.errors import Damaged
from gateway.vault import format as fmt
from gateway.vault.blob import Blob, Sealed, Sealing
from gateway.vault.holders import Known
from gateway.vault.keybox import KeyBox, KeyGone
from gateway.vault.keyfolder import Keys
from gateway.vault.models import Destroyed, Kek, KekState, Purpose
from gateway.vault.store import BlobStore

T = TypeVar("T")

AHEAD = timedelta(days=120)
STAGING_LIFE = timedelta(days=30)
_FIRST_DAY = {Purpose.PUBLISH: timedelta(days=90), Purpose.STAGING: STAGING_LIFE}
"""How long after its use a key of this purpose is destroyed: the first day that may be asked for today."""
_CHANGED = (InvalidTag, KeyGone, ValueError, struct.error)
"""What opening raises where a row was changed: a tag that fails, or a value that the format has no room for."""


_PUBLISH_KEYS = select(Kek.id).where(  # built once: finding a name asks it each time
    Kek.purpose == Purpose.PUBLISH,
    Kek.day.between(bindparam("first"), bindparam("last")),
    Kek.state != KekState.DESTROYED,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectRef:
    """What the database says of an object; all of it is authenticated when it is opened."""

    object_id: bytes
    kek_id: bytes
    wrap: bytes
    length: int
    category_id: int
    segment_size: int


@dataclass(frozen=True, slots=True)
class Wrapped:
    """An object's key under a key-encryption key."""

    kek_id: bytes
    wrap: bytes


@dataclass(frozen=True, slots=True)
class _Derived:
    """What is derived from one key-encryption key, once."""

    name: AESGCM
    index: bytes


class Names:
    """Opens sealed names, and looks each key up once: made for one listing, and forgotten with it."""

    def __init__(self, cipher_of: Callable[[bytes], AESGCM], school_id: int, category_id: int) -> None:
        self._cipher_of = lru_cache(maxsize=None)(cipher_of)
        self._school_id = school_id
        self._category_id = category_id

    def open(self, kek_id: bytes, sealed: bytes, *, delivery_id: bytes, object_id: bytes) -> str:
        """The name that `Vault.seal_name` sealed. Raises Damaged as `Vault.open_name`."""
        try:
            aad = fmt.name_aad(delivery_id, self._school_id, self._category_id, object_id)
            plain = self._cipher_of(kek_id).decrypt(sealed[: fmt.NONCE_BYTES], sealed[fmt.NONCE_BYTES :], aad)
        except _CHANGED as exc:
            raise Damaged from exc
        return plain.decode()


class Vault:
    """The vault of one home."""

    def __init__(self, *, box: KeyBox, store: BlobStore, entropy: Entropy) -> None:
        self._box = box
        self._store = store
        self._entropy = entropy
        self._lock = threading.Lock()
        self._derived: dict[bytes, _Derived] = {}
        self._derived_from: Keys = {}

    def check(self, database: Database) -> None:
        """Raises OperatorError (status 2) when the keys do not open, or are those of another home."""
        keys = self._box.all()
        with database.read() as connection:
            named = connection.execute(select(Kek.id).where(Kek.state != KekState.DESTROYED)).scalars().all()
        # Not "all of them": after a restore the database names keys that have rightly been destroyed since.
        if named and not any(kek_id in keys for kek_id in named):
            raise OperatorError(
                "The key box holds the keys of another home: set keys.dir to the folder that was made with this home.",
                exit_status=2,
            )

    def refresh(self) -> dict[bytes, _Derived]:
        """Take over a box that has changed, so that no destroyed key lives on here; what is derived is returned.

        Called with every use of a key, and every few seconds where nobody uses one. Raises OperatorError, OSError.
        """
        keys = self._box.all()
        with self._lock:
            if keys is not self._derived_from:
                self._derived, self._derived_from = {}, keys
            return self._derived

    def seal(self, segment_size: int = fmt.SEGMENT_BYTES) -> Sealing:
        """Begin an object under a key of its own. Raises OSError."""
        object_id = self._entropy(fmt.ID_BYTES)
        dek, salt = self._entropy(fmt.KEY_BYTES), self._entropy(fmt.ID_BYTES)
        return Sealing(self._store.create(object_id), object_id, dek, salt, segment_size)

    def wrap(self, connection: Connection, sealed: Sealed, *, purpose: Purpose, day: date, category_id: int) -> Wrapped:
        """The key of `sealed` under the active key of `day`, whose row stays locked until the caller commits."""
        kek_id = active_key(connection, purpose, day)
        return Wrapped(kek_id, self._wrap(kek_id, sealed, sealed.dek, category_id))

    def rewrap(self, connection: Connection, ref: ObjectRef, *, purpose: Purpose, day: date) -> Wrapped:
        """An object's key moved under the active key of `day`: from staging to publication. Raises Damaged."""
        kek_id = active_key(connection, purpose, day)
        return Wrapped(kek_id, self.moved(ref, kek_id))

    def moved(self, ref: ObjectRef, kek_id: bytes) -> bytes:
        """An object's key under another key-encryption key than that of `ref`. Raises Damaged."""
        return self._wrap(kek_id, ref, self._unwrap(ref), ref.category_id)

    def moved_name(
        self,
        old: bytes,
        new: bytes,
        sealed: bytes,
        *,
        delivery_id: bytes,
        school_id: int,
        category_id: int,
        object_id: bytes,
    ) -> bytes:
        """A name that is sealed under the key `old`, under the key `new`. Raises Damaged as `open_name`."""
        aad = fmt.name_aad(delivery_id, school_id, category_id, object_id)
        try:
            plain = self._of(old).name.decrypt(sealed[: fmt.NONCE_BYTES], sealed[fmt.NONCE_BYTES :], aad)
        except _CHANGED as exc:
            raise Damaged from exc
        nonce = self._entropy(fmt.NONCE_BYTES)
        return nonce + self._of(new).name.encrypt(nonce, plain, aad)

    def open(self, ref: ObjectRef) -> Blob:
        """The object of `ref`. Raises Damaged when it is missing, or anything the database says of it is not so."""
        dek = self._unwrap(ref)
        try:
            reading = self._store.open(ref.object_id)
        except FileNotFoundError as exc:
            raise Damaged from exc
        if reading.size != fmt.sealed_length(ref.length, ref.segment_size):
            reading.close()
            raise Damaged from ValueError(f"the file has {reading.size} bytes")
        cipher = fmt.segment_cipher(dek, fmt.context(ref.object_id, ref.segment_size))
        return Blob(reading, cipher, ref.length, ref.segment_size)

    def seal_name(
        self, kek_id: bytes, name: str, *, delivery_id: bytes, school_id: int, category_id: int, object_id: bytes
    ) -> bytes:
        """`name` under the key of its day, bound to its delivery."""
        nonce = self._entropy(fmt.NONCE_BYTES)
        aad = fmt.name_aad(delivery_id, school_id, category_id, object_id)
        return nonce + self._of(kek_id).name.encrypt(nonce, name.encode(), aad)

    def open_name(
        self, kek_id: bytes, sealed: bytes, *, delivery_id: bytes, school_id: int, category_id: int, object_id: bytes
    ) -> str:
        """The name that `seal_name` sealed. Raises Damaged when it is another delivery's, or was changed."""
        return self.names(school_id, category_id).open(kek_id, sealed, delivery_id=delivery_id, object_id=object_id)

    def names(self, school_id: int, category_id: int) -> Names:
        """What opens many names of one school and category at this moment."""
        return Names(lambda kek_id: self._of(kek_id).name, school_id, category_id)

    def token(self, kek_id: bytes, folder: bytes, name: str) -> bytes:
        """What finds `name` in `folder` among the names under this key."""
        return fmt.token(self._of(kek_id).index, folder, name)

    def settled(self, ask: Callable[[], T]) -> T:
        """What `ask` finds in the database, asked again where keys were moved meanwhile.

        Whatever is moved from one key to another is committed before the old key leaves the box: under one box,
        a snapshot that was taken after a look at it names no key that it has lost.
        """
        before = self._box.all()
        found = ask()
        return found if self._box.all() is before else ask()

    def publish_keys(self, connection: Connection, first: date, last: date) -> Sequence[bytes]:
        """The keys, not destroyed, under which documents destroyed from `first` to `last` have their names."""
        return connection.execute(_PUBLISH_KEYS, {"first": first, "last": last}).scalars().all()

    def top_up(self, database: Database, today: date) -> int:
        """Make the keys that any day up to 120 days ahead will want; how many were made is returned.

        A key that the rows know and the box does not takes no more wraps: it was lost with a key folder whose place a
        holder took that was behind.
        """
        with database.read() as connection:
            if not self._wanted(connection, today, self._box.all()):
                return 0
        with self._box.rotating() as held:
            with database.read() as connection:
                wanted = self._wanted(connection, today, held)
            if not wanted:
                return 0
            made = {self._entropy(fmt.ID_BYTES): (self._entropy(fmt.KEY_BYTES), use) for use in wanted}
            # The box before the rows: a row always has its key, whatever happens in between.
            keys = {**held, **{kek_id: key for kek_id, (key, _) in made.items()}}
            generation = self._box.replace(keys)
            with database.write() as connection:
                rows = [
                    {"id": kek_id, "day": day, "purpose": purpose, "state": KekState.ACTIVE, "generation": generation}
                    for kek_id, (_, (purpose, day)) in made.items()
                ]
                days = (Kek.state == KekState.ACTIVE, Kek.day >= today)
                known = connection.execute(select(Kek.id).where(*days)).scalars()
                lost = [kek_id for kek_id in known if kek_id not in held]
                connection.execute(update(Kek).where(Kek.id.in_(lost)).values(state=KekState.CLOSING))
                connection.execute(insert(Kek), rows)
        return len(made)

    def make_keys(self, count: int, *, instead_of: bytes | None = None) -> tuple[list[bytes], int]:
        """Put `count` new keys into the box, for the caller to enter in the database; their ids and the generation.

        One `instead_of` another key finds names by the same tokens as that.
        """
        with self._box.rotating() as held:
            made = {self._entropy(fmt.ID_BYTES): self._entropy(fmt.KEY_BYTES) for _ in range(count)}
            carried: dict[bytes, bytes] = {}
            if instead_of is not None:
                index = _index_key(held, instead_of)
                carried = {fmt.carried_id(kek_id): index for kek_id in made}
            return list(made), self._box.replace({**held, **made, **carried})

    def canary(self, kek_id: bytes) -> bytes | None:
        """A wrap that this key alone opens, seen to open; None where the key is not in the box."""
        key = self._box.reread().get(kek_id)
        if key is None:
            return None
        object_id, nonce = self._entropy(fmt.ID_BYTES), self._entropy(fmt.NONCE_BYTES)
        ctx = fmt.context(object_id, fmt.SEGMENT_BYTES)
        wrapped = fmt.wrap(key, nonce, self._entropy(fmt.KEY_BYTES), ctx=ctx, kek_id=kek_id, length=0, category=0)
        made = kek_id + object_id + wrapped
        if not self.opens(made):
            raise OSError("the canary of a key does not open with it")
        return made

    def opens(self, canary: bytes) -> bool:
        """Whether any key of the box, read from the disk now, opens `canary`."""
        kek_id, object_id = canary[: fmt.ID_BYTES], canary[fmt.ID_BYTES : 2 * fmt.ID_BYTES]
        ctx = fmt.context(object_id, fmt.SEGMENT_BYTES)
        return any(_unwraps(key, canary[2 * fmt.ID_BYTES :], ctx, kek_id) for key in self._box.reread().values())

    def destroy_keys(self, kek_ids: Iterable[bytes]) -> int:
        """Write the box anew without these keys and destroy its old root key; the new generation is returned.

        Done again after a crash it ends what was begun: a root key that was left is destroyed.
        """
        gone = {one for kek_id in kek_ids for one in (kek_id, fmt.carried_id(kek_id))}
        with self._box.rotating() as held:
            generation = self._box.replace({kek_id: key for kek_id, key in held.items() if kek_id not in gone})
        self.refresh()
        return generation

    def bury(self, database: Database) -> tuple[int, int]:
        """Destroy keys that are in the box again though the database knows them as destroyed: how many, the generation.

        They come back where a holder that was behind, or an old copy, took the place of the key folder.
        """
        with self._box.rotating() as held:
            with database.read() as connection:
                dead = set(connection.execute(select(Kek.id).where(Kek.state == KekState.DESTROYED)).scalars())
                reached = connection.execute(select(func.max(Destroyed.generation))).scalar() or 0
            back = held.keys() & dead
            if not back:
                return 0, self._box.generation()
            gone = back | set(map(fmt.carried_id, back))
            kept = {kek_id: key for kek_id, key in held.items() if kek_id not in gone}
            generation = self._box.replace(kept, above=reached)
        self.refresh()
        return len(back), generation

    def holders(self) -> Known | None:
        """The folders that hold the keys; None where there is one alone."""
        return self._box.holders()

    def delete(self, object_id: bytes) -> None:
        """Remove sealed bytes; those that are not there are removed already. Raises OSError."""
        self._store.delete(object_id)

    def sweep_orphans(self, kept: Container[bytes], older_than: datetime) -> int:
        """Remove what lies in the store and is not `kept`, if it was last written before `older_than` (aware UTC)."""
        swept = 0
        for object_id, changed in self._store.list():
            if changed < older_than and object_id not in kept:
                self._store.delete(object_id)
                swept += 1
        return swept

    def _wanted(self, connection: Connection, today: date, held: Container[bytes]) -> list[tuple[Purpose, date]]:
        there = {
            (row.purpose, row.day)
            for row in connection.execute(
                select(Kek.id, Kek.purpose, Kek.day).where(Kek.state == KekState.ACTIVE, Kek.day >= today)
            )
            if row.id in held
        }
        return [
            (purpose, today + timedelta(days=ahead))
            for purpose, first in _FIRST_DAY.items()
            for ahead in range(first.days, AHEAD.days + 1)
            if (purpose, today + timedelta(days=ahead)) not in there
        ]

    def _unwrap(self, ref: ObjectRef) -> bytes:
        try:
            ctx = fmt.context(ref.object_id, ref.segment_size)
            key = self._box.key(ref.kek_id)
            return fmt.unwrap(key, ref.wrap, ctx=ctx, kek_id=ref.kek_id, length=ref.length, category=ref.category_id)
        except InvalidTag:
            raise Damaged from ValueError("its row was changed: its key cannot be unwrapped")
        except _CHANGED as exc:
            raise Damaged from exc

    def _of(self, kek_id: bytes) -> _Derived:
        """What is derived from a key, kept as long as the box is the same."""
        derived = self.refresh()
        known = derived.get(kek_id)
        if known is None:
            key = self._box.key(kek_id)
            known = derived[kek_id] = _Derived(fmt.name_cipher(key), _index_key(self._box.all(), kek_id))
        return known

    def _wrap(self, kek_id: bytes, one: Sealed | ObjectRef, dek: bytes, category_id: int) -> bytes:
        return fmt.wrap(
            self._box.key(kek_id),
            self._entropy(fmt.NONCE_BYTES),
            dek,
            ctx=fmt.context(one.object_id, one.segment_size),
            kek_id=kek_id,
            length=one.length,
            category=category_id,
        )


def active_key(connection: Connection, purpose: Purpose, day: date) -> bytes:
    """The key that takes wraps of `day`, whose row stays locked until the caller commits. Raises OperatorError."""
    wanted = (
        select(Kek.id)
        .where(Kek.purpose == purpose, Kek.day == day, Kek.state == KekState.ACTIVE)
        .order_by(Kek.generation.desc(), Kek.id)
        .limit(1)
        .with_for_update()
    )
    for _ in range(2):
        # PostgreSQL gives no row where the one that was waited for is closed by then: its successor is there now.
        kek_id = connection.execute(wanted).scalar()
        if kek_id is not None:
            return kek_id
    raise OperatorError(f"No {purpose} key is there for {day}: is the clock right? 'ladocs serve' makes them.")


def _index_key(keys: Keys, kek_id: bytes) -> bytes:
    """The key of name tokens: a key's own, or the one that it carries on. Raises KeyGone."""
    carried = keys.get(fmt.carried_id(kek_id))
    if carried is not None:
        return carried
    if kek_id not in keys:
        raise KeyGone(kek_id.hex())
    return fmt.index_key(keys[kek_id])


def _unwraps(key: bytes, wrapped: bytes, ctx: bytes, kek_id: bytes) -> bool:
    try:
        fmt.unwrap(key, wrapped, ctx=ctx, kek_id=kek_id, length=0, category=0)
    except InvalidTag:
        return False
    return True
