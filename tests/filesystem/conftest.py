"""A small county: two schools, a headteacher, an office and others, with nothing published yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.world import World, a_world

HERE, THERE = "830-2001", "830-2002"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path) as world:
        world.school(HERE, "Alder Primary")
        world.school(THERE, "Birch Primary")
        world.person("h.head", {HERE: ()}, "Headteacher")
        world.person("o.office", {HERE: ["General", "SEND"]})
        world.person("n.nothing", {HERE: ()})
        yield world
