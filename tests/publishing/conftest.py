"""One home is founded for all tests of this folder; each works on a copy of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import compose
from tests.publishing.authority import Authority, founded, opened
from tests.support.clock import FakeClock


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with schools and people and no document."""
    path = tmp_path_factory.mktemp("authority") / "home"
    founded(path, FakeClock())
    return path


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def authority(template: Path, tmp_path: Path, clock: FakeClock) -> Iterator[Authority]:
    made = opened(shutil.copytree(template, tmp_path / "home"), tmp_path / "outbox", clock)
    yield made
    compose.close(made.services)
