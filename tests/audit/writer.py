"""A process that writes to the record, for the tests that kill it or let its disk fail.

`python -m tests.audit.writer forever URL NAME` records events without end and prints each one's number once it is
acknowledged; `python -m tests.audit.writer outage URL` records until it was refused and then recovered, and prints what
happened as JSON; it ends with 74 where a flush failed.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import replace
from itertools import count
from pathlib import Path

from config.clock import SystemClock
from policy.audit.events import RecordUnavailable
from policy.audit.log import AuditLog
from policy.audit.space import Reserve
from tests.support.events import an_event

_DEADLINE = 30.0


def forever(url: str, name: str) -> None:
    """Four threads, each recording in its own session."""
    log = _log(url)
    log.start()

    def write(thread: int) -> None:
        session = f"{name}-{thread}"
        for n in count():
            log.record(replace(an_event(), session=session, object=str(n)))
            os.write(1, f"{session} {n}\n".encode())

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()


def outage(url: str) -> None:
    """One event after another, until a refusal is followed by a success."""
    clock = SystemClock()
    reserve = Reserve(Path(f"{url.removeprefix('sqlite:///')}.reserve"), 1024 * 1024)
    reserve.ensure()
    log = _log(url, reserve)
    log.start()
    seen = {"before": 0, "refused": 0, "after": 0}
    deadline = clock.monotonic() + _DEADLINE
    while not seen["after"] and clock.monotonic() < deadline:
        try:
            log.record(an_event())
            seen["after" if seen["refused"] else "before"] += 1
        except RecordUnavailable as exc:
            seen["refused"] += 1
            if seen["refused"] == 1:
                print(json.dumps({"refused": str(exc.__cause__)}), flush=True)  # noqa: T201 - the test reads it
            threading.Event().wait(0.05)
    print(json.dumps({**seen, "reserve": reserve.path.exists()}), flush=True)  # noqa: T201 - the test reads it
    log.close()


def _log(url: str, reserve: Reserve | None = None) -> AuditLog:
    return AuditLog(url, clock=SystemClock(), entropy=os.urandom, name_key=bytes(32), reserve=reserve)


if __name__ == "__main__":
    if sys.argv[1] == "forever":
        forever(*sys.argv[2:])
    else:
        outage(*sys.argv[2:])
