"""The requests of one SFTP channel: what is served at all, how much may wait, and how errors meet the wire.

Narrows the library's handler: version 3, its own operations and two extensions. Extensions that write are refused as
every writing is [R4], though none is announced; any other opcode or extension is unknown here, whatever handler the
library has for it. One request is served after another.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asyncssh import SFTPBadMessage, SFTPError, SFTPFailure, SFTPLimits
from asyncssh.constants import (
    FXP_CLOSE,
    FXP_FSETSTAT,
    FXP_FSTAT,
    FXP_LSTAT,
    FXP_MKDIR,
    FXP_OPEN,
    FXP_OPENDIR,
    FXP_READ,
    FXP_READDIR,
    FXP_READLINK,
    FXP_REALPATH,
    FXP_REMOVE,
    FXP_RENAME,
    FXP_RMDIR,
    FXP_SETSTAT,
    FXP_STAT,
    FXP_SYMLINK,
    FXP_WRITE,
)
from asyncssh.packet import PacketDecodeError, SSHPacket
from asyncssh.sftp import SFTPServerHandler
from asyncssh.stream import SSHReader, SSHWriter

from gateway.sftp.backlog import Backlog
from gateway.sftp.errors import sftp_error
from gateway.sftp.limits import SftpLimits
from gateway.sftp.server import FileServer, Listing

log = logging.getLogger(__name__)

VERSION = 3
EXTENSIONS = ((b"limits@openssh.com", b"1"), (b"statvfs@openssh.com", b"2"))
WRITING_EXTENSIONS = {
    b"posix-rename@openssh.com": "rename",
    b"hardlink@openssh.com": "link",
    b"fsync@openssh.com": "fsync",
    b"lsetstat@openssh.com": "setstat",
    b"copy-data": "write",
    b"copy-file": "write",
}
OPCODES = (
    FXP_OPEN,
    FXP_CLOSE,
    FXP_READ,
    FXP_WRITE,
    FXP_LSTAT,
    FXP_FSTAT,
    FXP_SETSTAT,
    FXP_FSETSTAT,
    FXP_OPENDIR,
    FXP_READDIR,
    FXP_REMOVE,
    FXP_MKDIR,
    FXP_RMDIR,
    FXP_REALPATH,
    FXP_STAT,
    FXP_RENAME,
    FXP_READLINK,
    FXP_SYMLINK,
)

_Serve = Callable[[Any, SSHPacket], Awaitable[Any]]


class Handler(SFTPServerHandler):
    """Serves `server` until the client ends the channel. `siblings`: all handlers of the connection, this one too."""

    _extensions: list[tuple[bytes, bytes]] = list(EXTENSIONS)  # noqa: RUF012 - as the library declares it

    def __init__(
        self,
        server: FileServer,
        reader: SSHReader[bytes],
        writer: SSHWriter[bytes],
        limits: SftpLimits,
        backlog: Backlog,
        siblings: set[Handler],
    ) -> None:
        super().__init__(server, reader, writer, VERSION)
        self._files = server
        self._limits = limits
        self._backlog = backlog
        self._siblings = siblings

    async def serve(self) -> None:
        """Serve, and leave no handle open whatever happens."""
        self._siblings.add(self)
        try:
            await self.run()
        finally:
            self._siblings.discard(self)
            await self._close_handles()

    @property
    def open_handles(self) -> int:
        """How many handles the client holds on this channel."""
        return len(self._file_handles) + len(self._dir_handles)

    @property
    def held_names(self) -> int:
        """How many names wait in the folders that are open on this channel."""
        return sum(cast(Listing, listing).held for listing in self._dir_handles.values())

    async def recv_packet(self) -> SSHPacket:
        """The next request. Raises SFTPBadMessage for one that is longer than any request can be."""
        if self._reader is None:
            raise EOFError
        length = int.from_bytes(await self._reader.readexactly(4), "big")
        if length > self._limits.packet_bytes:
            raise SFTPBadMessage("The request is too long.")
        return SSHPacket(await self._reader.readexactly(length))

    async def _process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        if self._version != VERSION:
            raise SFTPBadMessage("Only version 3 is spoken here.")
        if self._backlog.full:
            await self._backlog.room()
        await super()._process_packet(pkttype, pktid, packet)

    async def _process_open(self, packet: SSHPacket) -> bytes:
        self._check_handles()
        return await super()._process_open(packet)

    async def _process_opendir(self, packet: SSHPacket) -> bytes:
        self._check_handles()
        path = packet.get_string()
        packet.check_end()
        listing = self._files.scandir(path)
        await listing.open()
        self._check_names(listing)
        handle = self._get_next_handle()
        self._dir_handles[handle] = listing
        return handle

    async def _process_limits(self, packet: SSHPacket) -> SFTPLimits:
        packet.check_end()
        limits = self._limits
        return SFTPLimits(limits.packet_bytes, limits.read_bytes, limits.read_bytes, limits.handles)

    async def refuse(self, packet: SSHPacket, operation: str) -> None:
        """Refuse an extension that would write to the path or handle that comes first in it."""
        target = packet.get_string()
        await self._files.refuse(self._file_handles.get(target, target), operation)

    async def _cleanup(self, exc: Exception | None) -> None:
        await self._close_handles()
        await super()._cleanup(exc)

    async def _close_handles(self) -> None:
        files = list(self._file_handles.values())
        self._file_handles.clear()
        self._dir_handles.clear()
        for file in files:
            try:
                await self._files.close(file)
            except Exception as exc:  # noqa: BLE001 - the next one has to be closed all the same
                sftp_error(exc)

    def _check_handles(self) -> None:
        if sum(handler.open_handles for handler in self._siblings) >= self._limits.handles:
            raise SFTPFailure("Too many open handles.")

    def _check_names(self, listing: Listing) -> None:
        """Folders that are read one after another are never too many; nor is one alone, however large it is."""
        held = sum(handler.held_names for handler in self._siblings)
        if held and held + listing.held > self._limits.names:
            raise SFTPFailure("Too many names are waiting: read the folders that are open, or close them.")


def _guarded(serve: _Serve) -> _Serve:
    """`serve`, raising nothing whose text would be sent to the client unless it was meant for it."""

    async def guarded(self: Any, packet: SSHPacket) -> Any:
        try:
            return await serve(self, packet)
        except (SFTPError, PacketDecodeError):
            raise
        except Exception as exc:
            raise sftp_error(exc) from exc

    guarded.__name__ = getattr(serve, "__name__", "guarded")
    return guarded


def _refusing(operation: str) -> _Serve:
    """The way of an extension that would write: it is refused as `operation`."""

    async def refuse(self: Handler, packet: SSHPacket) -> None:
        await self.refuse(packet, operation)

    return refuse


def _served() -> dict[int | bytes, Any]:
    plain: dict[int | bytes, Any] = dict(SFTPServerHandler._packet_handlers)
    keys: list[int | bytes] = [*OPCODES, *(name for name, _ in EXTENSIONS)]
    served: dict[int | bytes, _Serve] = {key: getattr(Handler, plain[key].__name__) for key in keys}
    served.update({name: _refusing(operation) for name, operation in WRITING_EXTENSIONS.items()})
    return {key: _guarded(serve) for key, serve in served.items()}


Handler._packet_handlers = _served()  # after the class: the table names its methods
