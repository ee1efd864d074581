"""A device password that is shown again is no guess: another device that types wrong locks nobody out [R18]."""

from __future__ import annotations

import os
from datetime import datetime

import pytest
from sqlalchemy import Connection, select

from auth import devices
from auth.models import Device, KnownPlace
from auth.principal import Door, Peer, Principal, Proof
from auth.verified import VerifiedDevices
from tests.auth.world import HOME, Someone, World

AT_HOME = Peer(address=HOME, door=Door.WEBDAV)


@pytest.fixture
def verified(world: World) -> VerifiedDevices:
    return VerifiedDevices(world.authenticator.still_valid, world.clock, os.urandom)


def come_in(world: World, jo: Someone, verified: VerifiedDevices, proof: Proof | None) -> Principal | None:
    """Sign in with `proof`, and remember it as the drive's door does."""
    if proof is None:
        return None
    outcome = world.authenticator.authenticate(world.candidate(jo.username, door=Door.WEBDAV), [proof])
    if not isinstance(outcome, Principal):
        return None
    verified.put(jo.username, jo.device, AT_HOME, outcome)
    return outcome


@pytest.fixture
def known(world: World, jo: Someone, verified: VerifiedDevices) -> Principal:
    """Jo came in; a quarter of an hour later another device has used up the account's lane."""
    candidate = world.candidate(jo.username, door=Door.WEBDAV)
    principal = come_in(world, jo, verified, world.authenticator.check_device(candidate, jo.device))
    assert principal is not None
    world.clock.advance(minutes=15)
    for _ in range(world.limits.known):
        assert world.authenticator.check_device(candidate, "wrong") is None
    assert world.authenticator.check_device(candidate, jo.device) is None
    return principal


def again(world: World, jo: Someone, verified: VerifiedDevices) -> Principal | None:
    """Jo's drive asks once more, as the drive's door would have it."""
    candidate = world.candidate(jo.username, door=Door.WEBDAV)
    return verified.look_up(jo.username, jo.device, AT_HOME) or come_in(
        world, jo, verified, verified.recall(candidate, jo.device)
    )


@pytest.mark.usefixtures("known")
def test_a_device_comes_in_anew_though_another_types_wrong(
    world: World, jo: Someone, verified: VerifiedDevices
) -> None:
    assert again(world, jo, verified) is not None


def _noted(connection: Connection) -> tuple[datetime | None, datetime]:
    return (
        connection.execute(select(Device.last_used_at)).scalar_one(),
        connection.execute(select(KnownPlace.last_at)).scalar_one(),
    )


@pytest.mark.usefixtures("known")
def test_use_and_place_are_noted_anew(world: World, jo: Someone, verified: VerifiedDevices) -> None:
    again(world, jo, verified)
    with world.database.read() as connection:
        assert _noted(connection) == (world.clock.now(), world.clock.now())


@pytest.mark.usefixtures("known")
def test_a_revoked_device_does_not_come_in_anew(world: World, jo: Someone, verified: VerifiedDevices) -> None:
    with world.database.write() as connection:
        devices.revoke(connection, jo.id, devices.listing(connection, jo.id)[0].id, world.clock.now())
    assert again(world, jo, verified) is None


@pytest.mark.usefixtures("known")
def test_what_is_recalled_is_judged_anew(world: World, jo: Someone, verified: VerifiedDevices) -> None:
    proof = verified.recall(world.candidate(jo.username, door=Door.WEBDAV), jo.device)
    with world.database.write() as connection:
        devices.revoke(connection, jo.id, devices.listing(connection, jo.id)[0].id, world.clock.now())
    assert come_in(world, jo, verified, proof) is None


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("username", "address", "door", "typed"),
    [
        ("sam.shah", HOME, Door.WEBDAV, ""),
        ("jo.bloggs", "203.0.113.9", Door.WEBDAV, ""),
        ("jo.bloggs", HOME, Door.SFTP, ""),
        ("jo.bloggs", HOME, Door.WEBDAV, "wrong"),
    ],
    ids=["another name", "another address", "another door", "another password"],
)
def test_nothing_else_is_recalled(
    world: World, jo: Someone, verified: VerifiedDevices, username: str, address: str, door: Door, typed: str
) -> None:
    assert verified.recall(world.candidate(username, address, door), typed or jo.device) is None
