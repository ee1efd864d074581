"""A running SFTP server on loopback, with the door's own code and fakes behind it, in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import asyncssh

from gateway.sftp.acceptor import serve
from gateway.sftp.algorithms import CipherOffer
from gateway.sftp.doorway import Doorway
from gateway.sftp.limits import SftpLimits
from tests.sftp.people import CODE, Account, People, Visits
from tests.support.clock import FakeClock
from tests.support.memory_fs import MemoryFileSystem

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
HOST = "127.0.0.1"
BANNER = "LA Documents. Questions: the web team.\r\n"
FOLDER = "/Derbyshire Documents/2026-11 November/SEND"
DOCUMENT = f"{FOLDER}/Provision map.pdf"
BIG = "/Derbyshire Documents/2026-10 October/Shared Services HR/Big.bin"


@dataclass
class Door:
    """What a test holds of the server."""

    port: int
    people: People
    visits: Visits
    fs: MemoryFileSystem

    def account(self, username: str) -> Account:
        return self.people.accounts[username]

    def connect(self, username: str, **options: Any) -> Any:
        """A connection of asyncssh's client, which knows the host key and nothing of this machine."""
        defaults: dict[str, object] = {
            "username": username,
            "known_hosts": asyncssh.import_known_hosts(f"* {HOST_KEY.export_public_key().decode()}"),
            "client_keys": None,
            "config": None,
            "agent_path": None,
        }
        return asyncssh.connect(HOST, self.port, **{**defaults, **options})

    def as_service(self, **options: Any) -> Any:
        """The service account, by its key."""
        return self.connect("nightly", client_keys=[self.account("nightly").key], **options)

    def known_hosts(self, folder: Path) -> Path:
        """A known_hosts file of OpenSSH for this server."""
        file = folder / "known_hosts"
        file.write_text(f"[{HOST}]:{self.port} {HOST_KEY.export_public_key().decode()}")
        return file

    def key_file(self, username: str, folder: Path) -> Path:
        """The private key of an account as OpenSSH wants it."""
        file = folder / f"key-{username}"
        file.write_bytes(self.account(username).key.export_private_key())
        file.chmod(0o600)
        return file


def answers(*texts: str) -> Any:
    """A client that gives one of `texts` to each prompt in turn, and keeps what it was asked and told."""
    left = list(texts)

    class Answering(asyncssh.SSHClient):
        asked: ClassVar[list[tuple[str, bool]]] = []
        told: ClassVar[list[str]] = []
        banners: ClassVar[list[str]] = []

        def kbdint_auth_requested(self) -> str:
            return ""

        def kbdint_challenge_received(
            self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
        ) -> list[str] | None:
            self.asked.extend(prompts)
            if instructions:
                self.told.append(instructions)
            if len(left) < len(prompts):
                return None
            return [left.pop(0) for _ in prompts]

        def auth_banner_received(self, msg: str, lang: str) -> None:
            self.banners.append(msg)

    return Answering


@contextmanager
def running(
    *,
    fs: MemoryFileSystem | None = None,
    limits: SftpLimits | None = None,
    offer: CipherOffer = CipherOffer.AUTO,
    host_key: asyncssh.SSHKey = HOST_KEY,
) -> Iterator[Door]:
    """A server that is up inside the block, and whose sessions are all closed after it."""
    fs = fs or MemoryFileSystem()
    people, visits = People(), Visits(fs)
    doorway = Doorway(
        authenticator=people,
        sessions=visits,
        clock=FakeClock(),
        entropy=os.urandom,
        host_keys=(host_key.export_private_key(),),
        banner=BANNER,
        limits=limits or SftpLimits(),
        cipher_offer=offer,
    )
    sock = socket.create_server((HOST, 0))
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(sock, doorway, stop),))
    thread.start()
    try:
        yield Door(sock.getsockname()[1], people, visits, fs)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()
    assert not thread.is_alive()
    assert all(visit.closed for visit in visits.all)
    assert fs.open_handles == 0


__all__ = ["BIG", "CODE", "DOCUMENT", "FOLDER", "Door", "answers", "running"]
