"""A bounded pool of threads: the way from the event loop to the synchronous core.

Called on the event loop alone. A call that is cancelled before it began never begins; one that had begun runs to its
end, and what it returned is handed to `undo`, so that nothing is left open that nobody holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from auth.principal import Candidate
from gateway.errors import Unavailable
from gateway.sftp.limits import SftpLimits

T = TypeVar("T")


class Threads:
    """`workers` threads, and at most `waiting` calls that wait for one or run, beside those that finish something."""

    def __init__(self, name: str, workers: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._waiting = waiting
        self._pending = 0

    async def run(self, call: Callable[..., T], *args: object, undo: Callable[[T], object] | None = None) -> T:
        """What `call(*args)` returns or raises. Raises Unavailable when too many calls wait already."""
        if self._pending >= self._waiting:
            raise Unavailable
        return await self._run(call, *args, undo=undo)

    async def finish(self, call: Callable[[], T]) -> T:
        """What `call()` returns or raises, however many calls wait: for what must be given back."""
        return await self._run(call)

    async def _run(self, call: Callable[..., T], *args: object, undo: Callable[[T], object] | None = None) -> T:
        self._pending += 1
        future = self._executor.submit(call, *args)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if undo is not None:
                future.add_done_callback(partial(self._undo, undo))
            raise
        finally:
            self._pending -= 1

    def close(self) -> None:
        """Begin nothing more; what runs may end. Returns at once."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _undo(self, undo: Callable[[T], object], future: Future[T]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._executor.submit(undo, future.result())


class SignInThreads:
    """Where signing in is asked [R18]: looking up waits for no guess, and people at known places for no stranger's."""

    def __init__(self, limits: SftpLimits) -> None:
        self.look_up = Threads("sftp-look-up", limits.look_up_threads, limits.waiting)
        self._known = Threads("sftp-known", limits.known_threads, limits.waiting)
        self._strangers = Threads("sftp-strangers", limits.stranger_threads, limits.waiting)

    def of(self, candidate: Candidate) -> Threads:
        """The pool in which this candidate's factors are checked."""
        return self._known if candidate.known else self._strangers

    def close(self) -> None:
        """As `Threads.close`, for each pool."""
        for threads in (self.look_up, self._known, self._strangers):
            threads.close()
