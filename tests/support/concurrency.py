"""Many threads that begin at one moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def all_at_once(count: int, work: Callable[[], object]) -> list[object]:
    """What `work()` returned or raised in each of `count` threads that began together."""
    start = threading.Barrier(count)

    def run() -> object:
        start.wait()
        return work()

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(run) for _ in range(count)]
    return [future.exception() or future.result() for future in futures]
