"""What a file system shows and promises: attributes, entries, and the two protocols that every door programs against.

Implemented by `gateway.filesystem` and, in the adapters' tests, by a file system in memory that passes the same
contract tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import TracebackType
from typing import Protocol, Self

from gateway.path import VirtualPath


class NodeKind(Enum):
    """A folder holds names; a file holds bytes."""

    FOLDER = "folder"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Attributes:
    """What `stat` says. `size` in bytes (0: a folder); `mtime` aware UTC, whole seconds; `etag` unquoted, of files."""

    kind: NodeKind
    size: int
    mtime: datetime
    etag: str | None = None

    @property
    def is_folder(self) -> bool:
        return self.kind is NodeKind.FOLDER


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of a folder."""

    name: str
    attributes: Attributes


class Handle(Protocol):
    """An open document. Thread-safe. Raises only FSError."""

    @property
    def attributes(self) -> Attributes:
        """What `stat` said when it was opened."""
        ...

    def pread(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`; fewer at the end, none past it. May block on store and record."""
        ...

    def cached(self, offset: int, size: int) -> bytes | None:
        """The same where it needs neither store nor record nor database, else None. Never blocks."""
        ...

    def close(self) -> None:
        """Give the handle back and record what was sent. Idempotent."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class FileSystem(Protocol):
    """What one principal may see, read and nothing else [R4]. Thread-safe. Raises only FSError."""

    def stat(self, path: VirtualPath) -> Attributes:
        """The attributes of `path`. Raises NotFound, Unavailable."""
        ...

    def scandir(self, path: VirtualPath) -> Sequence[Entry]:
        """Every entry of the folder `path`: whole, or an error. Raises NotFound, NotADirectory, Unavailable."""
        ...

    def open(self, path: VirtualPath) -> Handle:
        """A handle on the document `path`, granted by the record. Raises as `stat`, and IsADirectory, Damaged."""
        ...

    def usage(self) -> int:
        """The bytes of all that may be read now: what `df` shows as used. Raises Unavailable."""
        ...

    def refuse_write(self, path: VirtualPath, operation: str) -> str:
        """Record that `operation` was refused and return the sentence for the client. Raises Unavailable."""
        ...
