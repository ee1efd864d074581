"""Whoever is refused after signing in is told whom to ask: by name, telephone and mail [R33] [R36]."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from auth import accounts, keys
from auth.principal import AccountState, Door, Peer
from auth.verdicts import Refusal
from gateway.about import contact, refusals, whom_to_ask
from gateway.errors import Unavailable
from gateway.sftp.listener import doorway
from policy import schools
from policy.access import OBSTACLES
from policy.schools import SchoolState
from tests.support.people import KEY
from tests.support.world import ADDRESS, World, a_world, path

SCHOOL = "830-2001"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path) as world:
        world.school(SCHOOL)
        world.person("h.head", {SCHOOL: ()}, "Headteacher")
        yield world


def _suspend(world: World) -> None:
    with world.changing() as connection:
        accounts.set_state(connection, world.accounts["h.head"], AccountState.SUSPENDED, world.clock.now())


def test_whom_to_ask_is_what_the_settings_say(world: World) -> None:
    support, said = world.settings.support, whom_to_ask(contact(world.settings))
    assert said.startswith(f"{world.settings.service.name}. ")
    assert all(part in said for part in (support.name, support.phone, support.mail, support.hours))


def test_every_obstacle_is_told_with_whom_to_ask(world: World) -> None:
    told = refusals(contact(world.settings))
    assert told == {reason: f"{why} {whom_to_ask(contact(world.settings))}" for reason, why in OBSTACLES.items()}


def test_who_may_not_come_in_is_told_whom_to_ask(world: World) -> None:
    world.principal("h.head")
    _suspend(world)
    outcome = world.try_signing_in("h.head")
    assert isinstance(outcome, Refusal)
    assert (outcome.message or "").endswith(whom_to_ask(contact(world.settings)))


def test_whose_school_is_suspended_is_told_whom_to_ask_in_an_open_session(world: World) -> None:
    fs = world.fs("h.head")
    with world.changing() as connection:
        schools.set_state(connection, world.schools[SCHOOL], SchoolState.SUSPENDED)
    world.clock.advance(seconds=5)
    with pytest.raises(Unavailable) as caught:
        fs.scandir(path("/"))
    assert str(caught.value).endswith(whom_to_ask(contact(world.settings)))


def test_whose_document_is_taken_away_by_an_obstacle_is_told_whom_to_ask(world: World) -> None:
    world.publish("letter.pdf", SCHOOL, "SEND")
    with world.fs("h.head").open(path("/Derbyshire Documents/2026-11 November/SEND/letter.pdf")) as handle:
        _suspend(world)
        world.clock.advance(seconds=5)
        with pytest.raises(Unavailable) as caught:
            handle.pread(0, 1)
    assert str(caught.value).endswith(whom_to_ask(contact(world.settings)))


def test_a_script_whose_key_has_ended_is_told_whom_to_ask(world: World) -> None:
    script, now = world.service("nightly", "h.head", {SCHOOL: ["SEND"]}), world.clock.now()
    with world.changing() as connection:
        keys.remove(connection, script, keys.add(connection, script, KEY, "old", at=now).id, now)
    authenticator = world.services.authenticator
    outcome = authenticator.check_public_key(
        authenticator.candidate("nightly", Peer(address=ADDRESS, door=Door.SFTP)), KEY
    )
    assert isinstance(outcome, Refusal)
    assert (outcome.message or "").endswith(whom_to_ask(contact(world.settings)))


def test_who_has_too_many_connections_is_told_whom_to_ask(world: World) -> None:
    for _ in range(world.settings.limits.person_connections):
        world.session("h.head")
    with pytest.raises(Unavailable) as caught:
        world.session("h.head")
    assert str(caught.value).endswith(whom_to_ask(contact(world.settings)))


def test_the_banner_names_whom_to_ask(world: World) -> None:
    assert doorway(world.services).banner == f"{whom_to_ask(contact(world.settings))}\r\n"
