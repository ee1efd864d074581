"""The same contracts over both databases: an empty one with its tables, and a whole home on each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from config.database import Database
from config.schema import Which, upgrade
from tests.support.databases import opened
from tests.support.postgres import PostgresServer, postgres
from tests.support.world import World, a_world

__all__ = ["postgres"]

HERE, THERE = "830-2001", "830-2002"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated database without a row."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/ladocs.db"
        upgrade(url, Which.MAIN)
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.fresh_database(like=_migrated(server))
    with opened(url) as database:
        yield database


@cache
def _migrated(server: PostgresServer) -> str:
    url = server.fresh_database()
    upgrade(url, Which.MAIN)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A home with two schools, a headteacher and an office."""
    server: PostgresServer | None = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    with a_world(tmp_path, server) as world:
        world.school(HERE, "Alder Primary")
        world.school(THERE, "Birch Primary")
        world.person("h.head", {HERE: ()}, "Headteacher")
        world.person("o.office", {HERE: ["General", "SEND"]})
        yield world
