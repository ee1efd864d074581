"""One code for a working day [R15], as asyncssh's client meets it: ten connections at once, by each of three ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncssh
import pytest

from tests.sftp.door import answers
from tests.support.county import HOST, County
from tests.support.story import Person

PLACE = "127.3.0.1"  # from which nobody else signs in
TEN = 10

# Each way: what the client brings beside the name, and what it is asked for before the code.
Way = Callable[[Person], tuple[dict[str, Any], list[str]]]
WAYS: dict[str, tuple[str, Way]] = {
    "prompts": ("r.reader1", lambda person: ({"preferred_auth": ["keyboard-interactive"]}, [person.password])),
    "the password method": (
        "r.reader13",
        lambda person: ({"password": person.password, "preferred_auth": ["password", "keyboard-interactive"]}, []),
    ),
    "a key": ("r.reader14", lambda person: ({"client_keys": [str(person.key)]}, [])),
}


async def _asked(county: County, person: Person, way: Way, *code: str) -> list[str]:
    """What a client is asked for that signs in and looks at the root."""
    options, first = way(person)
    client = answers(*first, *code)
    plain = {"client_keys": None, "config": None, "agent_path": None, "local_addr": (PLACE, 0)}
    known = asyncssh.import_known_hosts(f"* {county.host_key}")
    async with (
        asyncssh.connect(
            HOST,
            county.sftp_port,
            username=person.username,
            known_hosts=known,
            client_factory=client,
            **{**plain, **options},
        ) as connection,
        connection.start_sftp_client() as sftp,
    ):
        assert await sftp.listdir(".")
    return [prompt for prompt, _ in client.asked]


@pytest.mark.parametrize(("username", "way"), WAYS.values(), ids=WAYS)
def test_ten_connections_at_once_ask_for_no_code_after_the_first(county: County, username: str, way: Way) -> None:
    person = county[username]
    first = ["Password:"] * len(way(person)[1])

    async def day() -> tuple[list[str], list[list[str]]]:
        asked = await _asked(county, person, way, county.code(person))
        return asked, list(await asyncio.gather(*(_asked(county, person, way) for _ in range(TEN))))

    asked, later = asyncio.run(asyncio.wait_for(day(), 60))
    assert asked == [*first, "One-time code:"]
    assert later == [first] * TEN
