"""Publishing: files become sealed objects, documents and deliveries, all or nothing for each document [R8] [R27].

Called by `ladocs publish` and by the demo. Bytes are sealed while they are read, no plaintext copy is ever made; the
record is durable before the rows; the rows are one transaction. Thread-safe. Raises OperatorError only for what stands
in the way of the whole act; the fault of one document is a line of its report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from config.clock import Clock, london_date
from config.database import Database
from config.entropy import Entropy
from config.errors import OperatorError
from gateway import names
from gateway.catalogue import Catalogue, Folder
from gateway.models import Audience, Batch, Delivery, Document, StoredObject
from gateway.vault.blob import Sealed
from gateway.vault.models import Purpose
from gateway.vault.vault import Vault, Wrapped
from policy import generations
from policy.access import HEADTEACHER, ROLES, readers
from policy.audit.events import Event, EventKind, RecordUnavailable, Result
from policy.audit.log import AuditLog
from policy.months import Month, Window, destroy_day, last_day, visible_until

CHUNK = 1 << 20
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Restriction:
    """Whom a document is for among those who hold its category [R5]; empty: all of them."""

    roles: frozenset[str] = frozenset()
    accounts: frozenset[int] = frozenset()
    not_headteacher_reason: str = ""

    @property
    def restricted(self) -> bool:
        return bool(self.roles or self.accounts)


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
    """The act of publishing, for one home."""

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        log: AuditLog,
        clock: Clock,
        entropy: Entropy,
        rules: Rules,
    ) -> None:
        self._database = database
        self._vault = vault
        self._catalogue = Catalogue(vault)
        self._log = log
        self._clock = clock
        self._entropy = entropy
        self._rules = rules

    def publish(
        self, items: Iterable[Item], *, actor: int, note: str = "", progress: Progress | None = None
    ) -> list[Published | Failed]:
        """Publish each item now, as account `actor`; one verdict an item, in order."""
        self._vault.top_up(self._database, london_date(self._clock.now()))
        batch = _BatchNumber(actor, note)
        return [self._publish(item, batch, actor, progress or _quiet) for item in items]

    def check(self, item: Item) -> str | None:
        """What forbids publishing `item`, as one line with the mend, or None."""
        name = item.name or item.source.name
        wrong = None if self._rules.fix_names else names.fault(name)
        if wrong is not None:
            return f"{item.source}: the name {wrong}: '{names.proposal(name)}' would do (--fix-names takes it)."
        if not item.schools:
            return f"{item.source}: no school is given: name one with --school 830-2001."
        unknown = item.restriction.roles - set(ROLES)
        if unknown:
            return f"{item.source}: '{min(unknown)}' is no role: there are {', '.join(ROLES)}."
        if item.restriction.roles == {HEADTEACHER} and item.restriction.not_headteacher_reason:
            return f"{item.source}: it is addressed to the headteacher and withheld from the headteacher: choose one."
        return self._check_file(item.source)

    def _check_file(self, source: Path) -> str | None:
        try:
            if not source.is_file():
                return f"{source}: this is not a file: give the path of a document."
            size = source.stat().st_size
        except OSError as exc:
            return f"{source}: cannot be read ({exc.strerror}): check the path and its permissions."
        if size == 0:
            return f"{source}: the file is empty: publish it when it holds something."
        if size > self._rules.max_bytes:
            return (
                f"{source}: {size:,} bytes are more than publish.max_bytes ({self._rules.max_bytes:,}):"
                " split the file or raise that setting."
            )
        return None

    def _publish(self, item: Item, batch: _BatchNumber, actor: int, progress: Progress) -> Published | Failed:
        wrong = self.check(item)
        if wrong is not None:
            return Failed(item.source, wrong)
        try:
            sealed = self._seal(item, progress)
        except OSError as exc:
            return Failed(item.source, f"{item.source}: cannot be read ({exc.strerror}): check it and publish again.")
        except OperatorError as exc:
            return Failed(item.source, str(exc))
        for attempt in range(_ATTEMPTS):
            reference = self._reference()
            at = self._clock.now()
            try:
                self._record(item, sealed, reference, actor, at)
                with self._database.write() as connection:
                    return self._enter(connection, item, sealed, reference, batch, at)
            except RecordUnavailable:
                return Failed(item.source, f"{item.source}: the record cannot be written: mend that and publish again.")
            except IntegrityError:
                # Somebody took the same name or reference between our look and our insert: look again.
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _seal(self, item: Item, progress: Progress) -> Sealed:
        limit = self._rules.max_bytes
        with item.source.open("rb", buffering=0) as file, self._vault.seal() as sealing:
            taken = 0
            while chunk := file.read(CHUNK):
                taken += len(chunk)
                if taken > limit:
                    raise OperatorError(f"{item.source}: it grew beyond publish.max_bytes while being read.")
                sealing.write(chunk)
                progress(item, len(chunk))
            if taken == 0:
                raise OperatorError(f"{item.source}: the file is empty: publish it when it holds something.")
            return sealing.finish()

    def _reference(self) -> str:
        digits = "".join(_ALPHABET[byte & 31] for byte in self._entropy(6))
        return f"D-{digits[:4]}-{digits[4:]}"

    def _record(self, item: Item, sealed: Sealed, reference: str, actor: int, at: datetime) -> None:
        self._log.record_all(
            [
                Event(
                    event=EventKind.DOCUMENT_PUBLISHED,
                    at=at,
                    result=Result.PERMIT,
                    actor=actor,
                    school=school_id,
                    object=sealed.object_id.hex(),
                    reference=reference,
                    reason=item.restriction.not_headteacher_reason,
                )
                for school_id in item.schools
            ]
        )

    def _enter(
        self,
        connection: Connection,
        item: Item,
        sealed: Sealed,
        reference: str,
        batch: _BatchNumber,
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
                batch_id=batch.number(connection, at),
                category_id=item.category_id,
                published_at=at,
                last_day=last_day(at, self._rules.window),
                visible_until=until,
                destroy_day=day,
                restricted=item.restriction.restricted,
                not_headteacher=bool(item.restriction.not_headteacher_reason),
                not_headteacher_reason=item.restriction.not_headteacher_reason,
            )
            .returning(Document.id)
        ).scalar_one()
        for role in sorted(item.restriction.roles):
            connection.execute(insert(Audience).values(document_id=document_id, role=role))
        for account in sorted(item.restriction.accounts):
            connection.execute(insert(Audience).values(document_id=document_id, account_id=account))
        delivered = [
            (school, self._deliver(connection, item, sealed, wrapped, document_id, school, at, until))
            for school in item.schools
        ]
        unread = [school for school in item.schools if readers(connection, school, item.category_id) == 0]
        warnings = tuple(f"nobody in school {school} can read this category" for school in unread)
        return Published(item.source, reference, tuple(delivered), sealed.length, warnings)

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
        wanted = item.name or item.source.name
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
                not_headteacher=bool(item.restriction.not_headteacher_reason),
            )
        )
        generations.bump(connection, generations.content_of(school_id))
        return name

    def _free_name(self, connection: Connection, folder: Folder, wanted: str) -> str:
        """`wanted`, or the first `wanted (n)` that no document of the folder has or ever had."""
        for name in names.numbered(wanted):
            tokens: Sequence[bytes] = self._catalogue.tokens(connection, folder, name)
            taken = connection.execute(
                select(Delivery.id)
                .where(
                    Delivery.school_id == folder.school_id,
                    Delivery.month == folder.month.key,
                    Delivery.category_id == folder.category_id,
                    Delivery.token.in_(tokens),
                )
                .limit(1)
            ).first()
            if taken is None:
                return name
        raise AssertionError("names.numbered does not end")


class _BatchNumber:
    """The batch's row, made with the first document that needs it."""

    def __init__(self, actor: int, note: str) -> None:
        self._actor = actor
        self._note = note
        self._number: int | None = None

    def number(self, connection: Connection, at: datetime) -> int:
        """The batch's id. A transaction that rolls back takes the row with it, so it is entered when it is missing."""
        if self._number is not None:
            known = connection.execute(select(Batch.id).where(Batch.id == self._number)).scalar()
            if known is not None:
                return known
        self._number = connection.execute(
            insert(Batch).values(account_id=self._actor, published_at=at, note=self._note).returning(Batch.id)
        ).scalar_one()
        return self._number


def _quiet(item: Item, size: int) -> None:
    """Nobody watches."""
