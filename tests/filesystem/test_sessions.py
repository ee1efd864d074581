"""Sessions: counted over all processes, one for a drive's many connections, ended when nobody uses them [R16]."""

from __future__ import annotations

import pytest

from gateway.errors import Unavailable
from gateway.session import IDLE_SECONDS
from policy.audit.events import EventKind
from tests.support.concurrency import all_at_once
from tests.support.world import HERE, World, names, path, peer, without_table

SEND = "/Derbyshire Documents/2026-11 November/SEND"


@pytest.fixture
def world(world: World) -> World:
    world.publish("letter.pdf", HERE, "SEND", b"x" * 200_000)
    return world


def test_a_drive_keeps_its_session_when_its_password_is_verified_anew(world: World) -> None:
    first = world.drive("o.office")
    with first.fs.open(path(f"{SEND}/letter.pdf")) as handle:
        world.clock.advance(seconds=30)
        assert world.drive("o.office") is first
        world.clock.advance(seconds=60)
        assert handle.pread(0, 1) == b"x"


def test_connections_that_come_at_once_share_one_session(world: World) -> None:
    principal = world.principal("o.office")
    found = all_at_once(12, lambda: world.services.sessions.for_device(principal, peer()))
    assert len({id(session) for session in found}) == 1


def test_an_idle_drive_ends_and_its_counts_are_written(world: World) -> None:
    first = world.drive("o.office")
    for _ in range(3):
        names(first.fs, SEND)
    world.clock.advance(seconds=IDLE_SECONDS)
    world.services.sessions.sweep()
    assert [event.count for event in world.recorded(EventKind.FOLDER_BROWSE, session=first)] == [1, 2]
    assert world.drive("o.office") is not first


def test_a_slow_transfer_is_not_idle(world: World) -> None:
    first = world.drive("o.office")
    with first.fs.open(path(f"{SEND}/letter.pdf")) as handle:
        for _ in range(3):
            world.clock.advance(seconds=IDLE_SECONDS)
            world.services.sessions.sweep()
            assert handle.pread(0, 1) == b"x"
    assert world.drive("o.office") is first


def test_a_closed_session_reads_no_further(world: World) -> None:
    session = world.session("o.office")
    handle = session.fs.open(path(f"{SEND}/letter.pdf"))
    session.close()
    session.close()
    assert handle.cached(0, 1) is None
    with pytest.raises(Unavailable):
        handle.pread(0, 1)
    handle.close()


def test_one_too_many_is_told_what_to_do_and_fits_again_after_one_was_closed(world: World) -> None:
    sessions = [world.session("o.office") for _ in range(world.settings.limits.person_connections)]
    with pytest.raises(Unavailable, match="close one and try again"):
        world.session("o.office")
    sessions[0].close()
    world.session("o.office")


def test_a_session_ends_also_when_the_table_cannot_be_written(world: World) -> None:
    session = world.session("o.office")
    handle = session.fs.open(path(f"{SEND}/letter.pdf"))
    with without_table(world, "session"):
        session.close()
    with pytest.raises(Unavailable):
        handle.pread(0, 1)
    handle.close()
    world.clock.advance(minutes=3)
    world.services.sessions.sweep()
    for _ in range(world.settings.limits.person_connections):
        world.session("o.office")
