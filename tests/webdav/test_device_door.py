"""The drive's real door: a device stays in, whatever another device of the same account types."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from auth.verified import VerifiedDevices
from gateway.webdav.basic import Credentials
from gateway.webdav.devicedoor import DeviceDoor
from tests.support.world import World, a_world, peer

SCHOOL = "830-2001"
WRONG = Credentials("o.office", "WRNG-WRNG-WRNG-WRNG-WRNG-WRNG")


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


def test_a_device_comes_in_after_a_restart_though_another_has_used_up_the_lane(world: World) -> None:
    services = world.services
    with world.changing() as connection:
        device = world.core.devices.create(connection, world.accounts["o.office"], "Office PC", at=world.clock.now())
    right = Credentials("o.office", device)
    assert DeviceDoor(services.authenticator, services.verified, services.sessions).admit(right, peer()) is not None
    forgetful = VerifiedDevices(
        services.authenticator.still_valid, services.authenticator.used, lambda: 0, world.clock, os.urandom
    )
    door = DeviceDoor(services.authenticator, forgetful, services.sessions)
    for _ in range(11):
        assert door.admit(WRONG, peer()) is None
    assert door.admit(right, peer()) is not None
