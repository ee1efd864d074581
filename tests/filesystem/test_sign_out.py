"""The record says when a session ended, once, after all that the session did, and makes nobody wait [R24]."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.session import IDLE_SECONDS, Session
from policy.audit.events import EventKind, Result
from tests.support.world import ADDRESS, HERE, World, names, path

SEND = "/Derbyshire Documents/2026-11 November/SEND"
OUT = EventKind.SIGN_OUT


@pytest.fixture
def world(world: World) -> World:
    world.publish("letter.pdf", HERE, "SEND")
    return world


def test_the_end_of_a_connection_is_the_last_row_of_its_session(world: World) -> None:
    session = world.session("o.office")
    for _ in range(2):
        names(session.fs, SEND)
    session.fs.open(path(f"{SEND}/letter.pdf")).close()
    session.close()
    rows = world.recorded(session=session)
    assert [row.event for row in rows[-3:]] == [EventKind.FILE_CLOSE, EventKind.FOLDER_BROWSE, OUT]
    assert (rows[-1].actor, rows[-1].address, rows[-1].client, rows[-1].protocol, rows[-1].result) == (
        world.accounts["o.office"],
        ADDRESS,
        "a test",
        session.principal.door,
        Result.PERMIT,
    )


def test_a_session_ends_once(world: World) -> None:
    session = world.session("o.office")
    session.close()
    session.close()
    assert len(world.recorded(OUT, session=session)) == 1


def test_a_drive_that_is_in_use_has_not_signed_out(world: World) -> None:
    session = world.drive("o.office")
    world.clock.advance(seconds=IDLE_SECONDS - 1)
    world.services.sessions.sweep()
    assert world.recorded(OUT, session=session) == []


def test_an_idle_drive_has_signed_out(world: World) -> None:
    session = world.drive("o.office")
    world.clock.advance(seconds=IDLE_SECONDS)
    world.services.sessions.sweep()
    assert len(world.recorded(OUT, session=session)) == 1


@pytest.mark.parametrize("begin", [World.session, World.drive])
def test_the_end_of_the_service_signs_everybody_out(world: World, begin: Callable[[World, str], Session]) -> None:
    session = begin(world, "o.office")
    world.services.sessions.close_all()
    assert len(world.recorded(OUT, session=session)) == 1
