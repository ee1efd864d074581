"""Whatever fails below the file system becomes an FSError: the client hears the class, the log hears the cause."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from config.errors import OperatorError
from gateway.errors import Unavailable
from gateway.vault.keybox import KeyGone
from policy.audit.events import RecordUnavailable

log = logging.getLogger(__name__)


@contextmanager
def as_fs_errors() -> Iterator[None]:
    """Turn a fault of record, database, keys or disk into Unavailable; an FSError passes as it is."""
    try:
        yield
    except (RecordUnavailable, SQLAlchemyError, OSError, OperatorError, KeyGone) as exc:
        log.error("refused because of a fault of ours: %s", exc, exc_info=not isinstance(exc, RecordUnavailable))
        raise Unavailable from exc
