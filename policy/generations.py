"""Counters in the database that tell every process that something changed [R19].

`ACCESS` moves with every change of who may what; `content_of(school)` with every change of a school's documents. A
writer bumps within its own transaction; every process watches the values. Thread-safe.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from auth.upsert import insert_into
from policy.models import Generation

ACCESS = "access"


def content_of(school_id: int) -> str:
    """The name of the counter of one school's documents."""
    return f"content:{school_id}"


def bump(connection: Connection, name: str) -> None:
    """Move the counter `name` on by one, within the caller's write transaction, which keeps its row until it ends."""
    row = insert_into(connection, Generation).values(name=name, value=1)
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": Generation.value + 1}))


def value(connection: Connection, name: str) -> int:
    """The counter's value; 0 before its first change."""
    return connection.execute(select(Generation.value).where(Generation.name == name)).scalar() or 0


def hold(connection: Connection, name: str) -> None:
    """Wait for whoever moves the counter, and let nobody move it until the caller's write transaction ends.

    Many may hold it at a time. SQLite has one writer anyway.
    """
    connection.execute(select(Generation.value).where(Generation.name == name).with_for_update(read=True))
