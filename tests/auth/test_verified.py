"""`verified`: a drive asks with every request, and signs in once; what is taken away ends within seconds."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from auth import devices
from auth.principal import Door, Peer, Principal
from auth.verified import VerifiedDevices
from tests.auth.world import HOME, Someone, World
from tests.support.concurrency import all_at_once
from tests.support.world import statements

AT_HOME = Peer(address=HOME, door=Door.WEBDAV)


class Counter:
    """The counter of changes, as a test moves it; `broken`, when set, is raised."""

    def __init__(self) -> None:
        self.value = 7
        self.broken: Exception | None = None

    def __call__(self) -> int:
        if self.broken is not None:
            raise self.broken
        return self.value


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def verified(world: World, counter: Counter) -> VerifiedDevices:
    return VerifiedDevices(
        world.authenticator.still_valid, world.authenticator.used, counter, world.clock, os.urandom, size=2
    )


def _principal(world: World, who: Someone) -> Principal:
    candidate = world.candidate(who.username, door=Door.WEBDAV)
    proof = world.authenticator.check_device(candidate, who.device)
    assert proof is not None
    outcome = world.authenticator.authenticate(candidate, [proof])
    assert isinstance(outcome, Principal)
    return outcome


@pytest.fixture
def known(world: World, jo: Someone, verified: VerifiedDevices) -> Principal:
    """Jo, who has signed in with the device password at home."""
    principal = _principal(world, jo)
    verified.put(jo.username, jo.device, AT_HOME, principal)
    return principal


def test_who_was_verified_is_known_at_the_next_request(
    jo: Someone, verified: VerifiedDevices, known: Principal
) -> None:
    assert verified.look_up(jo.username, jo.device, AT_HOME) is known


@pytest.mark.parametrize("username", ["JO.Bloggs", "SCHOOL\\jo.bloggs"])
def test_a_name_is_known_as_it_may_be_typed(
    jo: Someone, verified: VerifiedDevices, known: Principal, username: str
) -> None:
    assert verified.look_up(username, jo.device, AT_HOME) is known


@pytest.mark.parametrize(
    ("username", "typed", "peer"),
    [
        ("sam.shah", "", AT_HOME),
        ("jo.bloggs", "x", AT_HOME),
        ("jo.bloggs", "", Peer(address="198.51.100.9", door=Door.WEBDAV)),
        ("jo.bloggs", "", Peer(address=HOME, door=Door.SFTP)),
    ],
    ids=["another name", "another password", "another address", "another door"],
)
def test_nothing_else_is_known(
    jo: Someone, verified: VerifiedDevices, known: Principal, username: str, typed: str, peer: Peer
) -> None:
    assert verified.look_up(username, typed or jo.device, peer) is None


def _revoke(world: World, jo: Someone) -> None:
    with world.database.write() as connection:
        devices.revoke(connection, jo.id, devices.listing(connection, jo.id)[0].id, world.clock.now())


def test_a_revoked_device_is_unknown_as_soon_as_the_counter_has_moved(
    world: World, jo: Someone, verified: VerifiedDevices, known: Principal, counter: Counter
) -> None:
    assert verified.look_up(jo.username, jo.device, AT_HOME) is known
    _revoke(world, jo)
    counter.value += 1
    assert verified.look_up(jo.username, jo.device, AT_HOME) is None


def test_a_device_that_was_revoked_while_its_owner_signed_in_is_unknown(
    world: World, jo: Someone, verified: VerifiedDevices, counter: Counter
) -> None:
    principal = _principal(world, jo)
    _revoke(world, jo)
    counter.value += 1
    verified.put(jo.username, jo.device, AT_HOME, principal)
    assert verified.look_up(jo.username, jo.device, AT_HOME) is None


def test_a_revoked_device_is_unknown_within_five_seconds_whatever_the_counter_says(
    world: World, jo: Someone, verified: VerifiedDevices, known: Principal
) -> None:
    assert verified.look_up(jo.username, jo.device, AT_HOME) is known
    _revoke(world, jo)
    world.clock.advance(seconds=5)
    assert verified.look_up(jo.username, jo.device, AT_HOME) is None


def test_a_drive_costs_no_question_while_nothing_changes(
    world: World, jo: Someone, verified: VerifiedDevices, known: Principal
) -> None:
    assert verified.look_up(jo.username, jo.device, AT_HOME) is known
    with statements(world.database) as asked:
        for _ in range(4):
            world.clock.advance(seconds=1)
            assert verified.look_up(jo.username, jo.device, AT_HOME) is known
    assert asked == []


def test_nobody_is_known_while_the_counter_cannot_be_read(
    jo: Someone, verified: VerifiedDevices, known: Principal, counter: Counter
) -> None:
    counter.broken = OSError("no database")
    with pytest.raises(OSError, match="no database"):
        verified.look_up(jo.username, jo.device, AT_HOME)


def test_a_quarter_of_an_hour_later_one_signs_in_anew(
    world: World, jo: Someone, verified: VerifiedDevices, known: Principal
) -> None:
    world.clock.advance(minutes=15)
    assert verified.look_up(jo.username, jo.device, AT_HOME) is None


def test_the_one_put_first_goes_first(jo: Someone, verified: VerifiedDevices, known: Principal) -> None:
    for name in ("a", "b"):
        verified.put(name, "x", AT_HOME, known)
    assert (len(verified), verified.look_up(jo.username, jo.device, AT_HOME)) == (2, None)


def test_no_password_is_kept(jo: Someone, verified: VerifiedDevices, known: Principal) -> None:
    assert jo.device not in repr(vars(verified))


# --- the last use, once a minute [R16]


def _last_use(world: World, who: Someone) -> tuple[object, str, str]:
    with world.database.read() as connection:
        [device] = devices.listing(connection, who.id)
    return device.last_used_at, device.last_address, device.last_client


@pytest.mark.parametrize(("seconds", "noted"), [(59, False), (60, True)])
def test_that_a_drive_is_in_use_is_noted_once_a_minute(
    world: World, jo: Someone, verified: VerifiedDevices, known: Principal, seconds: float, noted: bool
) -> None:
    before = _last_use(world, jo)
    world.clock.advance(seconds=seconds)
    verified.look_up(jo.username, jo.device, replace(AT_HOME, client="WebDAVFS/3.0"))
    expected = (world.clock.now(), HOME, "WebDAVFS/3.0") if noted else before
    assert _last_use(world, jo) == expected


def test_no_other_request_of_that_minute_writes(
    world: World, jo: Someone, verified: VerifiedDevices, known: Principal
) -> None:
    world.clock.advance(seconds=60)
    verified.look_up(jo.username, jo.device, AT_HOME)
    with statements(world.database) as heard:
        for _ in range(59):
            world.clock.advance(seconds=1)
            verified.look_up(jo.username, jo.device, AT_HOME)
    assert not [statement for statement, _ in heard if not statement.startswith("SELECT")]


def test_of_many_requests_at_once_one_writes(
    world: World, jo: Someone, verified: VerifiedDevices, known: Principal
) -> None:
    world.clock.advance(seconds=60)
    with statements(world.database) as heard:
        all_at_once(8, lambda: verified.look_up(jo.username, jo.device, AT_HOME))
    assert len([statement for statement, _ in heard if statement.startswith("UPDATE device")]) == 1


def test_what_was_taken_away_is_not_noted_as_used(
    world: World, jo: Someone, verified: VerifiedDevices, known: Principal
) -> None:
    before = _last_use(world, jo)
    with world.database.write() as connection:
        devices.revoke(connection, jo.id, devices.listing(connection, jo.id)[0].id, world.clock.now())
    world.clock.advance(seconds=60)
    verified.look_up(jo.username, jo.device, AT_HOME)
    assert _last_use(world, jo) == before
