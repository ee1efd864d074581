"""A sign-in room on SQLite (`world`), and on each database (`everywhere`) where a statement's meaning matters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.database import Database
from tests.auth.world import Someone, World, new_secrets
from tests.support.databases import with_tables


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with with_tables(f"sqlite:///{tmp_path}/ladocs.db") as database:
        yield database


@pytest.fixture
def world(tmp_path: Path, database: Database) -> World:
    return World(database=database, secrets=new_secrets(tmp_path / "secrets"))


@pytest.fixture
def jo(world: World) -> Someone:
    return world.someone()


@pytest.fixture
def everywhere(empty_url: str, tmp_path: Path) -> Iterator[World]:
    with with_tables(empty_url) as database:
        yield World(database=database, secrets=new_secrets(tmp_path / "secrets"))
