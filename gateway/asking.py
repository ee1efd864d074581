"""What is done after the answer, so that the answer takes the same time whatever there is to do: links asked for.

Used by `gateway.enrolment`. One thread, and a bounded number of tasks that wait: more are dropped, and people ask
again. Thread-safe; made in each process, not to be carried across a fork.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from gateway.faults import OnceASecond

_WAITING = 64
_log = logging.getLogger(__name__)
_crowd_log = logging.getLogger(f"{__name__}.crowd")
_crowd_log.addFilter(OnceASecond())  # strangers may ask as often as they like


class Afterwards:
    """Does tasks one after another. Its thread starts with the first."""

    def __init__(self, waiting: int = _WAITING) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="afterwards")
        self._places = threading.BoundedSemaphore(waiting)

    def do(self, task: Callable[[], None]) -> None:
        """Do `task` soon. Never raises; what `task` raises is logged by its kind alone, since it may name people."""
        if not self._places.acquire(blocking=False):
            _crowd_log.warning("too many links were asked for at once: one was not sent")
            return
        try:
            self._executor.submit(self._run, task)
        except RuntimeError:  # closed: the process is stopping
            self._places.release()

    def settle(self) -> None:
        """Wait until all that was asked for before is done."""
        self._executor.submit(bool).result()

    def close(self) -> None:
        """Do what waits, and nothing more."""
        self._executor.shutdown(wait=True)

    def _run(self, task: Callable[[], None]) -> None:
        try:
            task()
        except Exception as exc:  # noqa: BLE001 - whatever it is, the next one has to be done all the same
            _log.error("a link that was asked for could not be sent: %s", type(exc).__name__)
        finally:
            self._places.release()
