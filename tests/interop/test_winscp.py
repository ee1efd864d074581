"""WinSCP's rule for prompts, replayed with asyncssh: a lone prompt without echo gets the stored password, unasked.

Any other prompt is a window. Its transfers in the background are connections of their own, which know the password. The
program itself runs on Windows alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import asyncssh
import pytest

from tests.support.county import HOST, County
from tests.support.story import ABOUT, Person

PLACE = "127.3.0.1"


class WinScp(asyncssh.SSHClient):
    """One connection with a stored password. `windows` are the prompts that a person saw; `code` is what is typed."""

    def __init__(self, password: str, code: str = "") -> None:
        self._password = password
        self._code = code
        self.windows: list[tuple[str, bool]] = []
        self._used = False

    def kbdint_auth_requested(self) -> str:
        return ""

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        if len(prompts) == 1 and not prompts[0][1] and not self._used:
            self._used = True
            return [self._password]
        self.windows.extend(prompts)
        return [self._code for _ in prompts] if self._code or not prompts else None


async def listed(county: County, person: Person, client: WinScp, known_hosts: Path) -> list[str]:
    """The root folder, as a connection of `client` lists it."""
    async with (
        asyncssh.connect(
            HOST,
            county.sftp_port,
            local_addr=(PLACE, 0),
            username=person.username,
            client_factory=lambda: client,
            client_keys=None,
            preferred_auth="keyboard-interactive",
            known_hosts=str(known_hosts),
            config=None,
            agent_path=None,
        ) as connection,
        connection.start_sftp_client() as sftp,
    ):
        return sorted(str(name) for name in await sftp.listdir("/") if name not in (".", ".."))


@pytest.fixture
def person(county: County) -> Person:
    return county["r.reader15"]


def test_the_code_is_asked_for_once_and_two_background_transfers_ask_for_nothing(
    county: County, person: Person, tmp_path: Path
) -> None:
    known = county.known_hosts(tmp_path)
    first = WinScp(person.password, county.code(person))
    background = [WinScp(person.password), WinScp(person.password)]

    async def work() -> list[list[str]]:
        shown = await listed(county, person, first, known)
        return [shown, *await asyncio.gather(*(listed(county, person, client, known) for client in background))]

    assert asyncio.run(work()) == [[ABOUT, "Derbyshire Documents"]] * 3
    assert first.windows == [("One-time code:", True)]
    assert [client.windows for client in background] == [[], []]
