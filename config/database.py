"""The database: one engine a process, short read and write transactions, times as UTC microseconds.

Called by every module that owns tables. SQLite (default) runs with WAL, foreign keys, `secure_delete` and
`synchronous=FULL`; its writers queue on an exclusive `flock`, because `BEGIN IMMEDIATE` with a busy time-out starves
them under load. PostgreSQL is reached by psycopg 3. Thread-safe; not to be carried across a fork: make one `Database`
per process.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import URL, BigInteger, Connection, Dialect, LargeBinary, MetaData, create_engine, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from config.clock import from_microseconds, microseconds
from config.errors import OperatorError

TURN_SECONDS = 5.0
"""How long a writer waits for its turn on SQLite; whoever holds it longer is stuck."""
_PATIENCE = {"connect_timeout": 5, "tcp_user_timeout": 5000}
"""For how long a server of PostgreSQL that has vanished from the network is waited for (libpq; seconds, then ms)."""
_NO_TURN = "the database is held by another writer"
_WRONG_URL = "database.url is no address of SQLite or PostgreSQL: write it like postgresql://ladocs@db/ladocs."


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime kept as microseconds since 1970 (BIGINT): exact, ordered and alike on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_microseconds(value)


class Base(DeclarativeBase):
    """The tables of the main database. Rows are read and written by Core statements; there is no unit of work."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, bytes: LargeBinary}


class AuditBase(DeclarativeBase):
    """The tables of the record, which on SQLite is a file of its own."""

    metadata = MetaData(naming_convention=Base.metadata.naming_convention)
    type_annotation_map: ClassVar[dict[Any, Any]] = Base.type_annotation_map


class Database:
    """Short transactions on one database.

    `url` is an SQLAlchemy URL (`sqlite:////path/ladocs.db`, `postgresql://user@host/name`). Raises OperatorError for
    another, and where the driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        parsed = _parsed(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.engine: Engine = _engine(parsed, max_overflow=120)
            event.listen(self.engine, "connect", _sqlite_pragmas)
            self._lock_path: Path | None = Path(f"{parsed.database}.lock")
        else:
            patience = {name: value for name, value in _PATIENCE.items() if name not in parsed.query}
            self.engine = _engine(parsed, max_overflow=24, pool_pre_ping=True, connect_args=patience)
            self._lock_path = None
        self._queue = threading.Lock()
        # SQLite has no other kind of reading, and does not know these words.
        options = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reader = self.engine.execution_options(**options)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A snapshot for reading, as of its first statement; always rolled back. Raises SQLAlchemyError."""
        with self._reader.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            yield connection
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits when the block ends and rolls back when it raises.

        On return the change is on the disk. Raises sqlalchemy.exc.SQLAlchemyError, OSError (lock file; TimeoutError
        when no turn came).
        """
        with self._writers_turn(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            try:
                connection.commit()
            except BaseException:
                _give_up(connection)
                raise

    def scrub(self, tables: Sequence[str]) -> None:
        """Leave nothing in the database's own files of what was emptied in `tables` and committed.

        SQLite has overwritten it (`secure_delete`), and its write-ahead log is emptied here; PostgreSQL vacuums. Raises
        SQLAlchemyError, and TimeoutError where a reader still needs the log.
        """
        with self._writers_turn(), self.engine.connect() as connection:
            if self.is_sqlite:
                busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
                if busy:
                    raise TimeoutError("a reader keeps the write-ahead log from being emptied")
                return
            connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in tables:
                connection.exec_driver_sql(f'VACUUM "{table}"')

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    @contextmanager
    def _writers_turn(self) -> Iterator[None]:
        if self._lock_path is None:
            yield
            return
        if not self._queue.acquire(timeout=TURN_SECONDS):
            raise TimeoutError(_NO_TURN)
        try:
            with self._machine_wide_turn(self._lock_path):
                yield
        finally:
            self._queue.release()

    @contextmanager
    def _machine_wide_turn(self, path: Path) -> Iterator[None]:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor)
            yield
        finally:
            os.close(descriptor)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise OperatorError(_WRONG_URL, exit_status=2) from exc
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise OperatorError(_WRONG_URL, exit_status=2)
    return parsed


def _give_up(connection: Connection) -> None:
    """A commit has failed: its transaction may be open still, with the lock, and must not come back from the pool.

    The connection stays where it could be rolled back: closing SQLite's last one flushes, and a flush that has failed
    is not tried again (docs/decisions/0031-a-failed-flush-ends-the-process.md).
    """
    try:
        connection.connection.rollback()
    except Exception:  # noqa: BLE001 - whatever it is: this one comes back to nobody
        connection.invalidate()


def _engine(url: URL, **options: Any) -> Engine:
    try:
        return create_engine(url, hide_parameters=True, pool_size=8, pool_timeout=10, **options)
    except ModuleNotFoundError as exc:
        raise OperatorError(
            f"The driver of PostgreSQL ({exc.name}) is not installed: pip install 'ladocs[postgresql]'.", exit_status=2
        ) from exc


def _lock(descriptor: int) -> None:
    """The lock, within `TURN_SECONDS`. flock(2) knows no time-out, so a thread waits in it, and may be left behind.

    The caller then closes the descriptor, and the kernel gives the lock back as soon as that thread gets it. Asking
    again and again would have a time-out too, and would starve: a waiter in the kernel is woken when its turn comes.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiter = threading.Thread(
            target=fcntl.flock, args=(descriptor, fcntl.LOCK_EX), name="writers-turn", daemon=True
        )
        waiter.start()
        waiter.join(TURN_SECONDS)
        if waiter.is_alive():
            raise TimeoutError(_NO_TURN) from None


def _sqlite_pragmas(connection: Any, _record: object) -> None:
    # The driver's own transaction control would begin too late for a write lock: ours says BEGIN itself.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        "busy_timeout=5000",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
