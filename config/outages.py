"""Faults that everybody foresees, a database or a disk that is down, as the log hears of them: in one line.

Called wherever such a fault is met and logged. Pure, apart from the log; thread-safe.
"""

from __future__ import annotations

import logging

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

OUTAGES = (OperationalError, InterfaceError, PoolTimeoutError, OSError)


def in_one_line(error: BaseException) -> str:
    """What `error` says, of the database's the driver's words alone; its type where it says nothing."""
    said = getattr(error, "orig", None) or error
    return " ".join(str(said).split()) or type(said).__name__


def tell(
    log: logging.Logger,
    what: str,
    error: BaseException,
    *,
    foreseen: tuple[type[BaseException], ...] = (),
    level: int = logging.ERROR,
) -> None:
    """Log that `what` came of `error`: with its traceback only where it is neither an outage nor `foreseen`."""
    traced = None if isinstance(error, OUTAGES + foreseen) else error
    log.log(level, "%s: %s", what, in_one_line(error), exc_info=traced)
