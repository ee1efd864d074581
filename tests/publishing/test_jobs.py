"""The clock's work: the mark, the heartbeat, keys for the days ahead, the sweep, and the room of the disks."""

from __future__ import annotations

import logging
import os
import threading
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import func, select

from config.clock import london_date
from config.errors import OperatorError
from gateway import compose
from gateway.clockguard import mark, set_mark
from gateway.jobrunner import RunState, newest, state_of
from gateway.jobs import TIMETABLE, Jobs, run_until
from gateway.vault.models import Kek
from tests.publishing.authority import Authority
from tests.support.clock import FakeClock


@pytest.fixture
def jobs(authority: Authority) -> Jobs:
    return compose.jobs(authority.home, authority.services, machine=authority.clock)


def last_key(authority: Authority) -> object:
    with authority.database.read() as connection:
        return connection.execute(select(func.max(Kek.day))).scalar_one()


def marked(authority: Authority) -> object:
    with authority.database.read() as connection:
        return mark(connection)


def beats(authority: Authority) -> int:
    return len(authority.record("service:heartbeat"))


def test_a_turn_moves_the_mark_and_says_that_the_service_lives(jobs: Jobs, authority: Authority) -> None:
    jobs.turn()
    authority.clock.advance(minutes=1)
    jobs.turn()
    assert marked(authority) == authority.clock.now()
    assert beats(authority) == 2


def test_turns_within_a_minute_are_one_heartbeat(jobs: Jobs, authority: Authority) -> None:
    for _ in range(4):
        jobs.turn()
        authority.clock.advance(seconds=14)
    assert beats(authority) == 1


def test_a_turn_makes_the_keys_of_120_days_and_the_next_day_one_more(jobs: Jobs, authority: Authority) -> None:
    jobs.turn()
    today = london_date(authority.clock.now())
    assert last_key(authority) == today + timedelta(days=120)
    authority.clock.advance(hours=15)
    jobs.turn()
    assert last_key(authority) == today + timedelta(days=121)


def test_every_job_of_the_timetable_is_done_by_a_service(jobs: Jobs, authority: Authority) -> None:
    jobs.turn()
    with authority.database.read() as connection:
        runs = newest(connection)
    assert {job: state_of(run, authority.clock.now()) for job, run in runs.items()} == dict.fromkeys(
        TIMETABLE, RunState.DONE
    )


def test_a_job_that_failed_leaves_the_others_alone_and_is_tried_again(jobs: Jobs, authority: Authority) -> None:
    box = authority.home.keys_dir / "box"
    box.rename(box.with_name("away"))
    jobs.turn()
    with authority.database.read() as connection:
        runs = newest(connection)
    assert "box" in runs["keys"].trouble
    assert runs["orphans"].trouble == ""
    box.with_name("away").rename(box)
    authority.clock.advance(seconds=15)
    jobs.turn()
    assert last_key(authority) == london_date(authority.clock.now()) + timedelta(days=120)


def test_the_sweep_takes_what_no_row_names_after_an_hour(jobs: Jobs, authority: Authority) -> None:
    authority.published(authority.item())
    kept = authority.blobs()
    for age, object_id in ((0.9, b"y" * 16), (1.1, b"o" * 16)):
        writing = authority.services.vault._store.create(object_id)
        writing.write(b"left behind")
        writing.commit()
        authority.age([blob for blob in authority.blobs() if blob.name == object_id.hex()], hours=age)
    writing = authority.services.vault._store.create(b"h" * 16)
    writing.write(b"half")
    authority.age([blob for blob in authority.blobs() if blob.suffix == ".new"], hours=2)
    authority.age(kept, days=60)
    jobs.turn()
    assert {blob.name for blob in authority.blobs()} == {kept[0].name, (b"y" * 16).hex()}
    assert authority.read("helen.head", "Letter.pdf") == b"Dear all"
    writing.abandon()


def test_a_leapt_clock_stores_nothing_and_alarms(
    jobs: Jobs, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    jobs.turn()
    before, keys, at = marked(authority), last_key(authority), authority.clock.now()
    authority.clock.set(at + timedelta(days=30))
    jobs.turn()
    assert (marked(authority), last_key(authority), beats(authority)) == (before, keys, 1)
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]
    assert "ladocs clock confirm" in caplog.text
    authority.clock.set(at + timedelta(minutes=1))
    jobs.turn()
    assert marked(authority) == before


def test_a_clock_that_went_back_moves_no_mark(jobs: Jobs, authority: Authority) -> None:
    jobs.turn()
    before = marked(authority)
    authority.clock.set(authority.clock.now() - timedelta(days=2))
    jobs.turn()
    authority.clock.advance(seconds=15)
    jobs.turn()
    assert marked(authority) == before


class Space:
    """A disk of a hundred blocks."""

    f_blocks = 100

    def __init__(self, free: int) -> None:
        self.f_bavail = free


def test_a_disk_that_fills_up_is_told_once_and_again_when_it_had_room_between(
    jobs: Jobs, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    alarms: list[int] = []
    for free in (50, 10, 9, 3, 50, 10):
        caplog.clear()
        monkeypatch.setattr(os, "statvfs", lambda folder, free=free: Space(free))
        jobs.turn()
        alarms.append(sum("nearly full" in record.message for record in caplog.records))
    assert alarms == [0, 3, 0, 0, 0, 3]


def test_the_record_s_reserve_is_held_while_there_is_room(
    jobs: Jobs, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = authority.home.path / "record.reserve"
    monkeypatch.setattr(os, "statvfs", lambda folder: Space(10))
    jobs.turn()
    assert not reserve.exists()
    monkeypatch.setattr(os, "statvfs", lambda folder: Space(50))
    jobs.turn()
    assert reserve.stat().st_size == 64 * 1024 * 1024


# The thread that turns them


def ended_after(steps: list[BaseException | None]) -> int:
    """How many of `steps` were taken by a thread whose steps raise these."""
    stop, taken = threading.Event(), count()

    def step() -> None:
        number = next(taken)
        if number + 1 == len(steps):
            stop.set()
        error = steps[number]
        if error is not None:
            raise error

    run_until(stop, step, 0.0).join(10)
    return next(taken)


@pytest.mark.parametrize("error", [OSError("disk"), OperatorError("No key box."), ZeroDivisionError("unforeseen")])
def test_no_fault_ends_the_turns(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    assert ended_after([error, None, error, None]) == 4
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2


def test_the_turns_end_when_they_are_told_to(clock: FakeClock, tmp_path: Path) -> None:
    assert ended_after([None]) == 1


def test_a_day_empties_records_that_are_older_than_the_settings_keep_them(jobs: Jobs, authority: Authority) -> None:
    jobs.turn()
    authority.clock.advance(days=740)
    with authority.database.write() as connection:
        set_mark(connection, authority.clock.now())
    compose.observe_clock(authority.services)
    authority.services.log.heartbeat()  # a batch of today: what is old is so beside the last
    jobs.turn()
    [event] = authority.record("record:pruned")
    assert event["count"] > 0
