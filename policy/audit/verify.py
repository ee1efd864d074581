"""Proving the record: sequence, leaves, roots, links, heads that somebody else remembers, gaps of the heartbeat.

What `ladocs audit verify` runs. Reads all rows once, in order, in constant memory, and writes nothing. Whoever holds a
`Head` from earlier finds a rewritten or cut record by handing it in; without one, a tail cut off whole leaves no trace.
Raises sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from config.clock import from_microseconds
from policy.audit.chain import Head
from policy.audit.events import EventKind
from policy.audit.merkle import SALT_BYTES, TreeHash, leaf_hash, link_hash
from policy.audit.models import AuditBatch, AuditRecord
from policy.audit.payload import needle

KEPT = timedelta(days=730)
"""How long before the last batch a record must have been sealed to be emptied, whatever `audit.keep` says."""
HEARTBEAT_GAP = timedelta(minutes=3)
MAX_GAPS = 100
_CHUNK = 5000
_KEPT_MICROSECONDS = KEPT // timedelta(microseconds=1)
_GAP_MICROSECONDS = HEARTBEAT_GAP // timedelta(microseconds=1)
_BATCHES = select(AuditBatch.__table__).order_by(AuditBatch.b).execution_options(yield_per=_CHUNK)
_LAST_SEALED = select(AuditBatch.ts).order_by(AuditBatch.b.desc()).limit(1)
_RECORDS = select(AuditRecord.__table__).order_by(AuditRecord.seq).execution_options(yield_per=_CHUNK)


class Fault(StrEnum):
    """What does not hold."""

    BATCH_MISSING = "a batch is missing"
    BATCH_RANGE = "a batch does not begin where the last one ended"
    RECORD_MISSING = "a record is missing"
    RECORD_MISPLACED = "a record stands in another batch"
    RECORD_CHANGED = "a record was changed"
    RECORD_EMPTIED = "a record was emptied before its time"
    ROOT_CHANGED = "a batch does not hash to its root"
    LINK_CHANGED = "a batch does not follow from the one before"
    UNREADABLE = "a value is of a kind that was never written"
    RECORD_BEYOND = "there are records after the last batch"
    TAIL_MISSING = "the record ends before a head that was remembered"
    HEAD_DIFFERS = "the record is not the one that a remembered head belongs to"


@dataclass(frozen=True, slots=True)
class Finding:
    """The first fault and where: the batch, and the record if it is one record's."""

    fault: Fault
    batch: int
    seq: int | None = None

    def __str__(self) -> str:
        where = f"batch {self.batch}" if self.seq is None else f"record {self.seq} (batch {self.batch})"
        return f"{where}: {self.fault.value}"


@dataclass(frozen=True, slots=True)
class Gap:
    """A silence between two heartbeats that no stop of the service explains."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. `head` is where the proof ended; `gaps` holds the first 100 of `gap_count`."""

    head: Head
    pruned: int
    finding: Finding | None
    gaps: tuple[Gap, ...]
    gap_count: int

    @property
    def intact(self) -> bool:
        """Whether every byte that is there was proved. Gaps are for people to judge."""
        return self.finding is None


class _Broken(Exception):
    def __init__(self, fault: Fault, batch: int, seq: int | None = None) -> None:
        super().__init__(fault)
        self.finding = Finding(fault, batch, seq)


def verify(connection: Connection, against: Sequence[Head] = ()) -> Report:
    """Prove the record that `connection` sees, and that it continues each head of `against`.

    Records may be empty (pruned) only in batches that were sealed more than `KEPT` before the last one.
    """
    _forbid_writing(connection)
    finding = None
    last_sealed = connection.execute(_LAST_SEALED).scalar()
    with connection.execute(_BATCHES) as batches, connection.execute(_RECORDS) as records:
        walk = _Walk(batches, records, against, last_sealed)
        try:
            walk.run()
        except _Broken as broken:
            finding = broken.finding
        except (TypeError, ValueError, OverflowError):  # SQLite holds a text in any column, once somebody put it there
            finding = Finding(Fault.UNREADABLE, walk.head.b + 1)
    return Report(walk.head, walk.pruned, finding, tuple(walk.pulse.gaps), walk.pulse.count)


class _Walk:
    """One pass over both tables side by side."""

    def __init__(
        self, batches: Iterable[Any], records: Iterable[Any], against: Sequence[Head], last_sealed: Any
    ) -> None:
        self._batches = iter(batches)
        self._records = iter(records)
        self._remembered: dict[int, list[Head]] = {}
        for head in against:
            self._remembered.setdefault(head.b, []).append(head)
        self._last_sealed = last_sealed
        self.head = Head()
        self.pruned = 0
        self.pulse = _Pulse()

    def run(self) -> None:
        self._compare()
        for row in self._batches:
            self._batch(row)
            self._compare()
        stray = next(self._records, None)
        if stray is not None:
            raise _Broken(Fault.RECORD_BEYOND, stray.batch, stray.seq)
        if self._remembered:
            raise _Broken(Fault.TAIL_MISSING, self.head.b)

    def _batch(self, row: Any) -> None:
        b, first, n, ts, root, prev, link = row
        if b != self.head.b + 1:
            raise _Broken(Fault.BATCH_MISSING, self.head.b + 1)
        if first != self.head.records + 1 or n < 1:
            raise _Broken(Fault.BATCH_RANGE, b)
        if prev != self.head.link:
            raise _Broken(Fault.LINK_CHANGED, b)
        tree = TreeHash()
        for seq in range(first, first + n):
            tree.add(self._record(seq, b, ts))
        if tree.root() != root:
            raise _Broken(Fault.ROOT_CHANGED, b)
        if _link(prev, b, first, n, ts, root) != link:
            raise _Broken(Fault.LINK_CHANGED, b)
        self.head = Head(b, first + n - 1, link)

    def _record(self, expected: int, batch: int, ts: int) -> bytes:
        row = next(self._records, None)
        if row is None or row[0] != expected:
            raise _Broken(Fault.RECORD_MISSING, batch, expected)
        seq, in_batch, salt, payload, leaf = row
        if in_batch != batch:
            raise _Broken(Fault.RECORD_MISPLACED, batch, seq)
        if payload is None and salt is None:
            if ts + _KEPT_MICROSECONDS >= self._last_sealed:
                raise _Broken(Fault.RECORD_EMPTIED, batch, seq)
            self.pruned += 1
        elif payload is None or salt is None or len(salt) != SALT_BYTES or leaf_hash(seq, salt, payload) != leaf:
            raise _Broken(Fault.RECORD_CHANGED, batch, seq)
        else:
            self.pulse.hear(payload, ts)
        return bytes(leaf)

    def _compare(self) -> None:
        for remembered in self._remembered.pop(self.head.b, ()):
            if remembered != self.head:
                raise _Broken(Fault.HEAD_DIFFERS, self.head.b)


@dataclass(slots=True)
class _Pulse:
    """Listens for heartbeats; a stop of the service excuses silence until the next one."""

    gaps: list[Gap] = field(default_factory=list)
    count: int = 0
    last: int | None = None

    def hear(self, payload: bytes, ts: int) -> None:
        if _STOPPED in payload:
            self.last = None
        elif _HEARTBEAT in payload:
            if self.last is not None and ts - self.last > _GAP_MICROSECONDS:
                self.count += 1
                if len(self.gaps) < MAX_GAPS:
                    self.gaps.append(Gap(from_microseconds(self.last), from_microseconds(ts)))
            self.last = ts


_HEARTBEAT = needle("event", EventKind.HEARTBEAT.value)
_STOPPED = needle("event", EventKind.SERVICE_STOPPED.value)


def _link(prev: bytes, b: int, first: int, n: int, ts: int, root: bytes) -> bytes:
    try:
        return link_hash(prev, b=b, first=first, n=n, ts=ts, root=root)
    except struct.error:  # a number that no batch can have
        return b""


def _forbid_writing(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL transaction_read_only = on")
