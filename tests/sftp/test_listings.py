"""What an open folder holds: no more names than the limit, and each no longer than until it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from gateway.sftp.limits import SftpLimits
from tests.sftp import raw
from tests.sftp.door import FOLDER, Door, running
from tests.sftp.raw import Wire, string
from tests.support.memory_fs import MemoryFileSystem

FILES = {f"{FOLDER[1:]}/{n:04d}.pdf": b"" for n in range(300)}


def _run(what: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(what, 30))


def _open_folders(door: Door, times: int, *, read: bool = False) -> list[int | None]:
    """The answers to so many OPENDIR on as many channels in turn; with `read` each folder is read before the next."""

    async def ask() -> list[int | None]:
        async with door.as_service() as connection:
            wires = [await Wire.open(connection) for _ in range(2)]
            answers = []
            for n in range(times):
                wire = wires[n % 2]
                reply = await wire.ask(raw.OPENDIR, string(FOLDER.encode()))
                answers.append(reply.status)
                while read and (await wire.ask(raw.READDIR, string(reply.string))).status is None:
                    pass
            return answers

    answers: list[int | None] = _run(ask())
    return answers


def test_names_that_wait_are_bounded_over_all_channels_of_a_connection() -> None:
    with running(fs=MemoryFileSystem(FILES), limits=SftpLimits(names=1000)) as door:
        assert _open_folders(door, 5) == [None, None, None, raw.FAILURE, raw.FAILURE]


def test_names_that_were_read_make_room_though_their_folder_stays_open() -> None:
    with running(fs=MemoryFileSystem(FILES), limits=SftpLimits(names=1000)) as door:
        assert _open_folders(door, 8, read=True) == [None] * 8


def test_a_folder_of_more_names_than_the_limit_is_listed_all_the_same() -> None:
    with running(fs=MemoryFileSystem(FILES), limits=SftpLimits(names=100)) as door:
        assert _open_folders(door, 2) == [None, raw.FAILURE]
