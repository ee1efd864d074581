"""Open documents: every read asks the clock, every few seconds the policy, every 64 MiB the record.

Made by the file system alone. Thread-safe. Raise only FSError.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from config.clock import Clock
from gateway.errors import ClosedHandle, Damaged
from gateway.faults import as_fs_errors
from gateway.scopes import RECHECK_SECONDS
from gateway.tree import Attributes
from gateway.vault.blob import Blob
from gateway.watch import POLL_SECONDS
from policy.audit.reading import FileGrant

# A scope may be a poll older than a change: together they stay within the time in which a change is everywhere [R19].
_ASK_AGAIN_SECONDS = RECHECK_SECONDS - POLL_SECONDS


class _Closing:
    """What both kinds of handle have in common: closing once, and the block that does it."""

    def __init__(self, attributes: Attributes, grant: FileGrant) -> None:
        self.attributes = attributes
        self._grant = grant
        self._closed = False

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._release()
            with as_fs_errors():
                self._grant.close()

    def _release(self) -> None:
        """Give back what lies below."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class DocumentHandle(_Closing):
    """A sealed document, open. `permit(at)` raises when it may no longer be read, else says until when it may.

    It is asked every few seconds by the monotonic clock, because the other one may be put back; `asked_at` is when it
    was last.
    """

    def __init__(
        self,
        *,
        attributes: Attributes,
        blob: Blob,
        grant: FileGrant,
        clock: Clock,
        permitted_until: datetime,
        asked_at: float,
        permit: Callable[[datetime], datetime],
        damaged: Callable[[Damaged], None],
    ) -> None:
        super().__init__(attributes, grant)
        self._blob = blob
        self._clock = clock
        self._permitted_until = permitted_until
        self._asked_at = asked_at
        self._permit = permit
        self._damaged = damaged

    def pread(self, offset: int, size: int) -> bytes:
        with as_fs_errors():
            self._check()
            size = self._within(offset, size)
            if size == 0:
                return b""
            self._grant.require(offset, size)
            try:
                data = self._blob.pread(offset, size)
            except Damaged as exc:
                self._damaged(exc)
                raise
            self._grant.cover(offset, size)  # only now do these bytes leave
            return data

    def cached(self, offset: int, size: int) -> bytes | None:
        if self._closed or not self._permitted():
            return None
        size = self._within(offset, size)
        data = self._blob.cached(offset, size)
        return data if data is not None and self._grant.try_cover(offset, size) else None

    def _check(self) -> None:
        if self._closed:
            raise ClosedHandle
        if not self._permitted():
            asked_at = self._clock.monotonic()
            self._permitted_until = self._permit(self._clock.now())
            self._asked_at = asked_at

    def _permitted(self) -> bool:
        asked_lately = self._clock.monotonic() - self._asked_at < _ASK_AGAIN_SECONDS
        return asked_lately and self._clock.now() < self._permitted_until

    def _within(self, offset: int, size: int) -> int:
        return max(0, min(size, self.attributes.size - offset))

    def _release(self) -> None:
        self._blob.close()


class TextHandle(_Closing):
    """The text of the root, open. It names nobody and nothing, and is recorded all the same."""

    def __init__(self, text: bytes, attributes: Attributes, grant: FileGrant) -> None:
        super().__init__(attributes, grant)
        self._text = text

    def pread(self, offset: int, size: int) -> bytes:
        if self._closed:
            raise ClosedHandle
        data = self._text[offset : offset + size]
        with as_fs_errors():
            self._grant.cover(offset, len(data))
        return data

    def cached(self, offset: int, size: int) -> bytes | None:
        return None
