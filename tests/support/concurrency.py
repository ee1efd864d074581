"""Many threads, or several processes, that begin at one moment."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def all_at_once(count: int, work: Callable[[], object]) -> list[object]:
    """What `work()` returned or raised in each of `count` threads that began together."""
    start = threading.Barrier(count)

    def run() -> object:
        start.wait()
        return work()

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(run) for _ in range(count)]
    return [future.exception() or future.result() for future in futures]


def in_processes(count: int, work: Callable[..., object], *args: object) -> list[object]:
    """What `work(start, *args)` returned in each of `count` processes; `start.wait()` lets them go on together.

    `work` is a function of a module, and what it is given and returns can be pickled.
    """
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        start = manager.Barrier(count)
        with ProcessPoolExecutor(count, mp_context=context) as pool:
            futures = [pool.submit(work, start, *args) for _ in range(count)]
        return [future.result() for future in futures]
