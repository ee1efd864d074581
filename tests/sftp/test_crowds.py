"""Strangers who guess stand in nobody else's way at the door [R18]: not of names, not of keys, not of known places."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncssh
import pytest

from gateway.sftp.limits import SftpLimits
from tests.sftp.door import CODE, Door, answers, running
from tests.sftp.userauth import FAILURE, PK_OK, UserAuth

PASSWORD = "correct horse battery"
STRANGER = "sam.office"


@contextmanager
def _a_stranger_guesses(door: Door) -> Iterator[None]:
    """Every thread there is for strangers is busy with a guess while the block runs."""
    release = threading.Event()
    door.people.held_for, door.people.holds["check_password"] = STRANGER, release
    try:
        yield
    finally:
        release.set()


@pytest.fixture
def door() -> Iterator[Door]:
    with running(limits=SftpLimits(look_up_threads=1, known_threads=1, stranger_threads=1)) as door:
        yield door


async def _while_guessed(door: Door, use: Any) -> Any:
    """What `use()` comes to while a stranger's guess runs, and whether it still runs then."""
    with _a_stranger_guesses(door):
        async with UserAuth.connect(door.port) as stranger:
            stranger.send_password(STRANGER, "a guess")
            await asyncio.to_thread(door.people.held.wait, 10)
            outcome = await asyncio.wait_for(use(), 9)
            door.people.holds["check_password"].set()
            assert await stranger.failure() == (FAILURE, False)
            return outcome


def test_a_person_at_a_known_place_comes_in_while_strangers_guess(door: Door) -> None:
    door.account("jo.head").known = True

    async def enter() -> str:
        async with (
            door.connect("jo.head", client_factory=answers(PASSWORD, CODE)) as connection,
            connection.start_sftp_client() as sftp,
        ):
            root: str = await sftp.realpath(".")
            return root

    assert asyncio.run(_while_guessed(door, enter)) == "/"


def test_a_name_and_a_key_are_looked_up_while_strangers_guess(door: Door) -> None:
    async def offer() -> int:
        async with UserAuth.connect(door.port) as wire:
            return await wire.offer("jo.head", door.account("jo.head").key)

    assert asyncio.run(_while_guessed(door, offer)) == PK_OK


def test_a_person_elsewhere_waits_with_the_strangers(door: Door) -> None:
    async def enter() -> None:
        async with asyncio.timeout(0.3), door.connect("jo.head", client_factory=answers(PASSWORD, CODE)):
            pass

    with pytest.raises((TimeoutError, asyncssh.Error)):
        asyncio.run(_while_guessed(door, enter))
