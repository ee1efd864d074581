"""The record of a sign-in names what somebody came by: that key, that device password [R24]."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from auth import devices, keys
from policy.audit.events import EventKind
from tests.support.world import World, a_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path) as world:
        world.school("830-2001")
        world.person("h.head", {"830-2001": ()}, "Headteacher")
        yield world


def test_a_sign_in_names_its_device_password(world: World) -> None:
    with world.changing() as connection:
        world.core.devices.create(connection, world.accounts["h.head"], "Old PC", at=world.clock.now())
    world.principal("h.head")
    with world.database.read() as connection:
        [_, used] = devices.listing(connection, world.accounts["h.head"])
    [event] = world.recorded(EventKind.SIGN_IN)
    assert (event.object, event.reason) == (f"device:{used.id}", "device-password")


def test_a_sign_in_names_its_key(world: World) -> None:
    world.officers_principal()
    with world.database.read() as connection:
        [used] = keys.listing(connection, world.accounts["o.officer"])
    [event] = world.recorded(EventKind.SIGN_IN)
    assert (event.object, event.reason) == (f"key:{used.id}", "public-key + totp")
