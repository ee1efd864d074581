"""Publishing: files become sealed objects, documents and deliveries, all or nothing for each document [R8] [R27].

Called by `ladocs publish` and by the demo. Bytes are sealed while they are read, no plaintext copy is ever made; the
record is durable before the rows; the rows are one transaction. Thread-safe. Raises OperatorError only for what stands
in the way of the whole act; the fault of one document is a line of its report.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from auth import accounts, crockford
from config.clock import Clock, london_date
from config.database import Database
from config.entropy import Entropy
from config.errors import OperatorError
from gateway import names
from gateway.catalogue import Catalogue, Folder, in_folder
from gateway.clockguard import GuardedClock, mark
from gateway.models import Audience, Batch, Delivery, Document, StoredObject
from gateway.vault.blob import Sealed
from gateway.vault.keybox import KeyGone
from gateway.vault.models import Purpose
from gateway.vault.vault import Vault, Wrapped
from policy import categories, generations, schools
from policy.access import HEADTEACHER, ROLES, AudienceOf, schools_reached
from policy.audit.events import Event, EventKind, RecordUnavailable, Result
from policy.audit.log import AuditLog
from policy.audit.space import Room, room_at
from policy.months import Month, Window, destroy_day, last_day, visible_until

CHUNK = 1 << 20
_ATTEMPTS = 5
_EMPTY = "{}: the file is empty: publish it when it holds something."


@dataclass(frozen=True, kw_only=True, slots=True)
class Restriction:
    """Whom a document is for among those who hold its category [R5]; empty: all of them."""

    roles: frozenset[str] = frozenset()
    accounts: frozenset[int] = frozenset()
    not_headteacher_reason: str | None = None
    """Why it is withheld from headteachers, who see everything else; None where it is not withheld."""

    @property
    def restricted(self) -> bool:
        return bool(self.roles or self.accounts)

    @property
    def not_headteacher(self) -> bool:
        return self.not_headteacher_reason is not None

    @property
    def reason(self) -> str:
        return (self.not_headteacher_reason or "").strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One file to publish. `schools` are school ids; `name` is the file's own unless another is wanted."""

    source: Path
    schools: tuple[int, ...]
    category_id: int
    name: str = ""
    restriction: Restriction = field(default_factory=Restriction)


@dataclass(frozen=True, slots=True)
class Published:
    """A document that is out: its reference, and its name in each school's folder."""

    source: Path
    reference: str
    names: tuple[tuple[int, str], ...]
    size: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """A document of which nothing was published, with the one line that mends it."""

    source: Path
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What settings say of publishing. `max_bytes` is of one document."""

    max_bytes: int
    window: Window
    fix_names: bool = False


Progress = Callable[[Item, int], None]
"""Called with an item and the bytes of it just sealed."""


class Publisher:
    """The act of publishing, for one home. `folders` are those whose disks must have room."""

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        log: AuditLog,
        clock: Clock,
        entropy: Entropy,
        rules: Rules,
        folders: Sequence[Path],
    ) -> None:
        self._database = database
        self._vault = vault
        self._catalogue = Catalogue(vault)
        self._log = log
        self._clock = clock
        self._entropy = entropy
        self._rules = rules
        self._folders = folders

    def publish(
        self, items: Iterable[Item], *, actor: int, user: str = "", note: str = "", progress: Progress | None = None
    ) -> list[Published | Failed]:
        """Publish each item now, as account `actor`, by a command of `user` of this machine; one verdict an item.

        Raises OperatorError, before anything is published, for a disk nearly full, a clock that nobody confirmed, or
        keys that do not fit the home; OSError and SQLAlchemyError where key box or database are out of reach.
        """
        self._require_room()
        clock = self._confirmed_clock()
        self._vault.top_up(self._database, london_date(clock.now()))
        act = _Act(actor, user, note, clock)
        return [self._verdict(item, act, progress or _quiet) for item in items]

    def check(self, item: Item) -> str | None:
        """What forbids publishing `item`, as one line with the mend, or None. Raises SQLAlchemyError."""
        name = _wanted_name(item)
        wrong = None if self._rules.fix_names else names.fault(name)
        if wrong is not None:
            return f"{item.source}: the name {wrong}: '{names.proposal(name)}' would do (--fix-names takes it)."
        return self._check_whom(item) or self._check_file(item.source)

    def _check_whom(self, item: Item) -> str | None:
        restriction = item.restriction
        with self._database.read() as connection:
            known = {school.id for school in schools.listing(connection)}
            rows = (
                (not item.schools, "no school is given: name one with --school 830-2001"),
                (not known.issuperset(item.schools), "there is no such school: see 'ladocs school list'"),
                (
                    item.category_id not in categories.names(connection),
                    "there is no such category: take one of the settings' categories",
                ),
                (
                    not restriction.roles.issubset(ROLES),
                    f"'{min(restriction.roles - set(ROLES), default='')}' is no role: there are {', '.join(ROLES)}",
                ),
                (
                    any(accounts.get(connection, account) is None for account in restriction.accounts),
                    "there is no such account: see 'ladocs account list'",
                ),
                (
                    restriction.not_headteacher and not restriction.reason,
                    "withholding from headteachers needs a reason: give it with --not-headteacher 'REASON'",
                ),
                (
                    restriction.not_headteacher and HEADTEACHER in restriction.roles,
                    "it is addressed to the headteacher and withheld from the headteacher: choose one",
                ),
            )
        return next((f"{item.source}: {text}." for applies, text in rows if applies), None)

    def _check_file(self, source: Path) -> str | None:
        try:
            if not source.is_file():
                return f"{source}: this is not a file: give the path of a document."
            size = source.stat().st_size
        except OSError as exc:
            return f"{source}: cannot be read ({exc.strerror}): check the path and its permissions."
        if not os.access(source, os.R_OK):
            return f"{source}: cannot be read (its permissions forbid it): let yourself read it, then publish again."
        if size == 0:
            return _EMPTY.format(source)
        if size > self._rules.max_bytes:
            return (
                f"{source}: {size:,} bytes are more than publish.max_bytes ({self._rules.max_bytes:,}):"
                " split the file or raise that setting."
            )
        return None

    def _require_room(self) -> None:
        for folder in self._folders:
            if room_at(folder) is Room.REFUSE:
                raise OperatorError(f"The disk of {folder} is nearly full, so nothing is published: make room first.")

    def _confirmed_clock(self) -> GuardedClock:
        """The clock, held to the home's mark: a document dated by a leapt clock would lie in the wrong month [R10]."""
        clock = GuardedClock(self._clock)
        with self._database.read() as connection:
            clock.observe(mark(connection))
        if not clock.confirmed:
            raise OperatorError(
                f"The clock says {self._clock.now():%Y-%m-%d}, more than a day past what this home last saw: put it"
                " right, or run 'ladocs clock confirm'."
            )
        return clock

    def _verdict(self, item: Item, act: _Act, progress: Progress) -> Published | Failed:
        """Publish one item; whatever stands in its way is one line, and the others go on."""
        try:
            wrong = self.check(item)
            if wrong is not None:
                return Failed(item.source, wrong)
            self._require_room()
            return self._publish(item, self._seal(item, progress), act)
        except OperatorError as exc:
            return Failed(item.source, str(exc))
        except RecordUnavailable:
            why = "the record cannot be written"
        except (SQLAlchemyError, KeyGone) as exc:
            why = f"the database refused it ({getattr(exc, 'orig', None) or exc})"
        except OSError as exc:
            why = f"the store cannot be written ({exc.strerror})"
        return Failed(item.source, f"{item.source}: {why}: mend that and publish again.")

    def _seal(self, item: Item, progress: Progress) -> Sealed:
        limit = self._rules.max_bytes
        with closing(_chunks(item.source)) as chunks, self._vault.seal() as sealing:
            taken = 0
            for chunk in chunks:
                taken += len(chunk)
                if taken > limit:
                    raise OperatorError(
                        f"{item.source}: it grew beyond publish.max_bytes ({limit:,}) while being read:"
                        " publish it when it is finished."
                    )
                sealing.write(chunk)
                progress(item, len(chunk))
            if taken == 0:
                raise OperatorError(_EMPTY.format(item.source))
            return sealing.finish()

    def _publish(self, item: Item, sealed: Sealed, act: _Act) -> Published:
        """Record, then enter, what is sealed. Where the rows fail, the record is told so as well."""
        for _ in range(_ATTEMPTS):
            reference, at = self._reference(), act.clock.now()
            self._record(item, sealed, reference, act, at)
            try:
                with self._database.write() as connection:
                    batch = act.batch or _enter_batch(connection, act, at)
                    published = self._enter(connection, item, sealed, reference, batch, at)
                act.batch = batch
                return published
            except (SQLAlchemyError, OSError, OperatorError, KeyGone) as exc:
                self._log.post(_event(sealed, reference, act, at, Result.ERROR, count=len(set(item.schools))))
                # Somebody took the same name or reference between our look and our insert: look again.
                if not isinstance(exc, IntegrityError):
                    raise
        raise OperatorError(f"{item.source}: others publish the same names at the moment: publish it again.")

    def _reference(self) -> str:
        digits = "".join(crockford.DIGITS[byte & 31] for byte in self._entropy(6))
        return f"D-{digits[:4]}-{digits[4:]}"

    def _record(self, item: Item, sealed: Sealed, reference: str, act: _Act, at: datetime) -> None:
        self._log.record_all(
            [
                replace(
                    _event(sealed, reference, act, at, Result.PERMIT), school=school, reason=item.restriction.reason
                )
                for school in sorted(set(item.schools))
            ]
        )

    def _enter(
        self,
        connection: Connection,
        item: Item,
        sealed: Sealed,
        reference: str,
        batch: int,
        at: datetime,
    ) -> Published:
        day, until = destroy_day(at), visible_until(at, self._rules.window)
        wrapped = self._vault.wrap(connection, sealed, purpose=Purpose.PUBLISH, day=day, category_id=item.category_id)
        self._enter_object(connection, item, sealed, wrapped, at)
        document_id = connection.execute(
            insert(Document)
            .values(
                reference=reference,
                object_id=sealed.object_id,
                batch_id=batch,
                category_id=item.category_id,
                published_at=at,
                last_day=last_day(at, self._rules.window),
                visible_until=until,
                destroy_day=day,
                restricted=item.restriction.restricted,
                not_headteacher=item.restriction.not_headteacher,
                not_headteacher_reason=item.restriction.reason,
            )
            .returning(Document.id)
        ).scalar_one()
        for role in sorted(item.restriction.roles):
            connection.execute(insert(Audience).values(document_id=document_id, role=role))
        for account in sorted(item.restriction.accounts):
            connection.execute(insert(Audience).values(document_id=document_id, account_id=account))
        delivered = [
            (school, self._deliver(connection, item, sealed, wrapped, document_id, school, at, until))
            for school in sorted(set(item.schools))  # in one order: two publishers then never wait for each other
        ]
        warnings = self._unread(connection, item, at)
        return Published(item.source, reference, tuple(delivered), sealed.length, warnings)

    def _unread(self, connection: Connection, item: Item, at: datetime) -> tuple[str, ...]:
        """A line for each school in which nobody can read the document: it would just sit there [R30]."""
        restriction = item.restriction
        reached = schools_reached(
            connection,
            item.schools,
            item.category_id,
            audience=AudienceOf(restriction.roles, restriction.accounts) if restriction.restricted else None,
            not_headteacher=restriction.not_headteacher,
            at=at,
        )
        if reached.issuperset(item.schools):
            return ()
        category = categories.names(connection)[item.category_id]
        return tuple(
            f"nobody at {school.dfe} {school.name} can read it: let somebody there read {category}"
            f" ('ladocs account grant'), and see that their account is active."
            for school in schools.listing(connection)
            if school.id in set(item.schools) - reached
        )

    def _enter_object(self, connection: Connection, item: Item, sealed: Sealed, wrapped: Wrapped, at: datetime) -> None:
        connection.execute(
            insert(StoredObject).values(
                id=sealed.object_id,
                kek_id=wrapped.kek_id,
                category_id=item.category_id,
                wrap=wrapped.wrap,
                length=sealed.length,
                segment_size=sealed.segment_size,
                ciphertext_sha256=sealed.ciphertext_sha256,
                commitment=sealed.commitment,
                created_at=at,
            )
        )

    def _deliver(
        self,
        connection: Connection,
        item: Item,
        sealed: Sealed,
        wrapped: Wrapped,
        document_id: int,
        school_id: int,
        at: datetime,
        until: datetime,
    ) -> str:
        folder = Folder(school_id, Month.of(london_date(at)), item.category_id)
        # Before the name is chosen: the counter's row keeps other publishers out of the school until we commit.
        generations.bump(connection, generations.content_of(school_id))
        wanted = _wanted_name(item)
        name = self._free_name(connection, folder, names.proposal(wanted) if self._rules.fix_names else wanted)
        delivery_id = self._entropy(16)
        connection.execute(
            insert(Delivery).values(
                id=delivery_id,
                document_id=document_id,
                object_id=sealed.object_id,
                school_id=school_id,
                month=folder.month.key,
                category_id=item.category_id,
                kek_id=wrapped.kek_id,
                name_sealed=self._vault.seal_name(
                    wrapped.kek_id,
                    name,
                    delivery_id=delivery_id,
                    school_id=school_id,
                    category_id=item.category_id,
                    object_id=sealed.object_id,
                ),
                token=self._vault.token(wrapped.kek_id, folder.token_id, name),
                size=sealed.length,
                published_at=at,
                visible_until=until,
                restricted=item.restriction.restricted,
                not_headteacher=item.restriction.not_headteacher,
            )
        )
        return name

    def _free_name(self, connection: Connection, folder: Folder, wanted: str) -> str:
        """`wanted`, or the first `wanted (n)` that no document of the folder has or ever had."""
        for name in names.numbered(wanted):
            tokens: Sequence[bytes] = self._catalogue.tokens(connection, folder, name)
            taken = connection.execute(
                select(Delivery.id).where(in_folder(folder), Delivery.token.in_(tokens)).limit(1)
            ).first()
            if taken is None:
                return name
        raise AssertionError("names.numbered does not end")


@dataclass(slots=True)
class _Act:
    """One act of publishing. `batch` is its row, entered with its first document, known once that is committed."""

    actor: int
    user: str
    note: str
    clock: GuardedClock
    batch: int | None = None


def _enter_batch(connection: Connection, act: _Act, at: datetime) -> int:
    return connection.execute(
        insert(Batch).values(account_id=act.actor, published_at=at, note=act.note).returning(Batch.id)
    ).scalar_one()


def _event(sealed: Sealed, reference: str, act: _Act, at: datetime, result: Result, *, count: int = 1) -> Event:
    return Event(
        event=EventKind.DOCUMENT_PUBLISHED,
        at=at,
        result=result,
        actor=act.actor,
        client=act.user,
        protocol="command" if act.user else "",
        object=sealed.object_id.hex(),
        reference=reference,
        count=count,
    )


def _wanted_name(item: Item) -> str:
    """The name that was asked for, as all clients write it: a Mac's own files come in Unicode's other form [R7]."""
    return unicodedata.normalize("NFC", item.name or item.source.name)


def _chunks(source: Path) -> Generator[bytes, None, None]:
    """The bytes of a file. Raises OperatorError, so that its faults are not taken for the store's."""
    try:
        with source.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as exc:
        raise OperatorError(f"{source}: cannot be read ({exc.strerror}): check it and publish again.") from exc


def _quiet(item: Item, size: int) -> None:
    """Nobody watches."""
