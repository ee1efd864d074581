"""Publishing: files become sealed objects, documents and deliveries, all or nothing for each document [R8] [R27].

Called by `ladocs publish` and by the demo. Bytes are sealed while they are read, no plaintext copy is ever made; the
record is durable before the rows; the rows are one transaction. Thread-safe. Raises OperatorError only for what stands
in the way of the whole act; the fault of one document is a line of its report.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from auth import crockford
from config.clock import Clock, london_date
from config.database import Database
from config.entropy import Entropy
from config.errors import OperatorError
from gateway.clockguard import GuardedClock, mark
from gateway.deliveries import Deliveries
from gateway.item import Failed, Item, Progress, Published, Restriction, Rules
from gateway.models import Batch
from gateway.scrutiny import EMPTY, Scrutiny
from gateway.vault.blob import Sealed
from gateway.vault.keybox import KeyGone
from gateway.vault.vault import Vault
from policy.audit.events import Event, EventKind, RecordUnavailable, Result
from policy.audit.log import AuditLog
from policy.audit.space import Room, room_at

__all__ = ["Failed", "Item", "Progress", "Published", "Publisher", "Restriction", "Rules"]

CHUNK = 1 << 20
_ATTEMPTS = 5


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
        self._scrutiny = Scrutiny(database, rules)
        self._deliveries = Deliveries(vault, entropy, rules)
        self._log = log
        self._clock = clock
        self._entropy = entropy
        self._max_bytes = rules.max_bytes
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
        return self._scrutiny.objection(item)

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
        limit = self._max_bytes
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
                raise OperatorError(EMPTY.format(item.source))
            return sealing.finish()

    def _publish(self, item: Item, sealed: Sealed, act: _Act) -> Published:
        """Record, then enter, what is sealed. Where the rows fail, the record is told so as well."""
        for _ in range(_ATTEMPTS):
            reference, at = self._reference(), act.clock.now()
            self._record(item, sealed, reference, act, at)
            try:
                with self._database.write() as connection:
                    batch = act.batch or _enter_batch(connection, act, at)
                    published = self._deliveries.enter(
                        connection, item, sealed, reference=reference, batch=batch, at=at
                    )
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
