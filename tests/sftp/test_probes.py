"""What clients ask before they show anything, the method "none" and whether a key would do, is no guess [R18]."""

from __future__ import annotations

import asyncio

import asyncssh
from asyncssh.packet import Boolean, String

from tests.sftp.door import running
from tests.sftp.userauth import FAILURE, UserAuth

GUESSES = {"check_password", "check_code", "check_public_key", "authenticate"}


def test_none_is_refused_and_nothing_is_checked() -> None:
    async def probe() -> list[int]:
        async with UserAuth.connect(door.port) as wire:
            answers = []
            for _ in range(5):
                wire.send_request("jo.head", b"none")
                answers.append((await wire.failure())[0])
            return answers

    with running() as door:
        assert asyncio.run(asyncio.wait_for(probe(), 20)) == [FAILURE] * 5
        assert not GUESSES & set(door.people.asked)


def test_of_an_offered_key_it_is_only_asked_whose_it_is() -> None:
    async def offer() -> None:
        async with UserAuth.connect(door.port) as wire:
            for _ in range(5):
                key = asyncssh.generate_private_key("ssh-ed25519")
                parts = (Boolean(False), String(key.algorithm), String(key.public_data))
                wire.send_request("jo.head", b"publickey", *parts)
                await wire.failure()

    with running() as door:
        asyncio.run(asyncio.wait_for(offer(), 20))
        assert door.people.asked.count("offers_key") == 5 and not GUESSES & set(door.people.asked)
