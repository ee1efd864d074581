"""The closing record lists what was really sent: never a byte that the store could not give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import Damaged
from policy.audit.events import EventKind
from tests.support.world import World, a_world, path

SCHOOL = "830-2001"
FOLDER = "/Derbyshire Documents/2026-11 November/SEND"
SEGMENT = 64 * 1024
SIZE = 5 * SEGMENT


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A document whose last segments in the store are damaged."""
    with a_world(tmp_path) as world:
        world.school(SCHOOL)
        world.person("o.office", {SCHOOL: ["SEND"]})
        world.publish("broken.pdf", SCHOOL, "SEND", bytes(SIZE))
        (stored,) = (file for file in world.home.store_dir.glob("*/*") if file.stat().st_size > SIZE)
        data = bytearray(stored.read_bytes())
        data[-1] ^= 1
        stored.write_bytes(data)
        yield world


def sent(world: World) -> list[tuple[tuple[int, int], ...]]:
    return [event.ranges for event in world.recorded(EventKind.FILE_CLOSE)]


def test_a_damaged_segment_was_not_sent(world: World) -> None:
    with world.fs("o.office").open(path(f"{FOLDER}/broken.pdf")) as handle:
        handle.pread(0, 100)
        with pytest.raises(Damaged):
            handle.pread(SIZE - 100, 100)
    assert sent(world) == [((0, 100),)]


def test_what_is_not_in_memory_was_not_sent(world: World) -> None:
    with world.fs("o.office").open(path(f"{FOLDER}/broken.pdf")) as handle:
        assert handle.cached(SIZE - 100, 100) is None
    assert sent(world) == [()]
