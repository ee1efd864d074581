"""INSERT with an ON CONFLICT clause, which SQLite and PostgreSQL write alike and SQLAlchemy keeps per dialect."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from config.database import Base


def insert_into(connection: Connection, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that understands `on_conflict_do_update` and `on_conflict_do_nothing` on this connection's database."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
