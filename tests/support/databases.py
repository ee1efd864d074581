"""A database for as long as a test looks into it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from config.database import Base, Database


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """The database at `url`; its connections are closed with the block."""
    database = Database(url)
    try:
        yield database
    finally:
        database.dispose()


@contextmanager
def with_tables(url: str) -> Iterator[Database]:
    """As `opened`, of an empty database, with every table that the test's imports declare and no row."""
    with opened(url) as database:
        Base.metadata.create_all(database.engine)
        yield database
