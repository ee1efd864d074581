"""Where sealed bytes lie: `BlobStore`, and the one in a local folder.

Called by the vault alone, which never hands it plaintext. A blob is there whole or not at all: it is written beside its
place, flushed, renamed, and its folder flushed. Thread-safe. Raises OSError; FileNotFoundError for a blob that is not
there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from config.files import sync_folder

_NEW = ".new"


class Reading(Protocol):
    """A blob, open."""

    @property
    def size(self) -> int:
        """Bytes of the blob."""
        ...

    def pread(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`, fewer at the end alone."""
        ...

    def close(self) -> None:
        """Give it back. Idempotent."""
        ...


class Writing(Protocol):
    """A blob in the making."""

    def write(self, data: bytes) -> None:
        """Append `data`, all of it."""
        ...

    def commit(self) -> None:
        """Make the blob durable and let it be found."""
        ...

    def abandon(self) -> None:
        """Leave nothing behind. Idempotent, and of no effect after `commit`."""
        ...


class BlobStore(Protocol):
    """Sealed bytes by object id (16 bytes)."""

    def create(self, object_id: bytes) -> Writing:
        """Begin a blob."""
        ...

    def open(self, object_id: bytes) -> Reading:
        """Open a blob. Raises FileNotFoundError."""
        ...

    def delete(self, object_id: bytes) -> None:
        """Remove a blob; one that is not there is removed already."""
        ...

    def list(self) -> Iterator[tuple[bytes, datetime]]:
        """Every blob with the time of its last write (aware UTC), those in the making included."""
        ...


class LocalStore:
    """Blobs in `folder`, spread over two hex digits of their ids."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, object_id: bytes) -> Writing:
        return _LocalWriting(self._path(object_id))

    def open(self, object_id: bytes) -> Reading:
        return _LocalReading(self._path(object_id))

    def delete(self, object_id: bytes) -> None:
        path = self._path(object_id)
        for name in (path, path.with_suffix(_NEW)):
            name.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_folder(path.parent)

    def list(self) -> Iterator[tuple[bytes, datetime]]:
        for path in sorted(self._folder.glob("[0-9a-f][0-9a-f]/*")):
            try:
                object_id, changed = bytes.fromhex(path.stem), path.stat().st_mtime
            except (ValueError, FileNotFoundError):  # not ours, or gone since
                continue
            yield object_id, datetime.fromtimestamp(changed, UTC)

    def _path(self, object_id: bytes) -> Path:
        name = object_id.hex()
        return self._folder / name[:2] / name


class _LocalReading:
    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        self.size = os.fstat(self._descriptor).st_size

    def pread(self, offset: int, size: int) -> bytes:
        data = os.pread(self._descriptor, size, offset)
        while 0 < len(data) < size and (more := os.pread(self._descriptor, size - len(data), offset + len(data))):
            data += more
        return data

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class _LocalWriting:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._new = path.with_suffix(_NEW)
        self._committed = False
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(path.parent.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self._new, flags, 0o600)

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def commit(self) -> None:
        os.fsync(self._descriptor)
        self._close()
        self._new.rename(self._path)
        try:
            sync_folder(self._path.parent)
        except OSError:
            self._path.unlink()
            raise
        self._committed = True

    def abandon(self) -> None:
        if not self._committed:
            self._close()
            self._new.unlink(missing_ok=True)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
