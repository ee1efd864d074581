"""`Checkpointer`: signs where the record stands, keeps it in the home and hands it to witnesses outside.

One for each home, in the process that does the jobs, on a thread of its own; not thread-safe, but `end`. A checkpoint
is made every minute or 10,000 records, and at the end, but only where the record continues the last one: on a record
that was cut or rewritten nothing is signed. What goes wrong is an alarm in the log, once, and is tried again; nothing
here stops a reader.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from config.clock import Clock
from config.database import Database
from config.errors import OperatorError
from config.outages import in_one_line
from config.secrets import RECORD_SIGNING, Secrets
from policy.audit import chain
from policy.audit.checkpoint import Checkpoint, PublicKeys, key_id
from policy.audit.testimony import CheckpointFolder, difference

EVERY_SECONDS = 60.0
EVERY_RECORDS = 10_000
RETRY_SECONDS = 15.0
LOOK_SECONDS = 1.0
"""How often `Checkpointer.turn` is to be called."""

log = logging.getLogger("ladocs.record")


class Target(Protocol):
    """A place outside the server to which checkpoints go. Raises OSError (ssl.SSLError is one)."""

    @property
    def name(self) -> str:
        """How the log calls it."""
        ...

    def deliver(self, checkpoint: Checkpoint) -> None:
        """Hand it over; on return it has left this process for good."""
        ...


class Inconsistent(Exception):
    """The record does not continue a checkpoint that was signed."""


def signing_key(secrets: Secrets) -> Ed25519PrivateKey:
    """The present key. Raises OperatorError."""
    return Ed25519PrivateKey.from_private_bytes(secrets.current(RECORD_SIGNING).value)


def public_keys(secrets: Secrets) -> PublicKeys:
    """Every key that ever signed for this home. Raises OperatorError."""
    keys = [Ed25519PrivateKey.from_private_bytes(one.value).public_key() for one in secrets.all(RECORD_SIGNING)]
    return {key_id(key): key for key in keys}


@dataclass(slots=True)
class _Delivery:
    """How one target stands: what it has, and when it may be tried again after a failure."""

    target: Target
    has: Checkpoint | None = None
    retry_at: float | None = None


@dataclass(slots=True)
class Checkpointer:
    """Where the record stood, minute by minute."""

    url: str = field(repr=False)  # it may hold the database's password
    secrets: Secrets
    clock: Clock
    folder: CheckpointFolder
    origin: str
    targets: Sequence[Target] = ()
    _last: Checkpoint | None = None
    _made_at: float | None = None
    _alarmed: str = ""
    _deliveries: list[_Delivery] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._deliveries = [_Delivery(target) for target in self.targets]

    def turn(self) -> None:
        """Make a checkpoint if one is due, and hand the newest to every target that has not got it."""
        self._step(self._make_if_due)
        self._deliver()

    def end(self) -> None:
        """The last checkpoint, whatever the time; call it when the record is closed."""
        self._step(self._make)
        self._deliver(at_once=True)

    def fresh(self) -> Checkpoint:
        """Sign where the record stands, and keep nothing.

        Raises Inconsistent, OperatorError, SQLAlchemyError and OSError.
        """
        self._recall()
        with self._reading() as connection:
            differs = "" if self._last is None else difference(self._last.head, connection)
            head = chain.head(connection)
        if differs:
            raise Inconsistent(
                f"the record does not continue the last one ({differs}): it was cut, changed or put back"
            )
        return Checkpoint.sign(signing_key(self.secrets), origin=self.origin, head=head, at=self.clock.now())

    def _step(self, make: Callable[[], None]) -> None:
        try:
            make()
        except (Inconsistent, SQLAlchemyError, OperatorError, OSError) as exc:
            said = in_one_line(exc)
            if said != self._alarmed:
                log.critical("no checkpoint of the record can be made: %s", said)
            self._alarmed = said
        else:
            if self._alarmed:
                log.warning("checkpoints of the record are made again")
            self._alarmed = ""

    def _make_if_due(self) -> None:
        self._recall()
        now = self.clock.monotonic()
        if self._made_at is None or now - self._made_at >= EVERY_SECONDS:
            self._make()
            return
        with self._reading() as connection:
            records = chain.head(connection).records
        if self._last is None or records - self._last.head.records >= EVERY_RECORDS:
            self._make()

    def _make(self) -> None:
        made = self.fresh()
        if self._last is None or made.head != self._last.head:
            self.folder.keep(made)
            self._last = made
        self._made_at = self.clock.monotonic()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """The record as it lies on the disk now: a connection that was kept could look into a file that is gone."""
        parsed = make_url(self.url)
        if parsed.get_backend_name() == "sqlite":
            Path(parsed.database or "").stat()  # connecting would make a database that is missing
        database = Database(self.url)
        try:
            with database.read() as connection:
                yield connection
        finally:
            database.dispose()

    def _recall(self) -> None:
        if self._last is None:
            self._last = self.folder.newest(public_keys(self.secrets))

    def _deliver(self, *, at_once: bool = False) -> None:
        """Only the newest: it vouches for all before it, so nothing is lost with those that a target missed."""
        newest, now = self._last, self.clock.monotonic()
        for one in self._deliveries:
            if newest is None or one.has == newest:
                continue
            if one.retry_at is not None and now < one.retry_at and not at_once:
                continue
            try:
                one.target.deliver(newest)
            except OSError as exc:
                if one.retry_at is None:
                    log.critical("checkpoints do not reach %s: %s", one.target.name, in_one_line(exc))
                one.retry_at = now + RETRY_SECONDS
            else:
                if one.retry_at is not None:
                    log.warning("checkpoints reach %s again", one.target.name)
                one.has, one.retry_at = newest, None
