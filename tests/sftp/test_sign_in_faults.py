"""The n-th call into a pool of the door fails, for every n and every way in: nobody is signed in [R14]."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import asyncssh
import pytest

from auth.verdicts import SignInUnavailable
from gateway.errors import Unavailable
from tests.sftp.door import CODE, Door, answers, running
from tests.support.waiting import until

PASSWORD = "correct horse battery"
_FEWEST = 4  # the shortest way in has more calls

Way = Callable[[Door], tuple[str, dict[str, Any]]]
WAYS: dict[str, Way] = {
    "prompts": lambda door: ("jo.head", {"client_factory": answers(PASSWORD, CODE)}),
    "the password method": lambda door: (
        "jo.head",
        {
            "client_factory": answers(CODE),
            "password": PASSWORD,
            "preferred_auth": ["password", "keyboard-interactive"],
        },
    ),
    "key and code": lambda door: (
        "jo.head",
        {"client_factory": answers(CODE), "client_keys": [door.account("jo.head").key]},
    ),
    "a script's key": lambda door: ("nightly", {"client_keys": [door.account("nightly").key]}),
}
FAULTS = {
    "fault": SignInUnavailable("the database is gone"),
    "time-out": TimeoutError("too late"),
    "pool full": Unavailable(),
    "defect": KeyError("a mistake of ours"),
}


class Steps:
    """Counts the calls of the door into its pools; at the one numbered `fatal` something happens."""

    def __init__(self, door: Door) -> None:
        self._fatal = self._taken = 0
        self._happen: Callable[[], object] = lambda: None
        self.fired = False
        door.people.step = door.visits.step = self.step

    def begin(self, fatal: int, happen: Callable[[], object]) -> None:
        """Count anew."""
        self._fatal, self._happen, self._taken, self.fired = fatal, happen, 0, False

    def step(self) -> None:
        self._taken += 1
        if self._taken == self._fatal:
            self.fired = True
            self._happen()


@pytest.fixture
def door() -> Iterator[Door]:
    with running() as door:
        yield door


async def _root(door: Door, username: str, options: dict[str, Any]) -> str:
    async with door.connect(username, **options) as connection, connection.start_sftp_client() as sftp:
        root: str = await sftp.realpath(".")
        return root


def _signs_in(door: Door, way: Way) -> bool:
    username, options = way(door)
    try:
        return asyncio.run(asyncio.wait_for(_root(door, username, options), 20)) == "/"
    except asyncssh.Error:
        return False


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_fault_of_any_call_signs_nobody_in(door: Door, way: Way, fault: Exception) -> None:
    def fail() -> None:
        raise fault

    steps = Steps(door)
    for fatal in count(1):
        steps.begin(fatal, fail)
        entered = _signs_in(door, way)
        if not steps.fired:
            break
        assert not entered, f"call {fatal}"
        assert door.visits.all == [], f"call {fatal}"
    assert entered
    assert fatal > _FEWEST


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_client_that_leaves_during_any_call_leaves_no_session(door: Door, way: Way) -> None:
    steps = Steps(door)
    for fatal in count(1):
        held, release = threading.Event(), threading.Event()

        def hold(held: threading.Event = held, release: threading.Event = release) -> None:
            held.set()
            release.wait(10)

        steps.begin(fatal, hold)
        if _left(door, way, held):
            release.set()
            assert until(lambda: all(visit.closed for visit in door.visits.all)), f"call {fatal}"
        else:
            break
    assert fatal > _FEWEST


def _left(door: Door, way: Way, held: threading.Event) -> bool:
    """Whether a client left while a call was held; False for one that came in before."""

    async def leave() -> bool:
        username, options = way(door)
        entering = asyncio.ensure_future(_root(door, username, options))
        holding = asyncio.ensure_future(asyncio.to_thread(held.wait, 20))
        await asyncio.wait({entering, holding}, return_when=asyncio.FIRST_COMPLETED)
        was_held = held.is_set()
        held.set()
        entering.cancel()
        await asyncio.gather(entering, holding, return_exceptions=True)
        return was_held

    return asyncio.run(leave())
