"""The record's database locked, read-only or gone: refused, and afterwards it goes on by itself."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from policy.audit.events import RecordUnavailable
from policy.audit.faults import disk_full, flush_failed
from policy.audit.log import AuditLog
from policy.audit.verify import verify
from tests.audit.conftest import empty
from tests.support.clock import FakeClock
from tests.support.databases import opened
from tests.support.events import an_event
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.waiting import until

MakeLog = Callable[..., AuditLog]


def refusal(log: AuditLog) -> BaseException | None:
    """The record refuses; the cause."""
    with pytest.raises(RecordUnavailable) as caught:
        log.record(an_event())
    return caught.value.__cause__


def recovers(log: AuditLog, clock: FakeClock) -> None:
    """Within ten seconds it records again, tried afresh each second of the clock."""

    def records() -> bool:
        clock.advance(seconds=1)
        try:
            log.record(an_event())
        except RecordUnavailable:
            return False
        return True

    assert until(records)


def is_whole(url: str) -> bool:
    with opened(url) as database, database.read() as connection:
        return verify(connection).intact


def test_a_locked_database_refuses_in_time_and_recovers(sqlite_url: str, make_log: MakeLog, clock: FakeClock) -> None:
    log = make_log(sqlite_url, timeout=0.2)
    log.record(an_event())
    with closing(sqlite3.connect(path_of(sqlite_url), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        refusal(log)
        other.execute("ROLLBACK")
    recovers(log, clock)
    assert is_whole(sqlite_url)


def test_a_writer_that_keeps_the_turn_is_waited_for_no_longer_than_the_time_out(
    sqlite_url: str, make_log: MakeLog, clock: FakeClock
) -> None:
    log = make_log(sqlite_url, timeout=0.2)
    log.record(an_event())
    with Path(f"{path_of(sqlite_url)}.lock").open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        refusal(log)
    recovers(log, clock)


def test_after_a_refusal_others_are_refused_at_once_for_a_second(sqlite_url: str, make_log: MakeLog) -> None:
    log = make_log(sqlite_url, timeout=0.2)
    path_of(sqlite_url).rename(path_of(sqlite_url).with_suffix(".away"))
    assert isinstance(refusal(log), FileNotFoundError)
    assert refusal(log) is None


def test_a_deleted_database_is_noticed_although_its_file_is_still_open(
    sqlite_url: str, make_log: MakeLog, clock: FakeClock
) -> None:
    log = make_log(sqlite_url)
    log.record(an_event())
    away = path_of(sqlite_url).with_suffix(".away")
    path_of(sqlite_url).rename(away)
    assert isinstance(refusal(log), FileNotFoundError)
    away.rename(path_of(sqlite_url))
    recovers(log, clock)
    assert is_whole(sqlite_url)


def test_a_missing_database_is_never_made_anew(sqlite_url: str, make_log: MakeLog, clock: FakeClock) -> None:
    log = make_log(sqlite_url)
    path_of(sqlite_url).unlink()
    for _ in range(3):
        refusal(log)
        clock.advance(seconds=1)
    assert not path_of(sqlite_url).exists()


def test_a_deleted_write_ahead_log_is_noticed(sqlite_url: str, make_log: MakeLog, clock: FakeClock) -> None:
    log = make_log(sqlite_url)
    log.record(an_event())
    Path(f"{path_of(sqlite_url)}-wal").unlink()
    assert isinstance(refusal(log), FileNotFoundError)


def test_a_read_only_database_refuses_and_recovers(make_log: MakeLog, clock: FakeClock) -> None:
    with tempfile.TemporaryDirectory(prefix="ladocs-") as folder:
        Path(folder).chmod(0o777)
        url = empty(f"sqlite:///{folder}/audit.db")
        Path(path_of(url)).chmod(0o444)
        Path(f"{path_of(url)}.lock").chmod(0o666)
        log = make_log(url)
        with _without_privileges():
            cause = refusal(log)
        assert isinstance(cause, OperationalError)
        assert isinstance(cause.orig, sqlite3.OperationalError)
        assert cause.orig.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
        Path(path_of(url)).chmod(0o644)
        recovers(log, clock)


@contextmanager
def _without_privileges() -> Iterator[None]:
    """Root may write anywhere: become nobody for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_posted_events_outlive_an_outage(sqlite_url: str, make_log: MakeLog, clock: FakeClock) -> None:
    log = make_log(sqlite_url)
    away = path_of(sqlite_url).with_suffix(".away")
    path_of(sqlite_url).rename(away)
    refusal(log)
    for _ in range(5):
        assert log.post(an_event())
    away.rename(path_of(sqlite_url))
    recovers(log, clock)
    log.flush()
    assert log.head.records == 6


def test_a_failed_flush_is_told_to_the_process_once(sqlite_url: str, make_log: MakeLog, clock: FakeClock) -> None:
    told: list[BaseException] = []
    log = make_log(sqlite_url, on_fatal=told.append)
    log.record(an_event())
    with _a_failing_device():
        refusal(log)
    clock.advance(seconds=5)
    refusal(log)
    assert len(told) == 1


@contextmanager
def _a_failing_device() -> Iterator[None]:
    """The kernel's answer of a broken disk, given to whoever asks the turn's file."""
    real = os.open

    def broken(path: str, *arguments: int, **named: int) -> int:
        if str(path).endswith(".lock"):
            raise OSError(errno.EIO, "Input/output error")
        return real(path, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", broken)
        yield


def test_a_failed_flush_is_told_from_other_errors() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    answers = []
    for code in (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC, sqlite3.SQLITE_IOERR_WRITE):
        error.sqlite_errorcode = code
        answers.append(flush_failed(OperationalError("COMMIT", None, error)))
    assert answers == [True, True, False]


def test_a_full_disk_is_told_from_other_errors() -> None:
    assert [disk_full(OSError(code, "")) for code in (errno.ENOSPC, errno.EDQUOT, errno.EPERM)] == [True, True, False]


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that the tests may stop and break."""
    with postgres_server() as server:
        yield server


def test_a_stopped_postgresql_refuses_and_recovers(
    own_server: PostgresServer, make_log: MakeLog, clock: FakeClock
) -> None:
    url = empty(own_server.fresh_database())
    log = make_log(url)
    log.record(an_event())
    own_server.stop()
    try:
        assert isinstance(refusal(log), OperationalError)
    finally:
        own_server.start()
    recovers(log, clock)
    assert is_whole(url)


def test_a_read_only_postgresql_refuses_and_recovers(
    own_server: PostgresServer, make_log: MakeLog, clock: FakeClock
) -> None:
    url = empty(own_server.fresh_database())
    log = make_log(url)
    name = url.rpartition("/")[2]
    with psycopg.connect(own_server.url, autocommit=True) as other:
        other.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
        cause = refusal(log)
        other.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'.encode())
    assert "read-only" in str(cause)
    recovers(log, clock)


def test_a_locked_postgresql_refuses_in_time_and_recovers(
    own_server: PostgresServer, make_log: MakeLog, clock: FakeClock
) -> None:
    url = empty(own_server.fresh_database())
    log = make_log(url, timeout=0.2)
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE audit_batch IN ACCESS EXCLUSIVE MODE")
        refusal(log)
    recovers(log, clock)
    assert is_whole(url)


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))
