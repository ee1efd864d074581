"""The maker of checkpoints: when it signs, when it refuses to, and that no target's failure stops it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from config.database import Database
from config.secrets import RECORD_SIGNING, Secrets
from policy.audit.checkpoint import Checkpoint
from policy.audit.checkpoints import (
    EVERY_RECORDS,
    EVERY_SECONDS,
    RETRY_SECONDS,
    Checkpointer,
    Inconsistent,
    public_keys,
)
from policy.audit.log import AuditLog
from policy.audit.testimony import CheckpointFolder
from tests.support.clock import FakeClock
from tests.support.events import an_event

Make = Callable[..., Checkpointer]


class Witness:
    """A target that can be down."""

    name = "the witness"

    def __init__(self) -> None:
        self.has: list[Checkpoint] = []
        self.asked = 0
        self.down = False

    def deliver(self, checkpoint: Checkpoint) -> None:
        self.asked += 1
        if self.down:
            raise ConnectionRefusedError("nobody listens")
        self.has.append(checkpoint)


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoints")


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    made = Secrets(tmp_path / "secrets")
    made.create(RECORD_SIGNING, bytes(range(32)))
    return made


@pytest.fixture
def make(url: str, secrets: Secrets, clock: FakeClock, folder: CheckpointFolder) -> Make:
    def made(*targets: Witness) -> Checkpointer:
        options: dict[str, Any] = {"url": url, "secrets": secrets, "clock": clock, "folder": folder}
        return Checkpointer(**options, origin="documents.example", targets=targets)

    return made


def cut(database: Database) -> None:
    """Take the record away, as whoever owns its database can."""
    with database.write() as connection:
        for table in ("audit_record", "audit_batch"):
            for name in ("delete", "guard"):
                on = "" if database.is_sqlite else f" ON {table}"
                connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_{name}{on}"))
            connection.execute(text(f"DELETE FROM {table}"))


def kept(folder: CheckpointFolder) -> list[int]:
    return [one.checkpoint.head.records for one in folder.read() if one.checkpoint is not None]


def test_the_first_look_signs_where_the_record_stands(
    log: AuditLog, make: Make, folder: CheckpointFolder, secrets: Secrets, clock: FakeClock
) -> None:
    log.record_all([an_event()] * 3)
    make().turn()
    newest = folder.newest(public_keys(secrets))
    assert newest is not None
    assert (newest.head, newest.at, newest.origin) == (log.head, clock.now(), "documents.example")


def test_the_next_is_signed_after_a_minute_and_not_before(log: AuditLog, make: Make, clock: FakeClock) -> None:
    witness = Witness()
    checkpoints = make(witness)
    log.record(an_event())
    checkpoints.turn()
    log.record(an_event())
    clock.advance(seconds=EVERY_SECONDS - 1)
    checkpoints.turn()
    assert [one.head.records for one in witness.has] == [1]
    clock.advance(seconds=1)
    checkpoints.turn()
    assert [one.head.records for one in witness.has] == [1, 2]


def test_ten_thousand_records_do_not_wait_for_the_minute(log: AuditLog, make: Make) -> None:
    witness = Witness()
    checkpoints = make(witness)
    log.record(an_event())
    checkpoints.turn()
    for more, signed in ((EVERY_RECORDS - 1, [1]), (1, [1, EVERY_RECORDS + 1])):
        log.record_all([an_event()] * more)
        checkpoints.turn()
        assert [one.head.records for one in witness.has] == signed


def test_the_end_is_signed_at_once_and_a_record_that_stands_still_once(
    log: AuditLog, make: Make, folder: CheckpointFolder
) -> None:
    witness = Witness()
    checkpoints = make(witness)
    log.record(an_event())
    checkpoints.turn()
    log.record(an_event())
    checkpoints.end()
    checkpoints.end()
    assert [one.head.records for one in witness.has] == [1, 2]
    assert kept(folder) == [2]


def test_the_home_keeps_the_last_of_each_day(
    log: AuditLog, make: Make, folder: CheckpointFolder, clock: FakeClock
) -> None:
    checkpoints = make()
    for _ in range(3):
        log.record_all([an_event()] * 2)
        checkpoints.turn()
        clock.advance(hours=9)
    assert [one.name for one in sorted(folder.path.iterdir())] == ["2026-11-23.txt", "2026-11-24.txt"]
    assert kept(folder) == [4, 6]


@pytest.mark.parametrize("restarted", [False, True])
def test_nothing_is_signed_on_a_record_that_was_cut(
    log: AuditLog, database: Database, make: Make, folder: CheckpointFolder, clock: FakeClock,
    caplog: pytest.LogCaptureFixture, *, restarted: bool,
) -> None:  # fmt: skip
    witness = Witness()
    checkpoints = make(witness)
    log.record_all([an_event()] * 3)
    checkpoints.turn()
    cut(database)
    log.record(an_event())
    if restarted:
        checkpoints = make(witness)
    with caplog.at_level(logging.CRITICAL):
        for _ in range(3):
            clock.advance(minutes=2)
            checkpoints.turn()
    assert kept(folder) == [3]
    [alarm] = [record.getMessage() for record in caplog.records]
    assert "does not continue" in alarm and "up to batch 1" in alarm
    with pytest.raises(Inconsistent):
        checkpoints.fresh()


def test_a_record_that_is_gone_is_no_new_one(
    sqlite_url: str, secrets: Secrets, clock: FakeClock, folder: CheckpointFolder, tmp_path: Path
) -> None:
    (tmp_path / "audit.db").unlink()
    Checkpointer(url=sqlite_url, secrets=secrets, clock=clock, folder=folder, origin="here").turn()
    assert not (tmp_path / "audit.db").exists()
    assert kept(folder) == []


def test_a_target_that_is_down_is_an_alarm_once_and_gets_the_newest_when_it_is_back(
    log: AuditLog, make: Make, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    down, up = Witness(), Witness()
    down.down = True
    checkpoints = make(down, up)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            log.record(an_event())
            checkpoints.turn()
            clock.advance(minutes=1)
        down.down = False
        checkpoints.turn()
    assert [one.head.records for one in up.has] == [1, 2, 3]
    assert [one.head.records for one in down.has] == [3]
    assert [record.getMessage() for record in caplog.records] == [
        "checkpoints do not reach the witness: nobody listens",
        "checkpoints reach the witness again",
    ]


def test_a_target_that_is_down_is_asked_again_after_a_pause(log: AuditLog, make: Make, clock: FakeClock) -> None:
    witness = Witness()
    witness.down = True
    checkpoints = make(witness)
    log.record(an_event())
    for _ in range(3):
        checkpoints.turn()
    assert witness.asked == 1
    clock.advance(seconds=RETRY_SECONDS)
    checkpoints.turn()
    assert witness.asked == 2


def test_a_folder_that_cannot_be_written_is_an_alarm_and_is_tried_again(
    log: AuditLog, make: Make, folder: CheckpointFolder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.path.write_text("no folder")
    checkpoints = make()
    log.record(an_event())
    with caplog.at_level(logging.CRITICAL):
        checkpoints.turn()
        checkpoints.turn()
    assert len(caplog.records) == 1
    folder.path.unlink()
    checkpoints.turn()
    assert kept(folder) == [1]


def test_what_an_older_key_signed_is_recognised(log: AuditLog, make: Make, secrets: Secrets, clock: FakeClock) -> None:
    log.record(an_event())
    old = make().fresh()
    secrets.create(RECORD_SIGNING, bytes(reversed(range(32))))
    new = make().fresh()
    keys = public_keys(secrets)
    assert old.key_id != new.key_id
    assert old.is_signed(keys) and new.is_signed(keys)
