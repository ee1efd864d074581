"""Sign-in requests by hand (RFC 4252, RFC 4256), in an order of the test's own choosing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncssh
from asyncssh.connection import SSHClientConnection
from asyncssh.packet import Boolean, Byte, SSHPacket, String, UInt32

from tests.sftp.door import HOST, HOST_KEY

SERVICE_REQUEST, SERVICE_ACCEPT = 5, 6
REQUEST, FAILURE, SUCCESS, BANNER = 50, 51, 52, 53
PK_OK = INFO_REQUEST = 60
INFO_RESPONSE = 61
CHANNEL_OPEN, CHANNEL_CONFIRMED = 90, 91
_CONNECTION = b"ssh-connection"


class UserAuth:
    """A connection after its key exchange, before its sign-in."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn
        self._packets: asyncio.Queue[tuple[int, SSHPacket] | None] = asyncio.Queue()
        self.methods = b""
        self.banners: list[bytes] = []

    @classmethod
    @asynccontextmanager
    async def connect(cls, port: int) -> AsyncIterator[UserAuth]:
        known = asyncssh.import_known_hosts(f"* {HOST_KEY.export_public_key().decode()}")
        options = asyncssh.SSHClientConnectionOptions(
            known_hosts=known, config=None, username="nobody", client_keys=None
        )
        loop = asyncio.get_running_loop()
        ready = loop.create_future()

        def made() -> Any:
            conn: Any = SSHClientConnection(loop, options)
            wire = cls(conn)
            conn.try_next_auth = lambda **_: None if ready.done() else ready.set_result(wire)
            plain = conn.process_packet

            def process(pkttype: int, seq: int, packet: SSHPacket) -> Any:
                if pkttype == SERVICE_ACCEPT and ready.done():
                    wire._packets.put_nowait((pkttype, packet))
                    return True
                if pkttype in (FAILURE, SUCCESS, BANNER, PK_OK, CHANNEL_CONFIRMED):
                    wire._packets.put_nowait((pkttype, packet))
                    return True
                return plain(pkttype, seq, packet)

            conn.process_packet = process
            conn._auth = cast(Any, _Passing(process))
            lost = conn.connection_lost

            def connection_lost(exc: Exception | None = None) -> None:
                wire._packets.put_nowait(None)
                lost(exc)

            conn.connection_lost = connection_lost
            return conn

        transport, _ = await loop.create_connection(made, HOST, port)
        try:
            yield await asyncio.wait_for(ready, 10)
        finally:
            transport.abort()

    def send_request(self, username: str, method: bytes, *rest: bytes) -> None:
        self._conn.send_packet(REQUEST, String(username), String(_CONNECTION), String(method), *rest)

    def send_password(self, username: str, text: str) -> None:
        self.send_request(username, b"password", Boolean(False), String(text))

    async def receive(self) -> tuple[int, SSHPacket]:
        """The next packet. Raises EOFError when the server ended the connection."""
        async with asyncio.timeout(10):
            while True:
                packet = await self._packets.get()
                if packet is None:
                    raise EOFError
                if packet[0] != BANNER:
                    return packet
                self.banners.append(packet[1].get_string())

    async def failure(self) -> tuple[int, bool]:
        """The next answer: its type, and whether it is a partial success."""
        kind, packet = await self.receive()
        if kind != FAILURE:
            return kind, False
        self.methods = packet.get_string()
        return kind, packet.get_boolean()

    async def password(self, username: str, text: str) -> tuple[int, bool]:
        self.send_password(username, text)
        return await self.failure()

    async def change_password(self, username: str, old: str, new: str) -> tuple[int, bool]:
        self.send_request(username, b"password", Boolean(True), String(old), String(new))
        return await self.failure()

    async def offer(self, username: str, key: asyncssh.SSHKey) -> int:
        """Ask whether a key would do; no signature."""
        self.send_request(username, b"publickey", Boolean(False), String(key.algorithm), String(key.public_data))
        return (await self.receive())[0]

    async def public_key(self, username: str, key: asyncssh.SSHKey, algorithm: bytes = b"") -> tuple[int, bool]:
        """Sign in with a key."""
        algorithm = algorithm or key.algorithm
        parts = (Boolean(True), String(algorithm), String(key.public_data))
        body = b"".join((Byte(REQUEST), String(username), String(_CONNECTION), String(b"publickey"), *parts))
        signature = key.sign(String(self._conn._session_id) + body, algorithm)
        self.send_request(username, b"publickey", *parts, String(signature))
        return await self.failure()

    async def interactive(self, username: str) -> list[bytes]:
        """Begin keyboard-interactive: the prompts."""
        self.send_request(username, b"keyboard-interactive", String(b""), String(b""))
        kind, packet = await self.receive()
        if kind != INFO_REQUEST:
            return []
        for _ in range(3):
            packet.get_string()
        prompts = []
        for _ in range(packet.get_uint32()):
            prompts.append(packet.get_string())
            packet.get_boolean()
        return prompts

    async def answer(self, *texts: str) -> tuple[int, SSHPacket]:
        """Answer the prompts."""
        self._conn.send_packet(INFO_RESPONSE, UInt32(len(texts)), *(String(text) for text in texts))
        return await self.receive()

    async def ask_service(self) -> int:
        """Ask for the sign-in service once more, as paramiko does."""
        self._conn.send_packet(SERVICE_REQUEST, String(b"ssh-userauth"))
        return (await self.receive())[0]

    async def open_channel(self) -> bool:
        """Whether a session channel opens; without sign-in the server ends the connection."""
        self._conn._auth_complete = True  # or the client's own library would hold the request back
        self._conn.send_packet(CHANNEL_OPEN, String(b"session"), UInt32(0), UInt32(1 << 20), UInt32(32768))
        try:
            return (await self.receive())[0] == CHANNEL_CONFIRMED
        except EOFError:
            return False


class _Passing:
    """Stands where the client's library keeps the method in progress, and hands every packet on."""

    def __init__(self, process: Any) -> None:
        self.process_packet = process

    def log_received_packet(self, *_: object) -> None:
        """Nothing is logged."""

    def cancel(self) -> None:
        """Nothing runs."""
