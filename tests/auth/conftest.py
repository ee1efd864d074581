"""A sign-in room on SQLite (`world`), and on each database (`everywhere`) where a statement's meaning matters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.database import Database
from tests.auth.world import Someone, World, empty_database, new_secrets
from tests.support.postgres import PostgresServer, postgres

__all__ = ["postgres"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = empty_database(f"sqlite:///{tmp_path}/ladocs.db")
    yield database
    database.dispose()


@pytest.fixture
def world(tmp_path: Path, database: Database) -> World:
    return World(database=database, secrets=new_secrets(tmp_path / "secrets"))


@pytest.fixture
def jo(world: World) -> Someone:
    return world.someone()


@pytest.fixture(params=["sqlite", "postgresql"])
def everywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/ladocs.db"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.fresh_database()
    database = empty_database(url)
    yield World(database=database, secrets=new_secrets(tmp_path / "secrets"))
    database.dispose()
