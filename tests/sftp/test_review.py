"""Whoever loses access loses the connection, idle or in mid-transfer, and everybody does when nobody can say [R19]."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from gateway.errors import Unavailable
from gateway.sftp.acceptor import serve
from gateway.sftp.doorway import Doorway
from gateway.sftp.limits import SftpLimits
from tests.sftp.door import BIG, HOST, HOST_KEY, Door, running
from tests.sftp.people import People, Visits
from tests.support.clock import FakeClock
from tests.support.memory_fs import MemoryFileSystem
from tests.support.waiting import until

LIMITS = SftpLimits(review_seconds=0.05)
ENDED = "Your access has ended or changed. Please sign in again."


@pytest.fixture
def door() -> Iterator[Door]:
    with running(limits=LIMITS) as door:
        yield door


class Listening(asyncssh.SSHClient):
    """A client that keeps why its connection was lost."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


def _run(what: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(what, 20))


async def _lost(door: Door, happens: Callable[[], object]) -> Exception | None:
    """Why a script that does nothing once it has listed the root is disconnected, after something `happens`.

    None where the server ended it in good order: then this client hides the server's words.
    """
    async with door.as_service(client_factory=Listening) as connection, connection.start_sftp_client() as sftp:
        await sftp.listdir("/")
        happens()
        reason: Exception | None = await connection._owner.lost
        return reason


@pytest.mark.needs("ssh")
def test_an_idle_connection_is_closed_when_its_session_has_ended_and_told_no_detail(door: Door, tmp_path: Path) -> None:
    options = ["-F", "none", "-o", f"UserKnownHostsFile={door.known_hosts(tmp_path)}", "-o", "IdentityAgent=none"]
    with subprocess.Popen(
        [
            "ssh",
            "-p",
            str(door.port),
            "-i",
            door.key_file("nightly", tmp_path),
            *options,
            f"nightly@{HOST}",
            "-s",
            "sftp",
        ],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as client:
        assert until(lambda: bool(door.visits.all))
        door.visits.revoked.add("nightly")
        assert client.stderr is not None
        assert re.search(rf":11: {re.escape(ENDED)}\n", client.stderr.read())


def test_a_running_transfer_is_cut(door: Door) -> None:
    async def read() -> None:
        async with (
            door.as_service() as connection,
            connection.start_sftp_client() as sftp,
            sftp.open(BIG, "rb") as file,
        ):
            assert await file.read(1000, 0)
            door.visits.revoked.add("nightly")
            while await file.read(1000, 0):
                pass

    with pytest.raises((asyncssh.Error, OSError)):
        _run(read())


def test_another_persons_connection_stays(door: Door) -> None:
    async def stays() -> None:
        async with door.as_service() as connection, connection.start_sftp_client() as sftp:
            door.visits.revoked.add("jo.head")
            before = door.visits.reviews
            while door.visits.reviews < before + 3:
                await sftp.listdir("/")

    _run(stays())


def _hang(door: Door) -> None:
    door.visits.hold = threading.Event()


def _fail(door: Door) -> None:
    door.visits.fault = RuntimeError("nobody foresaw this")


@pytest.mark.parametrize("happens", [_hang, _fail])
def test_when_nobody_can_say_whose_access_has_ended_the_connections_are_closed_as_an_outage(
    door: Door, happens: Callable[[Door], None]
) -> None:
    def fall_silent() -> None:
        happens(door)
        door.visits.lost = True

    error = _run(_lost(door, fall_silent))
    assert isinstance(error, asyncssh.DisconnectError)
    assert (error.code, error.reason) == (asyncssh.DISC_SERVICE_NOT_AVAILABLE, Unavailable.message)
    if door.visits.hold is not None:
        door.visits.hold.set()


def test_the_review_goes_on_after_a_fault_and_after_it_hung(door: Door) -> None:
    hung = door.visits.hold = threading.Event()
    assert until(lambda: door.visits.reviews > 0)
    door.visits.fault, door.visits.hold = RuntimeError("nobody foresaw this"), None
    hung.set()
    failed = door.visits.reviews
    assert until(lambda: door.visits.reviews > failed + 2)
    door.visits.fault = None
    assert _run(_lost(door, lambda: door.visits.revoked.add("nightly"))) is None


class Lightless(Visits):
    """Sessions that cannot even say whether they are lost."""

    def __getattribute__(self, name: str) -> Any:
        if name == "lost":
            raise RuntimeError("nobody foresaw this")
        return super().__getattribute__(name)


def test_a_review_that_ends_ends_the_service_too() -> None:
    doorway = Doorway(
        authenticator=People(),
        sessions=Lightless(MemoryFileSystem()),
        clock=FakeClock(),
        entropy=os.urandom,
        host_keys=(HOST_KEY.export_private_key(),),
        limits=LIMITS,
    )
    with socket.create_server((HOST, 0)) as sock, pytest.raises(RuntimeError, match="nobody foresaw this"):
        _run(serve(sock, doorway, asyncio.Event()))


def test_who_is_still_signing_in_is_not_disturbed(door: Door) -> None:
    door.people.holds["check_public_key"] = held = threading.Event()

    async def sign_in() -> list[str]:
        connecting = asyncio.create_task(door.as_service().__aenter__())
        await asyncio.to_thread(door.people.held.wait, 10)
        door.visits.lost = True
        before = door.visits.reviews
        assert await asyncio.to_thread(until, lambda: door.visits.reviews >= before + 3)
        door.visits.lost = False
        held.set()
        async with await connecting as connection, connection.start_sftp_client() as sftp:
            return list(map(str, await sftp.listdir("/")))

    assert _run(sign_in())
