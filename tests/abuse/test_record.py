"""No durable record, no bytes [R24]: an obstacle over both protocols while it lasts, and service again by itself."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from auth.principal import Door
from policy.audit.events import EventKind
from tests.support.county import County
from tests.support.drives import DavDrive, Drive, Obstacle, dav_drive, sftp_drive
from tests.support.story import ASHBY, BIG
from tests.support.waiting import until

Trouble = Callable[[Path], AbstractContextManager[None]]
RECOVERY = 15.0


@contextmanager
def lock_is_held(record: Path) -> Iterator[None]:
    with Path(f"{record}.lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def database_is_locked(record: Path) -> Iterator[None]:
    with closing(sqlite3.connect(record, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def file_is_gone(record: Path) -> Iterator[None]:
    aside = record.with_name("aside.db")
    record.rename(aside)
    try:
        yield
    finally:
        aside.rename(record)


TROUBLES: list[Trouble] = [lock_is_held, database_is_locked, file_is_gone]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_nothing_leaves_unrecorded_and_service_returns(troubled: County, trouble: Trouble) -> None:
    person, letter = troubled["nightly"], troubled.letter(BIG)
    path = letter.path(person, ASHBY)
    source = f"127.0.2.{TROUBLES.index(trouble) + 1}"
    with sftp_drive(troubled, person) as sftp, dav_drive(troubled, person, source) as dav:
        drives: tuple[Drive, ...] = (sftp, dav)
        assert sftp.stat("/") == dav.stat("/")
        with trouble(troubled.home / "record.db"):
            for drive in drives:
                for act in (drive.read, drive.listing, drive.stat):
                    with pytest.raises(Obstacle):
                        act(path)
            status, headers, _ = dav.ask("GET", path)
            assert (status, int(headers["retry-after"]) > 0) == (503, True)
        since = troubled.head()
        for drive in drives:
            assert until(partial(_arrives, drive, path, letter.data), RECOVERY)
            troubled.received(person, drive.door, letter)
    assert {event.protocol for event in troubled.events(since, EventKind.FILE_OPEN)} == {Door.SFTP, Door.WEBDAV}


def test_nobody_signs_in_unrecorded(troubled: County) -> None:
    person = troubled["r.reader4"]
    with lock_is_held(troubled.home / "record.db"):
        dav = DavDrive(troubled, person.username, person.device)
        try:
            assert dav.ask("PROPFIND", "/", {"Depth": "0"})[0] == 503
        finally:
            dav.close()
    with dav_drive(troubled, person) as again:
        assert until(lambda: again.ask("PROPFIND", "/", {"Depth": "0"})[0] == 207, RECOVERY)


def _arrives(drive: Drive, path: str, data: bytes) -> bool:
    try:
        return drive.read(path) == data
    except Obstacle:
        return False
