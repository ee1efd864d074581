"""What a file system shows: attributes and entries, the types that every door translates to its own wire form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class NodeKind(Enum):
    """A folder holds names; a file holds bytes."""

    FOLDER = "folder"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Attributes:
    """What `stat` says. `size` in bytes (0 for a folder); `mtime` aware UTC in whole seconds; `etag` unquoted, files only."""

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
