"""Several processes serve one port: sessions land in any of them, and the death of one is the end of its own alone."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack

import paramiko
import pytest
from sqlalchemy import select

from auth.models import SessionRow
from tests.support.county import County
from tests.support.databases import opened
from tests.support.drives import SftpDrive, sftp_drive
from tests.support.story import ASHBY, BIG
from tests.support.waiting import until

MOST = 24  # sessions that the script may hold: enough for chance to find every worker


def workers(county: County) -> dict[str, int]:
    """The process of each open session, by the table that all processes share."""
    with opened(county.database_url) as database, database.read() as connection:
        rows = connection.execute(select(SessionRow.id, SessionRow.process)).all()
    return {row.id: int(row.process.split(":")[1]) for row in rows}


def in_two_workers(county: County, stack: ExitStack) -> dict[int, SftpDrive]:
    """A session in each of two processes."""
    found: dict[int, SftpDrive] = {}
    for _ in range(MOST):
        known = set(workers(county))
        drive = stack.enter_context(sftp_drive(county, county["nightly"]))
        [number] = (pid for session, pid in workers(county).items() if session not in known)
        found.setdefault(number, drive)
        if len(found) == 2:
            break
    return found


def test_sessions_are_spread_over_processes(troubled: County) -> None:
    with ExitStack() as stack:
        drives = in_two_workers(troubled, stack)
        roots = [drive.listing("/") for drive in drives.values()]
    assert len(drives) == 2
    assert troubled.process.pid not in drives
    assert roots[0] == roots[1]


def test_a_killed_worker_takes_nobody_with_it(troubled: County) -> None:
    letter, person = troubled.letter(BIG), troubled["nightly"]
    path = letter.path(person, ASHBY)
    with ExitStack() as stack:
        (killed, lost), (_, kept) = in_two_workers(troubled, stack).items()
        file = lost.client.open(path.encode(), "r")
        assert file.read(1000) == letter.data[:1000]
        os.kill(killed, signal.SIGKILL)
        with pytest.raises((EOFError, OSError, paramiko.SSHException)):
            file.read(1 << 20)
        assert kept.read(path) == letter.data
    with sftp_drive(troubled, person) as drive:
        assert drive.read(path, 0, 10) == letter.data[:10]
    assert until(lambda: "ended with status -9 and is started again" in troubled.log())

    def lands_in_a_new_process() -> bool:
        with ExitStack() as stack:
            return bool(set(in_two_workers(troubled, stack)) - {killed})

    assert until(lands_in_a_new_process)
