"""The record under several processes: one chain, nothing acknowledged lost when they are killed, faults of the disk.

The disk's faults are real ones for the process: strace answers its system calls with the error.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from config.database import Database
from policy.audit.log import EXIT_FLUSH_FAILED, AuditLog
from policy.audit.query import Filter, listing
from policy.audit.verify import verify
from tests.audit.conftest import empty
from tests.support.databases import opened
from tests.support.events import an_event
from tests.support.programs import need

ROOT = Path(__file__).parents[2]
ACKNOWLEDGED = 150
FULL = "pwrite64:error=ENOSPC:when=40..41"
NO_FLUSH = "fdatasync,fsync:error=EIO:when=5+"


def writer(*arguments: str, under: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    command = [*under, sys.executable, "-m", "tests.audit.writer", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def acknowledged_until_killed(url: str, round_: int) -> set[tuple[str, str]]:
    """What three processes were told is durable before kill -9 hit them all."""
    processes = [writer("forever", url, f"r{round_}p{n}") for n in range(3)]
    lines: list[str] = []
    for process in processes:
        assert process.stdout is not None
        lines += [process.stdout.readline() for _ in range(ACKNOWLEDGED)]
    for process in processes:
        process.kill()
    for process in processes:
        assert process.stdout is not None
        with process:
            lines += process.stdout.readlines()
    found = (line.split() for line in lines if line.endswith("\n"))
    return {(session, number) for session, number in found}


@pytest.mark.parametrize("rounds", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_kill_9_loses_no_acknowledged_record_and_leaves_one_chain(url: str, database: Database, rounds: int) -> None:
    acknowledged: set[tuple[str, str]] = set()
    for round_ in range(rounds):
        acknowledged |= acknowledged_until_killed(url, round_)
    assert len(acknowledged) >= rounds * 3 * ACKNOWLEDGED
    with database.read() as connection:
        events = [entry.event for entry in listing(connection, Filter(), limit=10_000_000)]
        report = verify(connection)
    kept = {(event.session, event.object) for event in events if event is not None}
    assert (acknowledged - kept, report.finding) == (set(), None)


def strace(url: str, injection: str, log: Path) -> tuple[str, ...]:
    """A prefix that makes the calls of `injection` fail where they touch the record's write-ahead log."""
    wal = f"{url.removeprefix('sqlite:///')}-wal"
    calls = injection.partition(":")[0]
    return (need("strace"), "-f", "-qq", "-o", str(log), "-P", wal, "-e", f"trace={calls}", "-e", f"inject={injection}")


def spoken(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    out, _ = process.communicate(timeout=60)
    return [json.loads(line) for line in out.splitlines()]


@dataclass(frozen=True)
class Outage:
    """What became of a writer whose disk failed: where it wrote, how it ended, what it said, and what strace did."""

    url: str
    status: int
    said: list[dict[str, Any]]
    trace: str


Outages = Callable[[str], Outage]


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Outages:
    """Lets a disk fail as strace is told to. Each failure happens once, however many tests look at it."""

    @cache
    def happens(injection: str) -> Outage:
        folder = tmp_path_factory.mktemp("outage")
        url, trace = empty(f"sqlite:///{folder}/audit.db"), folder / "strace.log"
        process = writer("outage", url, under=strace(url, injection, trace))
        said = spoken(process)
        assert "(INJECTED)" in trace.read_text()
        return Outage(url, process.returncode, said, trace.read_text())

    return happens


@pytest.mark.parametrize("error", ["ENOSPC", "EROFS", "EACCES"])
def test_a_disk_that_is_full_or_read_only_refuses_and_recovers(outage: Outages, error: str) -> None:
    result = outage(f"pwrite64:error={error}:when=40..41").said[-1]
    assert (result["before"] > 0, result["refused"] > 0, result["after"]) == (True, True, 1)


def test_after_a_full_disk_the_record_is_whole(outage: Outages) -> None:
    with opened(outage(FULL).url) as database, database.read() as connection:
        assert verify(connection).intact


def test_a_full_disk_makes_the_record_give_up_its_reserve(outage: Outages) -> None:
    assert outage(FULL).said[-1]["reserve"] is False


def test_a_failed_flush_is_answered_and_ends_the_process(outage: Outages) -> None:
    failed = outage(NO_FLUSH)
    assert (failed.status, [list(line) for line in failed.said]) == (EXIT_FLUSH_FAILED, [["refused"]])


def test_a_failed_flush_is_never_tried_again(outage: Outages) -> None:
    assert len(re.findall(r"INJECTED", outage(NO_FLUSH).trace)) == 1


def test_the_record_goes_on_after_a_process_ended_for_its_flush(
    outage: Outages, make_log: Callable[..., AuditLog]
) -> None:
    url = outage(NO_FLUSH).url
    make_log(url).record(an_event())
    with opened(url) as database, database.read() as connection:
        assert verify(connection).intact
