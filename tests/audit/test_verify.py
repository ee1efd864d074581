"""The prover finds every way to rewrite the record; each row of the table is one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from policy.audit.chain import Head
from policy.audit.events import EventKind
from policy.audit.log import AuditLog
from policy.audit.merkle import leaf_hash, link_hash, tree_hash
from policy.audit.verify import Fault, Report, verify
from tests.support.clock import FakeClock
from tests.support.databases import opened
from tests.support.events import an_event

Tamper = Callable[[sqlite3.Connection], object]


@dataclass(frozen=True)
class Written:
    """A record of five batches of three, and the heads that somebody remembered after each."""

    path: Path
    heads: tuple[Head, ...]

    def verify(self, against: tuple[Head, ...] = ()) -> Report:
        with opened(f"sqlite:///{self.path}") as database, database.read() as connection:
            return verify(connection, against)

    def tamper(self, act: Tamper) -> None:
        """As the owner of the file would: triggers dropped first."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            act(connection)


@pytest.fixture
def written(tmp_path: Path, sqlite_url: str, make_log: Callable[..., AuditLog]) -> Written:
    log = make_log(sqlite_url)
    heads = []
    for b in range(5):
        log.record_all([an_event(actor=3 * b + n) for n in range(3)])
        heads.append(log.head)
    log.close()
    return Written(tmp_path / "audit.db", tuple(heads))


def sql(*statements: str) -> Tamper:
    return lambda connection: [connection.execute(statement) for statement in statements]


def rehash(connection: sqlite3.Connection) -> None:
    """Change a record and make leaf, root and all links afterwards agree again: what only a remembered head shows."""
    payload = b'{"forged":true}'
    connection.execute("UPDATE audit_record SET payload = ? WHERE seq = 5", (payload,))
    (salt,) = connection.execute("SELECT salt FROM audit_record WHERE seq = 5").fetchone()
    connection.execute("UPDATE audit_record SET leaf = ? WHERE seq = 5", (leaf_hash(5, salt, payload),))
    previous = bytes(32)
    for b, first, n, ts in connection.execute("SELECT b, first, n, ts FROM audit_batch ORDER BY b").fetchall():
        leaves = connection.execute("SELECT leaf FROM audit_record WHERE batch = ? ORDER BY seq", (b,)).fetchall()
        root = tree_hash(leaf for (leaf,) in leaves)
        link = link_hash(previous, b=b, first=first, n=n, ts=ts, root=root)
        connection.execute("UPDATE audit_batch SET root=?, prev=?, link=? WHERE b=?", (root, previous, link, b))
        previous = link


def edit_with_leaf(connection: sqlite3.Connection) -> None:
    (salt,) = connection.execute("SELECT salt FROM audit_record WHERE seq = 5").fetchone()
    leaf = leaf_hash(5, salt, b"{}")
    connection.execute("UPDATE audit_record SET payload = ?, leaf = ? WHERE seq = 5", (b"{}", leaf))


def insert_record(connection: sqlite3.Connection) -> None:
    row = (16, 5, bytes(16), b"{}", leaf_hash(16, bytes(16), b"{}"))
    connection.execute("INSERT INTO audit_record VALUES (?, ?, ?, ?, ?)", row)


def insert_between(connection: sqlite3.Connection) -> None:
    for seq in range(15, 4, -1):
        connection.execute("UPDATE audit_record SET seq = seq + 1 WHERE seq = ?", (seq,))
    row = (5, 2, bytes(16), b"{}", leaf_hash(5, bytes(16), b"{}"))
    connection.execute("INSERT INTO audit_record VALUES (?, ?, ?, ?, ?)", row)


def swap_records(connection: sqlite3.Connection) -> None:
    for old, new in ((4, 99), (5, 4), (99, 5)):
        connection.execute("UPDATE audit_record SET seq = ? WHERE seq = ?", (new, old))


def swap_batches(connection: sqlite3.Connection) -> None:
    for old, new in ((2, 99), (3, 2), (99, 3)):
        connection.execute("UPDATE audit_batch SET b = ? WHERE b = ?", (new, old))


TAMPERINGS: dict[str, tuple[Tamper, Fault, int, int | None]] = {
    "edit a payload": (sql("UPDATE audit_record SET payload = x'7b7d' WHERE seq = 5"), Fault.RECORD_CHANGED, 2, 5),
    "edit a salt": (sql("UPDATE audit_record SET salt = zeroblob(16) WHERE seq = 5"), Fault.RECORD_CHANGED, 2, 5),
    "edit a leaf": (sql("UPDATE audit_record SET leaf = zeroblob(32) WHERE seq = 5"), Fault.RECORD_CHANGED, 2, 5),
    "empty a payload and keep its salt": (
        sql("UPDATE audit_record SET payload = NULL WHERE seq = 5"), Fault.RECORD_CHANGED, 2, 5,
    ),
    "empty a record before its time": (
        sql("UPDATE audit_record SET payload = NULL, salt = NULL WHERE seq = 5"), Fault.RECORD_EMPTIED, 2, 5,
    ),
    "edit a payload with its leaf": (edit_with_leaf, Fault.ROOT_CHANGED, 2, None),
    "edit a pruned leaf": (
        sql("UPDATE audit_record SET payload = NULL, salt = NULL, leaf = zeroblob(32) WHERE seq = 5"),
        Fault.RECORD_EMPTIED, 2, 5,
    ),
    "delete a record": (sql("DELETE FROM audit_record WHERE seq = 5"), Fault.RECORD_MISSING, 2, 5),
    "delete the last record": (sql("DELETE FROM audit_record WHERE seq = 15"), Fault.RECORD_MISSING, 5, 15),
    "delete the first batch whole": (
        sql("DELETE FROM audit_record WHERE batch = 1", "DELETE FROM audit_batch WHERE b = 1"),
        Fault.BATCH_MISSING, 1, None,
    ),
    "delete a middle batch whole": (
        sql("DELETE FROM audit_record WHERE batch = 3", "DELETE FROM audit_batch WHERE b = 3"),
        Fault.BATCH_MISSING, 3, None,
    ),
    "delete a batch row": (sql("DELETE FROM audit_batch WHERE b = 5"), Fault.RECORD_BEYOND, 5, 13),
    "insert a record at the end": (insert_record, Fault.RECORD_BEYOND, 5, 16),
    "insert a record in between": (insert_between, Fault.RECORD_CHANGED, 2, 6),
    "move a record to another batch": (
        sql("UPDATE audit_record SET batch = 3 WHERE seq = 5"), Fault.RECORD_MISPLACED, 2, 5,
    ),
    "swap two records": (swap_records, Fault.RECORD_CHANGED, 2, 4),
    "swap two batches": (swap_batches, Fault.BATCH_RANGE, 2, None),
    "edit a batch's time": (sql("UPDATE audit_batch SET ts = ts + 1 WHERE b = 2"), Fault.LINK_CHANGED, 2, None),
    "edit a batch's root": (sql("UPDATE audit_batch SET root = zeroblob(32) WHERE b = 2"), Fault.ROOT_CHANGED, 2, None),
    "edit a batch's link": (sql("UPDATE audit_batch SET link = zeroblob(32) WHERE b = 2"), Fault.LINK_CHANGED, 2, None),
    "edit a batch's predecessor": (
        sql("UPDATE audit_batch SET prev = zeroblob(32) WHERE b = 2"), Fault.LINK_CHANGED, 2, None,
    ),
    "make a batch longer": (sql("UPDATE audit_batch SET n = 4 WHERE b = 2"), Fault.RECORD_MISPLACED, 2, 7),
    "make a batch empty": (sql("UPDATE audit_batch SET n = 0 WHERE b = 2"), Fault.BATCH_RANGE, 2, None),
    "give a batch a time before time": (sql("UPDATE audit_batch SET ts = -1 WHERE b = 2"), Fault.LINK_CHANGED, 2, None),
    "write text where bytes belong": (
        sql("UPDATE audit_record SET payload = 'x' WHERE seq = 5"), Fault.UNREADABLE, 2, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_found_and_its_place_named(written: Written, name: str) -> None:
    act, fault, batch, seq = TAMPERINGS[name]
    written.tamper(act)
    finding = written.verify().finding
    assert finding is not None
    assert (finding.fault, finding.batch, finding.seq) == (fault, batch, seq)


def test_an_untouched_record_is_proved_whole(written: Written) -> None:
    report = written.verify(written.heads)
    assert (report.intact, report.head) == (True, written.heads[-1])


def test_a_tail_cut_off_whole_is_found_by_a_remembered_head(written: Written) -> None:
    written.tamper(sql("DELETE FROM audit_record WHERE batch > 3", "DELETE FROM audit_batch WHERE b > 3"))
    finding = written.verify(written.heads[3:4]).finding
    assert finding is not None
    assert finding.fault is Fault.TAIL_MISSING


def test_a_tail_cut_off_whole_leaves_earlier_heads_true(written: Written) -> None:
    written.tamper(sql("DELETE FROM audit_record WHERE batch > 3", "DELETE FROM audit_batch WHERE b > 3"))
    assert written.verify(written.heads[:3]).intact


def test_a_record_hashed_anew_throughout_is_found_by_a_remembered_head(written: Written) -> None:
    written.tamper(rehash)
    finding = written.verify(written.heads[2:]).finding
    assert finding is not None
    assert (finding.fault, finding.batch) == (Fault.HEAD_DIFFERS, 3)


def test_a_record_hashed_anew_agrees_with_heads_from_before_the_change(written: Written) -> None:
    written.tamper(rehash)
    assert written.verify(written.heads[:1]).intact


def test_an_emptied_database_is_found_by_a_remembered_head(written: Written) -> None:
    written.tamper(sql("DELETE FROM audit_record", "DELETE FROM audit_batch"))
    finding = written.verify(written.heads[:1]).finding
    assert finding is not None
    assert finding.fault is Fault.TAIL_MISSING


def test_verifying_changes_no_byte_of_the_database(written: Written) -> None:
    before = sha256(written.path.read_bytes()).digest()
    written.verify()
    assert sha256(written.path.read_bytes()).digest() == before


def test_an_empty_record_is_whole(sqlite_url: str) -> None:
    assert Written(Path(sqlite_url.removeprefix("sqlite:///")), ()).verify().head == Head()


def test_both_databases_verify(url: str, make_log: Callable[..., AuditLog]) -> None:
    log = make_log(url)
    log.record_all([an_event()] * 7)
    with opened(url) as database, database.read() as connection:
        report = verify(connection, (log.head,))
    assert (report.intact, report.head.records) == (True, 7)


def beats(log: AuditLog, clock: FakeClock, minutes: int) -> None:
    for _ in range(minutes):
        log.heartbeat()
        clock.advance(minutes=1)


def test_a_silence_of_the_heartbeat_is_reported(
    written: Written, make_log: Callable[..., AuditLog], clock: FakeClock
) -> None:
    log = make_log(f"sqlite:///{written.path}")
    beats(log, clock, 3)
    clock.advance(minutes=10)
    beats(log, clock, 3)
    gaps = written.verify().gaps
    assert [gap.until - gap.since for gap in gaps] == [timedelta(minutes=11)]


def test_a_stop_of_the_service_explains_a_silence(
    written: Written, make_log: Callable[..., AuditLog], clock: FakeClock
) -> None:
    log = make_log(f"sqlite:///{written.path}")
    beats(log, clock, 3)
    log.record(an_event(event=EventKind.SERVICE_STOPPED))
    clock.advance(hours=10)
    beats(log, clock, 3)
    assert written.verify().gap_count == 0
