"""Sealed bytes, read and written: a byte leaves only after the tag of its segment held.

Made by the vault. `Blob` is thread-safe and serves one read at a time; `Sealing` belongs to one thread. Raise Damaged
(what is stored is not what was sealed) and OSError.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import ClosedHandle, Damaged
from gateway.vault import format as fmt
from gateway.vault.store import Reading, Writing

_AHEAD = 4
"""Segments opened beyond a small sequential read: one hop to a thread then serves several requests of 32 KiB.

A read of as many segments is its own hop: opening more for it would be done again when the next one wants more still.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """An object that is whole in the store. `commitment` is a random salt and a hash of salt and the plaintext's."""

    object_id: bytes
    length: int
    segment_size: int
    ciphertext_sha256: bytes
    commitment: bytes
    dek: bytes = field(repr=False)


class Sealing:
    """An object in the making. Leave it by `finish`, or nothing of it stays."""

    def __init__(self, writing: Writing, object_id: bytes, dek: bytes, salt: bytes, segment_size: int) -> None:
        self._writing = writing
        self._object_id = object_id
        self._dek = dek
        self._salt = salt
        self._segment_size = segment_size
        self._cipher = fmt.segment_cipher(dek, fmt.context(object_id, segment_size))
        self._pending = bytearray()
        self._index = 0
        self._length = 0
        self._plain = hashlib.sha256()
        self._sealed = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Seal `data` behind what was written. Raises OSError, ValueError beyond what the format can number."""
        self._plain.update(data)
        self._length += len(data)
        if not fmt.fits(self._length, self._segment_size):
            raise ValueError("more bytes than the format can number")
        self._pending += data
        # One segment stays behind: only `finish` knows which is the last.
        whole = (len(self._pending) - 1) // self._segment_size * self._segment_size
        if whole > 0:
            view = memoryview(self._pending)
            sealed = b"".join(
                self._seal(view[start : start + self._segment_size], last=False)
                for start in range(0, whole, self._segment_size)
            )
            view.release()
            del self._pending[:whole]
            self._put(sealed)

    def finish(self) -> Sealed:
        """Make the object durable. Raises OSError, and then nothing of it stays."""
        self._put(self._seal(memoryview(self._pending), last=True))
        self._writing.commit()
        return Sealed(
            object_id=self._object_id,
            length=self._length,
            segment_size=self._segment_size,
            ciphertext_sha256=self._sealed.digest(),
            commitment=commit_to(self._salt, self._plain.digest()),
            dek=self._dek,
        )

    def abandon(self) -> None:
        """Leave nothing behind; of no effect after `finish`."""
        self._writing.abandon()

    def _seal(self, plain: memoryview, *, last: bool) -> bytes:
        index, self._index = self._index, self._index + 1
        return self._cipher.encrypt(fmt.segment_nonce(index, last=last), plain, None)

    def _put(self, sealed: bytes) -> None:
        self._sealed.update(sealed)
        self._writing.write(sealed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()


class Blob:
    """An object, open. Its length is the authenticated one, and the file has exactly the size that follows from it."""

    def __init__(self, reading: Reading, cipher: AESGCM, length: int, segment_size: int) -> None:
        self._reading = reading
        self._cipher = cipher
        self.length = length
        self._segment_size = segment_size
        self._count = fmt.segment_count(length, segment_size)
        self._lock = Lock()
        self._open: OrderedDict[int, bytes] = OrderedDict()
        self._next_offset = 0
        self._closed = False

    def pread(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`; fewer at the end, none past it. Raises Damaged, ClosedHandle, OSError."""
        size = max(0, min(size, self.length - offset))
        if size == 0:
            return b""
        with self._lock:
            if self._closed:
                raise ClosedHandle
            first, last = offset // self._segment_size, (offset + size - 1) // self._segment_size
            if not all(index in self._open for index in range(first, last + 1)):
                is_small = last - first < _AHEAD - 1
                ahead = _AHEAD if is_small and offset == self._next_offset and offset > 0 else 0
                self._read_segments(first, last, ahead)
            self._next_offset = offset + size
            data = self._cut(offset, size)
            while len(self._open) > _AHEAD + 1:
                self._open.popitem(last=False)
            return data

    def cached(self, offset: int, size: int) -> bytes | None:
        """The same where the segments are open already, else None. Never blocks."""
        size = max(0, min(size, self.length - offset))
        if size == 0:
            return b""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            segments = range(offset // self._segment_size, (offset + size - 1) // self._segment_size + 1)
            if self._closed or not all(index in self._open for index in segments):
                return None
            self._next_offset = offset + size
            return self._cut(offset, size)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Give the object back and forget what was open. Idempotent."""
        with self._lock:
            self._closed = True
            self._open.clear()
            self._reading.close()

    def _read_segments(self, first: int, last: int, ahead: int) -> None:
        """Open the segments from `first` to `last`, and `ahead` more where they are there: one read of the store."""
        until = min(last + ahead, self._count - 1)
        stride = self._segment_size + fmt.TAG_BYTES
        sealed = memoryview(self._reading.pread(first * stride, (until - first + 1) * stride))
        for index in range(first, until + 1):
            start = (index - first) * stride
            try:
                plain = self._cipher.decrypt(
                    fmt.segment_nonce(index, last=index == self._count - 1), sealed[start : start + stride], None
                )
            except InvalidTag:
                if index > last:  # read ahead of the client: it is told when it asks for this one
                    return
                raise Damaged from ValueError(f"segment {index} was changed: its authentication tag fails")
            self._open[index] = plain
            self._open.move_to_end(index)

    def _cut(self, offset: int, size: int) -> bytes:
        first, last = offset // self._segment_size, (offset + size - 1) // self._segment_size
        start = offset - first * self._segment_size
        if first == last:
            return self._open[first][start : start + size]
        whole = b"".join(self._open[index] for index in range(first, last + 1))
        return whole[start : start + size] if (start, len(whole)) != (0, size) else whole


def commit_to(salt: bytes, plaintext_sha256: bytes) -> bytes:
    """A commitment that `ladocs` can check against a file and nobody can guess a file from."""
    return salt + hashlib.sha256(b"ladocs/v1/commitment\0" + salt + plaintext_sha256).digest()
