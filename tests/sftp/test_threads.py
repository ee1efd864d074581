"""The bounded pools: a full one refuses what is new, and still gives back what was taken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from gateway.errors import Unavailable
from gateway.sftp.limits import SftpLimits
from gateway.sftp.threads import Threads
from tests.sftp import raw
from tests.sftp.door import DOCUMENT, running
from tests.sftp.raw import Wire, string
from tests.support.waiting import until


@pytest.fixture
def full() -> Iterator[tuple[Threads, threading.Event]]:
    """A pool of one thread and one place, both for whoever comes first, and what lets that one go."""
    threads, release = Threads("test", 1, 1), threading.Event()
    yield threads, release
    release.set()
    threads.close()


def test_a_full_pool_refuses_what_is_new(full: tuple[Threads, threading.Event]) -> None:
    threads, release = full

    async def one_too_many() -> None:
        first = asyncio.ensure_future(threads.run(release.wait, 10))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await threads.run(str)
        release.set()
        assert await first

    asyncio.run(one_too_many())


def test_a_full_pool_still_gives_back_what_was_taken(full: tuple[Threads, threading.Event]) -> None:
    threads, release = full

    async def give_back() -> None:
        first = asyncio.ensure_future(threads.run(release.wait, 10))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(threads.finish(lambda: "given back"))
        await asyncio.sleep(0)
        release.set()
        assert [await first, await second] == [True, "given back"]

    asyncio.run(give_back())


def test_sessions_and_handles_are_closed_though_the_pool_is_full() -> None:
    with running(limits=SftpLimits(file_threads=1, waiting=1)) as door:
        plain, held, release = door.fs.stat, threading.Event(), threading.Event()

        def slow(path: object) -> object:
            held.set()
            release.wait(10)
            return plain(path)  # type: ignore[arg-type]

        async def leave_while_another_waits() -> None:
            async with door.as_service() as waiting, door.as_service() as leaving:
                ours, theirs = await Wire.open(waiting), await Wire.open(leaving)
                await theirs.open_file(DOCUMENT)
                door.fs.stat = slow  # type: ignore[assignment,method-assign]
                answer = asyncio.ensure_future(ours.ask(raw.STAT, string(b"/")))
                await asyncio.to_thread(held.wait, 10)
                leaving.abort()
                await leaving.wait_closed()
                release.set()
                await answer

        asyncio.run(leave_while_another_waits())
        assert until(lambda: door.fs.open_handles == 0), "every handle closed"
        assert until(lambda: all(visit.closed for visit in door.visits.all)), "every session closed"
