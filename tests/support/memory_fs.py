"""A file system in memory: the fake that the adapters' tests stand on, passing the file system's contract tests.

It has the verbs, the attributes and the errors of `gateway.filesystem.FileSystem`, for one reader. Thread-safe: what it
holds does not change while it is read, apart from `faults` and the lists of what was asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from gateway.errors import ClosedHandle, IsADirectory, NotADirectory, NotFound
from gateway.path import VirtualPath
from gateway.tree import Attributes, Entry, NodeKind

PUBLISHED = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)
WRITE_REFUSAL = "Documents cannot be changed here. To have one removed, ask cs.web@example.gov.uk or 01629 536797."

TREE: Mapping[str, bytes] = {
    "Derbyshire Documents/2026-11 November/SEND/Provision map.pdf": b"%PDF-1.7 provision\n" * 100,
    "Derbyshire Documents/2026-11 November/SEND/\u00c9lan review & notes.docx": b"PK\x03\x04 review",
    "Derbyshire Documents/2026-11 November/General/Term dates.csv": b"term,begins\nspring,2027-01-04\n",
    "Derbyshire Documents/2026-10 October/Shared Services HR/Big.bin": bytes(range(256)) * 4096,
    "About this drive.txt": b"Documents stay for 90 days.\n",
}


class MemoryFileSystem:
    """The documents of `files` (path from the root, without a leading slash -> bytes), in the folders of their paths.

    `faults` maps the name of a verb ("stat", "scandir", "open", "usage", "pread", "refuse_write") to an exception that
    it raises from then on. `warm` says whether `Handle.cached` answers. `calls` and `refused` tell what was asked.
    """

    def __init__(
        self,
        files: Mapping[str, bytes] = TREE,
        *,
        folders: Sequence[str] = (),
        mtime: datetime = PUBLISHED,
        warm: bool = False,
    ) -> None:
        self._files = {VirtualPath.parse(path): data for path, data in files.items()}
        self._mtime = mtime
        self._folders: dict[VirtualPath, dict[str, Attributes]] = {VirtualPath(): {}}
        for folder in folders:
            self._make_folder(VirtualPath.parse(folder))
        for path, data in self._files.items():
            self._make_folder(path.parent)[path.name] = self._document(path, data)
        self.warm = warm
        self.faults: dict[str, BaseException] = {}
        self.calls: list[tuple[str, VirtualPath]] = []
        self.refused: list[tuple[VirtualPath, str]] = []
        self.handles: list[MemoryHandle] = []

    def stat(self, path: VirtualPath) -> Attributes:
        self.note("stat", path)
        if path in self._folders:
            return self._folder()
        return self._find(path)

    def scandir(self, path: VirtualPath) -> Sequence[Entry]:
        self.note("scandir", path)
        entries = self._folders.get(path)
        if entries is None:
            self._find(path)
            raise NotADirectory
        return [Entry(name, entries[name]) for name in sorted(entries)]

    def open(self, path: VirtualPath) -> MemoryHandle:
        self.note("open", path)
        if path in self._folders:
            raise IsADirectory
        handle = MemoryHandle(self, path, self._find(path), self._files[path])
        self.handles.append(handle)
        return handle

    def usage(self) -> int:
        self.note("usage", VirtualPath())
        return sum(len(data) for data in self._files.values())

    def refuse_write(self, path: VirtualPath, operation: str) -> str:
        self.note("refuse_write", path)
        self.refused.append((path, operation))
        return WRITE_REFUSAL

    def note(self, verb: str, path: VirtualPath) -> None:
        """Remember that `verb` was asked of `path`, then raise the fault that waits for it, if one does."""
        self.calls.append((verb, path))
        if verb in self.faults:
            raise self.faults[verb]

    @property
    def open_handles(self) -> int:
        return sum(not handle.closed for handle in self.handles)

    def _find(self, path: VirtualPath) -> Attributes:
        try:
            return self._folders[path.parent][path.name]
        except KeyError:
            raise NotFound from None

    def _make_folder(self, path: VirtualPath) -> dict[str, Attributes]:
        if path not in self._folders:
            self._folders[path] = {}
            self._make_folder(path.parent)[path.name] = self._folder()
        return self._folders[path]

    def _folder(self) -> Attributes:
        return Attributes(NodeKind.FOLDER, 0, self._mtime)

    def _document(self, path: VirtualPath, data: bytes) -> Attributes:
        etag = hashlib.sha256(str(path).encode() + b"\0" + data).hexdigest()[:32]
        return Attributes(NodeKind.FILE, len(data), self._mtime, etag)


class MemoryHandle:
    """An open document of a `MemoryFileSystem`."""

    def __init__(self, fs: MemoryFileSystem, path: VirtualPath, attributes: Attributes, data: bytes) -> None:
        self._fs = fs
        self._path = path
        self._data = data
        self.attributes = attributes
        self.closed = False

    def pread(self, offset: int, size: int) -> bytes:
        self._fs.note("pread", self._path)
        if self.closed:
            raise ClosedHandle
        return self._data[offset : offset + size]

    def cached(self, offset: int, size: int) -> bytes | None:
        if self.closed or not self._fs.warm:
            return None
        return self._data[offset : offset + size]

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
