"""What the vault's tests share: keys in a folder, a database that names them, and a vault over either store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from config.clock import london_date
from config.database import Database
from gateway.vault.keybox import KeyBox
from gateway.vault.models import Kek, KekState, Purpose
from gateway.vault.store import LocalStore
from gateway.vault.vault import Vault
from tests.support.clock import FakeClock
from tests.support.databases import with_tables
from tests.support.memory_store import MemoryStore
from tests.vault.documents import DAY, KEK, KEK_ID, OTHER_KEK, OTHER_KEK_ID


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def today(clock: FakeClock) -> date:
    return london_date(clock.now())


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """The main database, with the rows of the two keys in the box."""
    with with_tables(f"sqlite:///{tmp_path}/main.db") as made:
        with made.write() as connection:
            rows = [
                {"id": kek_id, "day": day, "purpose": Purpose.PUBLISH, "state": KekState.ACTIVE, "generation": 2}
                for kek_id, day in ((KEK_ID, DAY), (OTHER_KEK_ID, DAY + timedelta(days=1)))
            ]
            connection.execute(insert(Kek), rows)
        yield made


@pytest.fixture
def keys_dir(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def box(keys_dir: Path, clock: FakeClock) -> KeyBox:
    """A key box with two keys."""
    box = KeyBox(keys_dir, clock, os.urandom)
    box.create()
    with box.rotating():
        box.replace({KEK_ID: KEK, OTHER_KEK_ID: OTHER_KEK})
    return box


@pytest.fixture
def local_store(tmp_path: Path) -> LocalStore:
    folder = tmp_path / "store"
    folder.mkdir(mode=0o700)
    return LocalStore(folder)


@pytest.fixture
def memory_store(clock: FakeClock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def vault(box: KeyBox, local_store: LocalStore) -> Vault:
    """A vault as a home has it."""
    return Vault(box=box, store=local_store, entropy=os.urandom)


@pytest.fixture
def memory_vault(box: KeyBox, memory_store: MemoryStore) -> Vault:
    """A vault whose stored bytes a test can reach."""
    return Vault(box=box, store=memory_store, entropy=os.urandom)
