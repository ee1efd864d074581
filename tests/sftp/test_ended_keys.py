"""A key of the account that holds no more: refused once its signature held, told as far as [R33] goes, no more."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh
import pytest

from tests.sftp.door import CODE, Door, answers, running
from tests.sftp.people import KEY_ENDED

PASSWORD = "correct horse battery"
NOT_ACCEPTED = "This key was not accepted."


def _enters(door: Door, username: str, client: Any, *keys: asyncssh.SSHKey) -> bool:
    async def enter() -> bool:
        try:
            async with door.connect(username, client_factory=client, client_keys=list(keys)) as connection:
                await connection.start_sftp_client()
        except asyncssh.PermissionDenied:
            return False
        return True

    return asyncio.run(asyncio.wait_for(enter(), 20))


def test_a_script_is_told_in_a_banner_that_its_key_has_ended() -> None:
    with running() as door:
        client = answers()
        assert not _enters(door, "nightly", client, door.account("nightly").old_key)
        assert client.banners == [f"{KEY_ENDED}\r\n"]


def test_a_script_whose_old_key_is_offered_first_comes_in_by_its_next() -> None:
    with running() as door:
        script = door.account("nightly")
        assert _enters(door, "nightly", answers(), script.old_key, script.key)


def test_a_person_who_has_shown_an_ended_key_alone_hears_no_more_than_not_accepted() -> None:
    with running() as door:
        client = answers()
        assert not _enters(door, "jo.head", client, door.account("jo.head").old_key)
        assert client.banners == [f"{NOT_ACCEPTED}\r\n"]


def test_an_ended_key_does_not_stand_in_the_way_of_password_and_code() -> None:
    with running() as door:
        client = answers(PASSWORD, CODE)
        assert _enters(door, "jo.head", client, door.account("jo.head").old_key)
        assert [prompt for prompt, _ in client.asked] == ["Password:", "One-time code:"]


@pytest.mark.parametrize("username", ["jo.head", "nightly"])
def test_an_ended_key_and_a_code_open_nothing(username: str) -> None:
    with running() as door:
        assert not _enters(door, username, answers(CODE, CODE), door.account(username).old_key)
        assert door.visits.all == []
