"""The operations of SFTP on one file system: reading goes to it, writing to one refusal [R4].

Every public operation of the library's server is overridden, because each that is not serves the disk of this machine;
a test enumerates them. Called by `handler` on the event loop, which turns what these raise into statuses; the file
system is asked in a pool of threads, save for bytes that it has in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from asyncssh import (
    FXF_APPEND,
    FXF_CREAT,
    FXF_EXCL,
    FXF_TRUNC,
    FXF_WRITE,
    SFTPAttrs,
    SFTPFailure,
    SFTPName,
    SFTPOpUnsupported,
    SFTPPermissionDenied,
    SFTPServer,
    SFTPVFSAttrs,
    SSHServerChannel,
)

from config.clock import Clock
from gateway.errors import NotFound
from gateway.path import VirtualPath
from gateway.quiet import is_quiet
from gateway.sftp.attributes import GROUP, OWNER, Row, row, sftp_attrs, vfs_attrs
from gateway.sftp.limits import SftpLimits
from gateway.sftp.threads import Threads
from gateway.tree import FileSystem, Handle

_WRITING = FXF_WRITE | FXF_APPEND | FXF_CREAT | FXF_TRUNC | FXF_EXCL


@dataclass(frozen=True, slots=True)
class OpenFile:
    """What a handle of the protocol stands for: a document, and the path by which it was opened."""

    path: VirtualPath
    document: Handle


class Listing:
    """The names of a folder, read whole by `open` before the first is given: an error is the answer to OPENDIR.

    A name that was given is held no more. Those that wait for longer than `recheck_seconds` are read anew before one
    is given: what has ended is left out, and an obstacle is an error here too [R19].
    """

    def __init__(self, read: Callable[[], Awaitable[list[Row]]], clock: Clock, recheck_seconds: float) -> None:
        self._read = read
        self._clock = clock
        self._recheck_seconds = recheck_seconds
        self._rows: deque[Row] | None = None
        self._read_at = 0.0

    async def open(self) -> None:
        """Read the folder. Raises FSError."""
        read_at = self._clock.monotonic()
        self._rows = deque(await self._read())
        self._read_at = read_at

    @property
    def held(self) -> int:
        """How many names wait to be given."""
        return len(self._rows or ())

    def __aiter__(self) -> AsyncIterator[SFTPName]:
        return self

    async def __anext__(self) -> SFTPName:
        if self._rows is None:
            await self.open()
            return await self.__anext__()
        if self._rows and self._clock.monotonic() - self._read_at >= self._recheck_seconds:
            await self._recheck(self._rows)
        if not self._rows:
            raise StopAsyncIteration
        return self._rows.popleft()

    async def _recheck(self, waiting: deque[Row]) -> None:
        await self.open()
        there = {row.filename for row in self._rows or ()}
        self._rows = deque(row for row in waiting if row.filename in there)


def _refusing(operation: str) -> Any:
    """A method that refuses `operation` on the path or handle that is its first argument."""

    async def refuse(self: FileServer, target: object, *_: object) -> NoReturn:
        await self.refuse(target, operation)

    return refuse


class FileServer(SFTPServer):
    """SFTP version 3 on `files`. Methods raise FSError and SFTPError."""

    def __init__(
        self, chan: SSHServerChannel[bytes], files: FileSystem, threads: Threads, clock: Clock, limits: SftpLimits
    ) -> None:
        super().__init__(chan)
        self._files = files
        self._threads = threads
        self._clock = clock
        self._limits = limits

    async def refuse(self, target: object, operation: str) -> NoReturn:
        """Record that `operation` on `target` was refused, and say whom to ask."""
        path = target.path if isinstance(target, OpenFile) else _path_or_root(target)
        raise SFTPPermissionDenied(await self._threads.run(self._files.refuse_write, path, operation))

    write = _refusing("write")
    setstat = _refusing("setstat")
    lsetstat = _refusing("setstat")
    fsetstat = _refusing("fsetstat")
    remove = _refusing("remove")
    mkdir = _refusing("mkdir")
    rmdir = _refusing("rmdir")
    rename = _refusing("rename")
    posix_rename = _refusing("rename")
    symlink = _refusing("symlink")
    link = _refusing("link")
    lock = _refusing("lock")
    unlock = _refusing("unlock")
    fsync = _refusing("fsync")

    async def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> OpenFile:
        if pflags & _WRITING:
            await self.refuse(path, "open for writing")
        place = _path(path)
        document = await self._threads.run(self._files.open, place, undo=_close)
        return OpenFile(place, document)

    async def open56(self, path: bytes, desired_access: int, flags: int, attrs: SFTPAttrs) -> NoReturn:
        raise SFTPOpUnsupported("Only version 3 is spoken here.")

    async def close(self, file_obj: object) -> None:
        await self._threads.finish(_open_file(file_obj).document.close)

    def read(self, file_obj: object, offset: int, size: int) -> bytes | Awaitable[bytes]:
        """At most `size` bytes, and no more than the limit, from `offset`; none at the end of the document."""
        document = _open_file(file_obj).document
        size = min(size, self._limits.read_bytes)
        data = document.cached(offset, size)
        return self._threads.run(document.pread, offset, size) if data is None else data

    async def stat(self, path: bytes) -> SFTPAttrs:
        return sftp_attrs(await self._threads.run(self._files.stat, _path(path)))

    async def lstat(self, path: bytes) -> SFTPAttrs:
        return await self.stat(path)

    def fstat(self, file_obj: object) -> SFTPAttrs:
        return sftp_attrs(_open_file(file_obj).document.attributes)

    def scandir(self, path: bytes) -> Listing:
        place = _path(path)

        def read() -> list[Row]:
            at = self._clock.now()
            return [row(entry, at) for entry in self._files.scandir(place)]

        return Listing(lambda: self._threads.run(read), self._clock, self._limits.recheck_seconds)

    def realpath(self, path: bytes) -> bytes:
        return str(VirtualPath.parse(path)).encode()

    def readlink(self, path: bytes) -> NoReturn:
        raise SFTPFailure("There are no links here.")

    async def statvfs(self, path: bytes) -> SFTPVFSAttrs:
        await self._threads.run(self._files.stat, _path(path))
        return vfs_attrs(await self._threads.run(self._files.usage))

    def fstatvfs(self, file_obj: object) -> NoReturn:
        raise SFTPOpUnsupported("Not offered here.")

    def exit(self) -> None:
        """The subsystem has ended: say so with status 0, without which OpenSSH's scp reports a failure."""
        self.channel.exit(0)

    def format_user(self, uid: int | None) -> str:
        return OWNER

    def format_group(self, gid: int | None) -> str:
        return GROUP

    def format_longname(self, name: SFTPName) -> None:
        name.longname = name.filename

    def map_path(self, path: bytes) -> NoReturn:
        raise SFTPOpUnsupported("No path here is one of this machine.")

    reverse_map_path = map_path

    async def convert_attrs(self, result: Any) -> NoReturn:
        raise SFTPOpUnsupported("Only version 3 is spoken here.")


def _path(raw: bytes) -> VirtualPath:
    """The path `raw` names. Raises NotFound, for names that systems ask for by themselves too."""
    path = VirtualPath.parse(raw)
    if is_quiet(path):
        raise NotFound
    return path


def _path_or_root(raw: object) -> VirtualPath:
    try:
        return VirtualPath.parse(raw) if isinstance(raw, bytes) else VirtualPath()
    except NotFound:
        return VirtualPath()


def _open_file(file_obj: object) -> OpenFile:
    if not isinstance(file_obj, OpenFile):
        raise SFTPFailure("The handle is not one of a document.")
    return file_obj


def _close(document: Handle) -> None:
    document.close()
