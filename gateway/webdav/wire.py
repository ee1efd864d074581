"""A connection's socket with absolute deadlines: cheroot's file objects, replaced.

A time-out for each receive lets a drip of one byte a second hold a thread for ever; here a head, a body and a stretch
of sending each have an end that no drip can move. Used by one thread at a time. Raises OSError; Late is one.
"""

from __future__ import annotations

import socket
import ssl
from http import HTTPStatus

from config.clock import Clock
from gateway.webdav.head import HeadRefused, has_bare_break
from gateway.webdav.limits import HttpLimits

_RECEIVE = 64 * 1024


class Late(OSError):
    """The deadline passed before the client had sent, or taken, what it had to."""


class Wire:
    """Reader and writer of one socket, in the shape that cheroot expects of its two files."""

    bytes_read = 0
    bytes_written = 0

    def __init__(self, sock: socket.socket, clock: Clock, limits: HttpLimits) -> None:
        self.socket = sock
        self.closed = False
        self._clock = clock
        self._limits = limits
        self._buffer = bytearray()
        self._sending = 0.0
        self._sent = 0

    def has_data(self) -> bool:
        """Whether something waits here that a selector on the socket would not see."""
        return bool(self._buffer) or (isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0)

    def read_head(self, deadline: float) -> bytes | None:
        """The bytes up to and including the empty line; None where the client hung up before the first byte.

        `deadline` is on the monotonic clock. Raises Late, and HeadRefused for a head that is too long or not in lines.
        """
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if has_bare_break(self._buffer):
                raise HeadRefused(HTTPStatus.BAD_REQUEST, "Lines end in CR LF.")
            if len(self._buffer) > self._limits.header_bytes:
                break
            if not self._fill(deadline):
                return None
            if self._buffer.startswith(b"\r\n"):
                del self._buffer[:2]  # RFC 9112, section 2.2
        if end < 0 or end > self._limits.header_bytes:
            raise self._too_long()
        return self._take(end + 4)

    def _too_long(self) -> HeadRefused:
        if b"\r\n" in self._buffer[: self._limits.header_bytes]:
            return HeadRefused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large.")
        return HeadRefused(HTTPStatus.REQUEST_URI_TOO_LONG, "The request line is too long.")

    def read_body(self, size: int, deadline: float) -> bytes:
        """Exactly `size` bytes. Raises Late; ConnectionAbortedError where the client hung up before the end."""
        while len(self._buffer) < size:
            if not self._fill(deadline):
                raise ConnectionAbortedError("the client hung up within a body")
        return self._take(size)

    def drain(self, deadline: float) -> None:
        """Read and forget until the client hangs up or `deadline` passes, so that it can read its answer first."""
        self._buffer.clear()
        try:
            while self._fill(deadline):
                self._buffer.clear()
        except OSError:
            return

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _fill(self, deadline: float) -> bool:
        remaining = deadline - self._clock.monotonic()
        if remaining <= 0:
            raise Late("deadline passed")
        self.socket.settimeout(remaining)
        try:
            received = self.socket.recv(_RECEIVE)
        except TimeoutError as exc:
            raise Late("deadline passed") from exc
        except ssl.SSLEOFError:
            return False
        self._buffer += received
        return bool(received)

    def write(self, data: bytes) -> int:
        """Send all of `data`. Raises Late where the client takes it slower than the limits' rate."""
        view = memoryview(data)
        while view:
            view = view[self._send_some(view) :]
        return len(data)

    def _send_some(self, view: memoryview) -> int:
        started = self._clock.monotonic()
        self.socket.settimeout(max(0.001, self._limits.rate_seconds - self._sending))
        try:
            sent = self.socket.send(view)
        except TimeoutError:
            sent = 0
        self._sending += self._clock.monotonic() - started
        self._sent += sent
        if self._sending >= self._limits.rate_seconds:
            if self._sent < self._limits.rate_bytes:
                raise Late("the client reads too slowly")
            self._sending, self._sent = 0.0, 0
        return sent

    def close(self) -> None:
        """Say that nothing more is read or written here; the connection closes the socket."""
        self.closed = True
