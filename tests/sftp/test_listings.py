"""What an open folder holds: no more names than the limit, none that was read, none whose time is over [R19]."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.errors import Damaged, FSError, NotFound, Unavailable
from gateway.path import VirtualPath
from gateway.sftp.attributes import Row, row
from gateway.sftp.limits import SftpLimits
from gateway.sftp.server import Listing
from gateway.tree import Entry
from tests.sftp import raw
from tests.sftp.door import FOLDER, Door, running
from tests.sftp.raw import Wire, string
from tests.support.clock import FakeClock
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


# --- names whose time is over


class Ending(MemoryFileSystem):
    """Documents that end while somebody lists them: `ended` are their names."""

    ended: frozenset[str] = frozenset()

    def scandir(self, path: VirtualPath) -> Sequence[Entry]:
        return [entry for entry in super().scandir(path) if entry.name not in self.ended]


class Folder:
    """One folder opened by a clock that the test moves."""

    def __init__(self, files: Ending) -> None:
        self.clock = FakeClock()
        self.files = files
        self.listing = Listing(self._read, self.clock, SftpLimits().recheck_seconds)

    async def _read(self) -> list[Row]:
        at = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
        return [row(entry, at) for entry in self.files.scandir(VirtualPath.parse(FOLDER))]

    async def names(self, most: int = 1000) -> list[str]:
        """The next names."""
        given: list[str] = []
        async for name in self.listing:
            given.append(name.filename.decode())  # type: ignore[union-attr]
            if len(given) == most:
                break
        return given


def test_a_name_that_ended_is_given_no_more() -> None:
    async def listed() -> tuple[list[str], list[str]]:
        folder = Folder(Ending(FILES))
        first = await folder.names(most=10)
        folder.files.ended = frozenset(f"{n:04d}.pdf" for n in range(290))
        folder.clock.advance(seconds=5)
        return first, await folder.names()

    assert _run(listed()) == ([f"{n:04d}.pdf" for n in range(10)], [f"{n:04d}.pdf" for n in range(290, 300)])


def test_no_name_comes_twice_or_is_left_out_when_the_folder_is_read_anew() -> None:
    async def listed() -> list[str]:
        folder = Folder(Ending(FILES))
        given = []
        while more := await folder.names(most=100):
            given += more
            folder.clock.advance(minutes=1)
        return given

    assert _run(listed()) == [f"{n:04d}.pdf" for n in range(300)]


def test_names_that_are_read_at_once_are_asked_for_once() -> None:
    async def listed() -> int:
        folder = Folder(Ending(FILES))
        await folder.names()
        return len(folder.files.calls)

    assert _run(listed()) == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [(Unavailable("Later."), raw.FAILURE), (Damaged(), raw.FAILURE), (NotFound(), raw.NO_SUCH_FILE)],
)
def test_what_stands_in_the_way_since_is_an_error_and_not_the_end_of_the_folder(error: FSError, status: int) -> None:
    with running(fs=MemoryFileSystem(FILES), limits=SftpLimits(recheck_seconds=0)) as door:

        async def interrupted() -> list[int | None]:
            async with door.as_service() as connection:
                wire = await Wire.open(connection)
                handle = string((await wire.ask(raw.OPENDIR, string(FOLDER.encode()))).string)
                first = await wire.ask(raw.READDIR, handle)
                door.fs.faults["scandir"] = error
                return [first.status, (await wire.ask(raw.READDIR, handle)).status]

        assert _run(interrupted()) == [None, status]
