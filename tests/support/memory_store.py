"""Blobs in memory, for tests: passes the contract of `BlobStore` (tests/vault/test_store_contract.py)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gateway.vault.store import Reading, Writing
from tests.support.clock import FakeClock


class MemoryStore:
    """Blobs by object id, dated by `clock`. `blobs` is for the test to look at and to damage."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.blobs: dict[bytes, bytes] = {}
        self._changed: dict[bytes, datetime] = {}
        self._new: dict[bytes, datetime] = {}

    def create(self, object_id: bytes) -> Writing:
        if object_id in self._new:
            raise FileExistsError(object_id.hex())
        self._new[object_id] = self.clock.now()
        return _MemoryWriting(self, object_id)

    def open(self, object_id: bytes) -> Reading:
        if object_id not in self.blobs:
            raise FileNotFoundError(object_id.hex())
        return _MemoryReading(self, object_id)

    def delete(self, object_id: bytes) -> None:
        self.blobs.pop(object_id, None)
        self._changed.pop(object_id, None)
        self._new.pop(object_id, None)

    def list(self) -> Iterator[tuple[bytes, datetime]]:
        yield from sorted({**self._new, **self._changed}.items())

    def written(self, object_id: bytes) -> None:
        """Something was appended to a blob in the making, which must still be there."""
        if object_id in self._new:
            self._new[object_id] = self.clock.now()

    def commit(self, object_id: bytes, data: bytes) -> None:
        """Let a blob be found."""
        self._changed[object_id] = self._new.pop(object_id)
        self.blobs[object_id] = data

    def abandon(self, object_id: bytes) -> None:
        """Forget a blob in the making."""
        self._new.pop(object_id, None)


class _MemoryReading:
    def __init__(self, store: MemoryStore, object_id: bytes) -> None:
        self._store = store
        self._object_id = object_id
        self._closed = False
        self.size = len(store.blobs[object_id])

    def pread(self, offset: int, size: int) -> bytes:
        if self._closed:
            raise OSError("closed")
        return self._store.blobs[self._object_id][offset : offset + size]

    def close(self) -> None:
        self._closed = True


class _MemoryWriting:
    def __init__(self, store: MemoryStore, object_id: bytes) -> None:
        self._store = store
        self._object_id = object_id
        self._data = bytearray()
        self._done = False

    def write(self, data: bytes) -> None:
        self._data += data
        self._store.written(self._object_id)

    def commit(self) -> None:
        self._store.commit(self._object_id, bytes(self._data))
        self._done = True

    def abandon(self) -> None:
        if not self._done:
            self._store.abandon(self._object_id)
            self._done = True
