"""SFTP packets by hand, for what no client would send."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from typing import Any

import asyncssh

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT, OPENDIR, READDIR = range(1, 13)
REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK, LINK, BLOCK, UNBLOCK = range(13, 24)
STATUS, HANDLE, DATA, NAME, ATTRS = range(101, 106)
EXTENDED, EXTENDED_REPLY = 200, 201

OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE = range(6)
OP_UNSUPPORTED = 8

NO_ATTRS = struct.pack(">I", 0)


def string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def u32(value: int) -> bytes:
    return struct.pack(">I", value)


def u64(value: int) -> bytes:
    return struct.pack(">Q", value)


@dataclass(frozen=True)
class Reply:
    """An answer: its type and what follows the request id."""

    kind: int
    body: bytes

    @property
    def status(self) -> int | None:
        """The code of a STATUS, None for any other answer."""
        return int.from_bytes(self.body[:4], "big") if self.kind == STATUS else None

    @property
    def message(self) -> str:
        """The text of a STATUS."""
        return self.body[8 : 8 + int.from_bytes(self.body[4:8], "big")].decode()

    @property
    def string(self) -> bytes:
        """The first string of any other answer."""
        return self.body[4 : 4 + int.from_bytes(self.body[:4], "big")]


class Wire:
    """One SFTP channel. `init` must come first."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self.process = process
        self._id = 0

    @classmethod
    async def open(cls, connection: Any, *, init: bool = True) -> Wire:
        wire = cls(await connection.create_process(subsystem="sftp", encoding=None))
        if init:
            await wire.init()
        return wire

    async def init(self, version: int = 3) -> bytes:
        """The server's answer to INIT, after its type."""
        self.send(INIT, u32(version))
        kind, body = await self.receive()
        assert kind == VERSION
        return body

    def send(self, kind: int, body: bytes) -> None:
        self.process.stdin.write(string(bytes([kind]) + body))

    async def receive(self) -> tuple[int, bytes]:
        """The next packet: type and the rest. Raises asyncio.IncompleteReadError at the end of the channel."""
        async with asyncio.timeout(10):
            length = int.from_bytes(await self.process.stdout.readexactly(4), "big")
            packet = await self.process.stdout.readexactly(length)
        return packet[0], packet[1:]

    async def ask(self, kind: int, *parts: bytes) -> Reply:
        """The answer to one request."""
        self._id += 1
        self.send(kind, u32(self._id) + b"".join(parts))
        answer, body = await self.receive()
        assert int.from_bytes(body[:4], "big") == self._id
        return Reply(answer, body[4:])

    async def open_file(self, path: str) -> bytes:
        """A handle on the document `path`."""
        reply = await self.ask(OPEN, string(path.encode()), u32(1), NO_ATTRS)
        assert reply.kind == HANDLE, reply
        return reply.string
