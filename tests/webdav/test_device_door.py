"""The drive's real door: a device stays in, whatever another device of the same account types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.webdav.basic import Credentials
from gateway.webdav.devicedoor import DeviceDoor
from tests.support.world import World, a_world, peer

SCHOOL = "830-2001"
WRONG = Credentials("o.office", "WRNG-WRNG-WRNG")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path) as world:
        world.school(SCHOOL)
        world.person("o.office", {SCHOOL: ["SEND"]})
        yield world


def test_a_device_stays_in_while_another_of_its_account_types_wrong(world: World) -> None:
    services = world.services
    door = DeviceDoor(services.authenticator, services.verified, services.sessions)
    with world.changing() as connection:
        device = world.core.devices.create(connection, world.accounts["o.office"], "Office PC", at=world.clock.now())
    right = Credentials("o.office", device)
    assert door.admit(right, peer()) is not None
    world.clock.advance(minutes=15)
    for _ in range(10):
        assert door.admit(WRONG, peer()) is None
    assert door.admit(right, peer()) is not None
