"""The parent process: forks workers, restarts the dead, and ends all of them together.

Called by `gateway.server`. The parent holds the listening sockets and nothing else: no thread, no event loop, no
database, so a fork is safe at any moment and starts a worker with its imports already done (docs/decisions/0010). Not
thread-safe: it owns the process.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from policy.audit.log import EXIT_FLUSH_FAILED

log = logging.getLogger(__name__)

_DEATHS = 5
_WITHIN_SECONDS = 60.0
_GRACE_SECONDS = 15.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


@dataclass(slots=True)
class Worker:
    """One kind of work in one process: `run` is called in the child with the pipe's end that says it is ready."""

    name: str
    run: Callable[[Callable[[], None]], None]
    pid: int = 0
    backoff: float = 1.0
    start_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Runs `workers` until a signal or too many deaths."""

    workers: Sequence[Worker]
    on_ready: Callable[[], None]
    _deaths: deque[float] = field(default_factory=deque)
    _ready_end: int = -1

    def run(self) -> int:
        """Start every worker, call `on_ready` when all have said so, and return the exit status."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        gc.freeze()  # what is imported now stays shared between the processes
        try:
            if not self._start_all():
                return self._stop(1)
            self.on_ready()
            return self._watch()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _start_all(self) -> bool:
        reader, self._ready_end = os.pipe()
        for worker in self.workers:
            self._fork(worker)
        os.close(self._ready_end)
        self._ready_end = -1
        waiting = len(self.workers)
        while waiting:
            if select.select([reader], [], [], 0.2)[0]:  # first what was said: a worker may end right after
                said = len(os.read(reader, waiting))
                waiting -= said
                if said:
                    continue
            if signal.sigtimedwait(_SIGNALS, 0) is not None:  # to stop, or from a worker that has said why it ended
                break
        os.close(reader)
        return waiting == 0

    def _watch(self) -> int:
        while True:
            received = signal.sigtimedwait(_SIGNALS, 0.5)
            if received is not None and received.si_signo != signal.SIGCHLD:
                return self._stop(0)
            self._reap()
            if len(self._deaths) >= _DEATHS:
                log.critical("%d workers died within a minute: the service stops", _DEATHS)
                return self._stop(1)
            for worker in self.workers:
                if worker.pid == 0 and time.monotonic() >= worker.start_at:
                    self._fork(worker)

    def _reap(self) -> None:
        now = time.monotonic()
        while self._deaths and now - self._deaths[0] > _WITHIN_SECONDS:
            self._deaths.popleft()
        for worker in self.workers:
            if worker.pid == 0:
                continue
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid == 0:
                continue
            worker.pid = 0
            code = os.waitstatus_to_exitcode(status)
            log.error("worker %s ended with status %s and is started again", worker.name, code)
            if code == EXIT_FLUSH_FAILED:  # the disk's fault, not the worker's: slower each time, never counted
                worker.start_at, worker.backoff = now + worker.backoff, min(60.0, worker.backoff * 2)
            else:
                self._deaths.append(now)

    def _fork(self, worker: Worker) -> None:
        parent = os.getpid()
        worker.pid = os.fork()
        if worker.pid:
            return
        status = 1
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            _die_with(parent)
            ready_end = self._ready_end
            worker.run(lambda: _say_ready(ready_end))
            status = 0
        except SystemExit as exc:
            status = exc.code if isinstance(exc.code, int) else 1
        except BaseException:
            log.critical("worker %s failed", worker.name, exc_info=True)
        finally:
            logging.shutdown()
            os._exit(status)

    def _stop(self, status: int) -> int:
        alive = [worker for worker in self.workers if worker.pid]
        for worker in alive:
            os.kill(worker.pid, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        for worker in alive:
            while os.waitpid(worker.pid, os.WNOHANG)[0] == 0:
                if time.monotonic() > deadline:
                    os.kill(worker.pid, signal.SIGKILL)
                    os.waitpid(worker.pid, 0)
                    break
                signal.sigtimedwait({signal.SIGCHLD}, 0.1)
            worker.pid = 0
        return status


def _die_with(parent: int) -> None:
    """Ask the kernel for SIGTERM when the parent is gone, so that no worker outlives a killed service."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it was gone before we asked
        raise SystemExit(1)


def _say_ready(end: int) -> None:
    if end >= 0:
        os.write(end, b"+")
        os.close(end)
