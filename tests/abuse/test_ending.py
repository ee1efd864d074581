"""How a service ends, in good order and by force, and how the next one goes on with the same home."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

import paramiko
import pytest

from auth.principal import Door
from tests.support.county import County, every_byte_was_granted, started, stopped
from tests.support.drives import dav_drive, sftp_drive
from tests.support.story import ASHBY, BIG, Founded
from tests.support.waiting import until


@pytest.fixture
def home(founded: Founded, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded.home, tmp_path / "home"))


def processes(county: County) -> list[Path]:
    """The server's processes: the parent and its workers."""
    parent = county.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [Path(f"/proc/{pid}") for pid in (parent, *children)]


def test_stopping_ends_open_sessions_and_records_what_was_sent(founded: Founded, home: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        county = started(founded, home, tmp_path / "log", stack)
        person, letter = county["nightly"], county.letter(BIG)
        path = letter.path(person, ASHBY)
        sftp = stack.enter_context(sftp_drive(county, person))
        dav = stack.enter_context(dav_drive(county, person))
        file = sftp.client.open(path.encode(), "r")
        assert file.read(1000) == dav.read(path, 0, 1000) == letter.data[:1000]
        for door in (Door.SFTP, Door.WEBDAV):
            county.received(person, door, letter, 0, 1000)
        assert stopped(county) == 0
        with pytest.raises((EOFError, OSError, paramiko.SSHException)):
            file.read(1000)
    assert "Traceback" not in county.log()
    every_byte_was_granted(county)


def test_a_killed_service_leaves_no_worker_and_the_next_one_goes_on(
    founded: Founded, home: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        first = started(founded, home, tmp_path / "first", stack)
        running = processes(first)
        assert len(running) == 4
        first.process.kill()
        first.process.wait(10)
        assert until(lambda: not any(process.exists() for process in running), 20)
        second = started(founded, home, tmp_path / "second", stack)
        person, letter = second["nightly"], second.letter(BIG)
        for drive in (stack.enter_context(sftp_drive(second, person)), stack.enter_context(dav_drive(second, person))):
            assert drive.read(letter.path(person, ASHBY)) == letter.data
            second.received(person, drive.door, letter)
        assert stopped(second) == 0
    every_byte_was_granted(second)
