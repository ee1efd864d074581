"""What a failed write of the record means: which errors say that a flush failed, and which that the disk is full.

A failed flush is unlike every other fault: the system may have dropped the data and report success the next time, so it
is never tried again (docs/decisions/0031-a-failed-flush-ends-the-process.md).
"""

from __future__ import annotations

import errno
import sqlite3

_FLUSH = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_POSTGRESQL_DISK_FULL = "53100"


def flush_failed(error: BaseException) -> bool:
    """Whether `error` says that the system could not bring written data to the disk."""
    return any(
        getattr(e, "sqlite_errorcode", None) in _FLUSH or getattr(e, "errno", None) == errno.EIO for e in _causes(error)
    )


def disk_full(error: BaseException) -> bool:
    """Whether `error` says that the disk, or its quota, is full."""
    return any(
        getattr(e, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        or getattr(e, "errno", None) in _FULL
        or getattr(e, "sqlstate", None) == _POSTGRESQL_DISK_FULL
        for e in _causes(error)
    )


def _causes(error: BaseException) -> tuple[BaseException, ...]:
    driver = getattr(error, "orig", None)
    return (error, driver) if isinstance(driver, BaseException) else (error,)
