"""A client that opens its connections all at once asks for a code in each: one code does for all of them [R15]."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import asyncssh

from policy.audit.events import EventKind
from tests.support.county import HOST, County
from tests.support.story import ABOUT, Person

TEN = 10
PLACE = "127.5.0.1"


class Windows:
    """Ten connections of one person, who types a code into the first window, then into the others."""

    def __init__(self, person: Person, code: str) -> None:
        self._person = person
        self._code = code
        self._asked = 0
        self._all_ask = asyncio.Event()
        self.first_is_in = asyncio.Event()

    def client(self) -> asyncssh.SSHClient:
        """One connection."""
        windows = self

        class Client(asyncssh.SSHClient):
            def kbdint_auth_requested(self) -> str:
                return ""

            async def kbdint_challenge_received(
                self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
            ) -> list[str]:
                return [await windows.answer(prompt) for prompt, _ in prompts]

        return Client()

    async def answer(self, prompt: str) -> str:
        """What is typed into the window of this prompt."""
        if prompt != "One-time code:":
            return self._person.password
        self._asked += 1
        wait_for = self._all_ask if self._asked == 1 else self.first_is_in
        if self._asked == TEN:
            self._all_ask.set()
        await asyncio.wait_for(wait_for.wait(), 30)
        return self._code


async def _listed(county: County, person: Person, windows: Windows, known_hosts: Path) -> list[str]:
    async with (
        asyncssh.connect(
            HOST,
            county.sftp_port,
            local_addr=(PLACE, 0),
            username=person.username,
            client_factory=windows.client,
            client_keys=None,
            preferred_auth="keyboard-interactive",
            known_hosts=str(known_hosts),
            config=None,
            agent_path=None,
        ) as connection,
        connection.start_sftp_client() as sftp,
    ):
        windows.first_is_in.set()
        return sorted(str(name) for name in await sftp.listdir("/") if name not in (".", ".."))


def test_ten_windows_that_ask_at_once_take_the_same_code(county: County, tmp_path: Path) -> None:
    person, since, known = county["r.reader18"], county.head(), county.known_hosts(tmp_path)

    async def work() -> list[list[str]]:
        windows = Windows(person, county.code(person))
        return await asyncio.gather(*(_listed(county, person, windows, known) for _ in range(TEN)))

    assert asyncio.run(work()) == [[ABOUT, "Derbyshire Documents"]] * TEN
    shown = [event.reason for event in county.events(since, EventKind.SIGN_IN)]
    assert sorted(shown) == ["password + totp", *["password + trust"] * (TEN - 1)]
