"""One batch onto the chain, in one transaction: the only code that inserts into the record.

Called by the writer thread of `AuditLog` alone; not thread-safe, but any number of processes may each have one: the
head is read inside the write transaction, whose turn is an exclusive `flock` (SQLite) or an advisory lock (PostgreSQL).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, select
from sqlalchemy.engine import make_url

from config.clock import Clock, microseconds
from config.database import Database
from config.entropy import Entropy
from policy.audit.faults import flush_failed
from policy.audit.merkle import GENESIS, SALT_BYTES, leaf_hash, link_hash, tree_hash
from policy.audit.models import AuditBatch, AuditRecord

_ADVISORY_LOCK = 0x6C61646F63730001  # "ladocs", 1
_POSTGRESQL_TURN = (
    "SET LOCAL synchronous_commit = on",
    "SET LOCAL lock_timeout = '5s'",
    "SET LOCAL statement_timeout = '10s'",
    f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})",
)
_PATIENCE = {"connect_timeout": "2", "tcp_user_timeout": "5000"}

_insert_records = insert(AuditRecord)
_insert_batch = insert(AuditBatch)
_last_batch = (
    select(AuditBatch.b, AuditBatch.first, AuditBatch.n, AuditBatch.link).order_by(AuditBatch.b.desc()).limit(1)
)


class DatabaseReplaced(Exception):
    """The database's file is no longer the one at its path: what was just written may be lost."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: its last batch, how many records it holds, and the link that seals them all."""

    b: int = 0
    records: int = 0
    link: bytes = GENESIS


def head(connection: Connection) -> Head:
    """The present end of the chain, as `connection` sees it."""
    row = connection.execute(_last_batch).one_or_none()
    return Head() if row is None else Head(row.b, row.first + row.n - 1, row.link)


class Chain:
    """The record's database, opened for appending."""

    def __init__(self, url: str, clock: Clock, entropy: Entropy) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            url = parsed.set(query={**_PATIENCE, **parsed.query}).render_as_string(hide_password=False)
        self.database = Database(url)
        self._clock = clock
        self._entropy = entropy
        self._files = _SqliteFiles(Path(parsed.database or "")) if self.database.is_sqlite else None

    def append(self, payloads: Sequence[bytes]) -> Head:
        """Seal `payloads` (at least one) as the next batch; on return they are on the disk.

        Raises sqlalchemy.exc.SQLAlchemyError, OSError or DatabaseReplaced, and then begins the next time with a fresh
        connection. After an error the batch may nevertheless be in the record.
        """
        try:
            if self._files is not None:
                self._files.before()
            with self.database.write() as connection:
                if not self.database.is_sqlite:
                    for statement in _POSTGRESQL_TURN:
                        connection.exec_driver_sql(statement)
                new = self._insert(connection, payloads)
            if self._files is not None:
                self._files.after()
        except BaseException as exc:
            if not flush_failed(exc):  # closing SQLite's last connection would flush again
                self.forget()
            raise
        return new

    def forget(self) -> None:
        """Close all connections; the next append opens afresh."""
        self.database.dispose()
        if self._files is not None:
            self._files.forget()

    def _insert(self, connection: Connection, payloads: Sequence[bytes]) -> Head:
        old = head(connection)
        b, first, n = old.b + 1, old.records + 1, len(payloads)
        chance = self._entropy(SALT_BYTES * n)
        salts = [chance[i : i + SALT_BYTES] for i in range(0, len(chance), SALT_BYTES)]
        leaves = [leaf_hash(first + i, salts[i], payload) for i, payload in enumerate(payloads)]
        root = tree_hash(leaves)
        ts = microseconds(self._clock.now())
        link = link_hash(old.link, b=b, first=first, n=n, ts=ts, root=root)
        values = {"b": b, "first": first, "n": n, "ts": ts, "root": root, "prev": old.link, "link": link}
        connection.execute(_insert_batch, values)
        connection.execute(
            _insert_records,
            [
                {"seq": first + i, "batch": b, "salt": salts[i], "payload": payload, "leaf": leaves[i]}
                for i, payload in enumerate(payloads)
            ],
        )
        return Head(b, first + n - 1, link)


class _SqliteFiles:
    """Notices that the file was deleted or exchanged: SQLite would go on writing into one that has no name."""

    def __init__(self, path: Path) -> None:
        self._paths = (path, Path(f"{path}-wal"))
        self._main: tuple[int, int] | None = None
        self._seen: tuple[tuple[int, int], ...] | None = None

    def before(self) -> None:
        """Raises FileNotFoundError where connecting would make an empty database."""
        if self._seen is None:
            self._main = _identity(self._paths[0])

    def after(self) -> None:
        """Raises DatabaseReplaced or FileNotFoundError if what was written is not what stands at the path."""
        found = tuple(_identity(path) for path in self._paths)
        if found[0] != self._main or (self._seen is not None and found != self._seen):
            raise DatabaseReplaced(f"{self._paths[0]} was exchanged while it was open")
        self._seen = found

    def forget(self) -> None:
        self._seen = self._main = None


def _identity(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_dev, state.st_ino
