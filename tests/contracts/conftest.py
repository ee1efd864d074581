"""The same contracts over both databases: an empty one with its tables, and a whole home on each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from config.database import Database
from config.schema import Which, upgrade
from tests.support.databases import opened
from tests.support.postgres import PostgresServer
from tests.support.world import World, a_small_world


@pytest.fixture
def database(server: PostgresServer | None, tmp_path: Path) -> Iterator[Database]:
    """A migrated database without a row."""
    if server is None:
        url = f"sqlite:///{tmp_path}/ladocs.db"
        upgrade(url, Which.MAIN)
    else:
        url = server.fresh_database(like=_migrated(server))
    with opened(url) as database:
        yield database


@cache
def _migrated(server: PostgresServer) -> str:
    url = server.fresh_database()
    upgrade(url, Which.MAIN)
    return url


@pytest.fixture
def world(server: PostgresServer | None, tmp_path: Path) -> Iterator[World]:
    """A home with two schools, a headteacher and an office."""
    with a_small_world(tmp_path, server) as world:
        yield world
