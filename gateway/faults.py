"""Whatever fails below the file system becomes an FSError: the client hears the class, the log hears the cause, here.

A record that is down refuses everybody at once, so the log hears of that once a second. What was foreseen is one line.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from auth.argon import GateBusy
from auth.throttle import TurnRefused
from auth.verdicts import SignInUnavailable
from config import outages
from config.errors import OperatorError
from gateway.errors import FSError, Unavailable
from gateway.vault.keybox import KeyGone
from policy.audit.events import RecordUnavailable

_FAULTS = (RecordUnavailable, SignInUnavailable, SQLAlchemyError, OSError, OperatorError, KeyGone)
_FORESEEN = (FSError, GateBusy, TurnRefused, OperatorError, KeyGone)


class OnceASecond(logging.Filter):
    """Lets a line through a second after the last one. Thread-safe."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._last = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """By the time that the line carries; one from before the last, as of a clock that was put back, passes."""
        with self._lock:
            passes = not 0 <= record.created - self._last < 1
            if passes:
                self._last = record.created
            return passes


log = logging.getLogger(__name__)
record_log = logging.getLogger(f"{__name__}.record")
record_log.addFilter(OnceASecond())


@contextmanager
def as_fs_errors() -> Iterator[None]:
    """Turn a fault of record, sign-in, database, keys or disk into Unavailable; an FSError passes as it is."""
    try:
        yield
    except _FAULTS as exc:
        tell(exc)
        raise Unavailable from exc


def tell(fault: BaseException) -> None:
    """Log why somebody was refused though nothing speaks against them."""
    cause = (fault.__cause__ or fault) if isinstance(fault, SignInUnavailable) else fault
    if isinstance(cause, RecordUnavailable):
        record_log.error("refused without a record: %s", cause)
    else:
        outages.tell(log, "refused because of a fault of ours", cause, foreseen=_FORESEEN)
