"""A database for as long as a test looks into it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from config.database import Database


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """The database at `url`; its connections are closed with the block."""
    database = Database(url)
    try:
        yield database
    finally:
        database.dispose()
