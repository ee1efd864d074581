"""A small county: two schools, a headteacher, an office and others, with nothing published yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.world import HERE, World, a_small_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_small_world(tmp_path) as world:
        world.person("n.nothing", {HERE: ()})
        yield world
