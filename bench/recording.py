"""How fast the record takes and proves records, and what it costs to open a document with a durable grant (R1 to R3).

Called by `__main__`. R1 is held against SQLite itself in the same round: one process that inserts one row and commits,
again and again, in WAL at `synchronous=FULL`. Raises BenchError.
"""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.processes import BenchError
from bench.target import OURS
from config.clock import SystemClock
from config.database import Database
from config.schema import Which, upgrade
from policy.audit.log import AuditLog
from policy.audit.verify import verify
from tests.support.events import an_event
from tests.support.world import HERE, World, a_small_world, path

ROWS = ("R1", "R2", "R3")
_SECONDS, _QUICK_SECONDS = 3.0, 0.5
_VERIFIED, _QUICK_VERIFIED = 1_000_000, 10_000
_OPENED, _QUICK_OPENED = 300, 20
_CALLERS = 64
_TOGETHER = 1000
_FOLDER = "/Derbyshire Documents/2026-11 November/General"
_WAYS = ((1, 1), (1, _CALLERS), (4, 1), (4, _CALLERS))
"""Processes, and callers in each that wait for their own record: several share a commit."""


@dataclass(slots=True)
class Taken:
    """One measure: what was measured in each round, beside plain commits (R1), and what is wanted in its unit."""

    row: str
    what: str
    unit: str
    must: float
    more_is_better: bool = False
    values: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Of all rounds."""
        return statistics.median(self.values)

    @property
    def got(self) -> float:
        """What is held against the mark: the median, or the median of the rounds' ratios to plain commits."""
        if not self.plain:
            return self.median
        return statistics.median(ours / theirs for ours, theirs in zip(self.values, self.plain, strict=True))

    @property
    def reached(self) -> bool:
        """Whether that is good enough."""
        return self.got >= self.must if self.more_is_better else self.got <= self.must


def measured(
    folder: Path, rows: Sequence[str], rounds: int, *, quick: bool, tell: Callable[[str], None]
) -> list[Taken]:
    """The rows that are asked for; R2 once, whatever the rounds."""
    found = []
    with tempfile.TemporaryDirectory(dir=folder) as made:
        if "R1" in rows:
            found += _rates(Path(made), rounds, _QUICK_SECONDS if quick else _SECONDS, tell)
        if "R2" in rows:
            found.append(_verified(Path(made), _QUICK_VERIFIED if quick else _VERIFIED, tell))
        if "R3" in rows:
            found.append(_opened(Path(made), _QUICK_OPENED if quick else _OPENED, tell))
    return found


def _rates(folder: Path, rounds: int, seconds: float, tell: Callable[[str], None]) -> list[Taken]:
    taken = []
    for processes, callers in _WAYS:
        shared = f"{callers} callers each that share commits" if callers > 1 else "one caller each"
        what = f"records of {processes} process{'es' if processes > 1 else ''}, {shared}"
        taken.append(Taken("R1", what, "records/s", 10.0 if callers > 1 else 0.0, more_is_better=True))
    for number in range(1, rounds + 1):
        plain = _plain_commits(folder / f"plain-{number}.db", seconds)
        tell(f"round {number} of {rounds}: R1 single commits of SQLite: {plain:,.0f} a second")
        for one, (processes, callers) in zip(taken, _WAYS, strict=True):
            rate = _rate(folder / f"record-{number}-{processes}-{callers}.db", processes, callers, seconds)
            one.values.append(rate)
            one.plain.append(plain)
            tell(f"round {number} of {rounds}: R1 {one.what}: {rate:,.0f} a second")
    return taken


def _plain_commits(file: Path, seconds: float) -> float:
    """Rows a second of one process that commits each."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, said BLOB)")
        said, done, begun = bytes(400), 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            connection.execute("INSERT INTO row (said) VALUES (?)", (said,))
            done += 1
        return done / (time.perf_counter() - begun)


def _rate(file: Path, processes: int, callers: int, seconds: float) -> float:
    """Records a second of all processes together."""
    url = f"sqlite:///{file}"
    upgrade(url, Which.AUDIT)
    context = multiprocessing.get_context("spawn")
    begin, counts = context.Barrier(processes + 1), context.Queue()
    workers = [
        context.Process(target=_write, args=(url, callers, seconds, begin, counts), daemon=True)
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    begin.wait(60)
    total = sum(counts.get(timeout=seconds + 60) for _ in workers)
    for worker in workers:
        worker.join()
    return float(total) / seconds


def _write(url: str, callers: int, seconds: float, begin: Any, counts: Any) -> None:
    """What one process does."""
    with _log(url) as log:
        begin.wait(60)
        until = time.perf_counter() + seconds
        done = [0] * callers

        def call(number: int) -> None:
            event = replace(an_event(), session=f"s-{os.getpid()}-{number}")
            while time.perf_counter() < until:
                log.record(event)
                done[number] += 1

        threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    counts.put(sum(done))


@contextmanager
def _log(url: str) -> Iterator[AuditLog]:
    log = AuditLog(url, clock=SystemClock(), entropy=os.urandom, name_key=bytes(32), timeout=30.0)
    log.start()
    try:
        yield log
    finally:
        log.close()


def _verified(folder: Path, records: int, tell: Callable[[str], None]) -> Taken:
    url = f"sqlite:///{folder / 'long.db'}"
    upgrade(url, Which.AUDIT)
    with _log(url) as log:
        for done in range(0, records, _TOGETHER):
            log.record_all([an_event(session=f"s-{done + n}") for n in range(_TOGETHER)])
    tell(f"R2 {records:,} records are written")
    database = Database(url)
    try:
        with database.read() as connection:
            begun = time.perf_counter()
            report = verify(connection)
            took = time.perf_counter() - begun
    finally:
        database.dispose()
    if not report.intact or report.head.records != records:
        raise BenchError("the record that was written for R2 does not verify.")
    tell(f"R2 verified in {took:.1f} s")
    return Taken("R2", f"verify {records:,} records", "s", 60.0, values=[took])


def _opened(folder: Path, documents: int, tell: Callable[[str], None]) -> Taken:
    """Each document is opened once by one session, so that every opening asks for a grant of its own."""
    with a_small_world(folder / "world") as world:
        for number in range(documents):
            world.publish(f"Letter {number}.txt", HERE, "General")
        took = list(_openings(world, documents))
    tell(f"R3 opened {documents} documents")
    return Taken("R3", "open a document, its grant on the disk", "ms", 2.0, values=took)


def _openings(world: World, documents: int) -> Iterator[float]:
    fs = world.fs("o.office")
    for number in range(documents):
        begun = time.perf_counter()
        handle = fs.open(path(f"{_FOLDER}/Letter {number}.txt"))
        yield (time.perf_counter() - begun) * 1000
        handle.close()


def as_data(taken: Sequence[Taken]) -> list[dict[str, Any]]:
    """Everything, for JSON, in the form of the other rows."""
    return [
        {
            "row": one.row,
            "measure": one.what,
            "unit": one.unit,
            "median": {OURS: one.median},
            "rounds": {OURS: one.values, **({"SQLite": one.plain} if one.plain else {})},
            "marks": [{"mark": "must", "peer": None, "wanted": one.must, "got": one.got, "reached": one.reached}],
        }
        for one in taken
    ]


def as_markdown(taken: Sequence[Taken]) -> str:
    """The table of a run."""
    lines = [
        "|  | measure | unit | ladocs | single commits | ratio | mark |",
        "| --- | --- | --- | ---: | ---: | ---: | --- |",
    ]
    for one in taken:
        plain, ratio = (f"{statistics.median(one.plain):,.0f}", f"{one.got:.2f}") if one.plain else ("", "")
        value = f"{one.median:,.0f}" if one.median >= 100 else f"{one.median:.2f}"
        said = f"{'≥' if one.more_is_better else '≤'} {one.must:g}: {'reached' if one.reached else '**not reached**'}"
        lines.append(
            f"| {one.row} | {one.what} | {one.unit} | {value} | {plain} | {ratio} | {said if one.must else ''} |"
        )
    return "\n".join(lines)
