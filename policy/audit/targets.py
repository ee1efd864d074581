"""Where checkpoints go outside the server: a file that is only added to, and a syslog server over TLS.

Used by `Checkpointer`. Both hold nothing open between two checkpoints. Raises only OSError.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from policy.audit.checkpoint import Checkpoint

SYSLOG_TLS_PORT = 6514
_TIMEOUT_SECONDS = 5.0
_PRIORITY = 13 * 8 + 5  # facility "log audit", severity "notice"


@dataclass(frozen=True, slots=True)
class FileTarget:
    """A file of one checkpoint a line. It is opened for adding alone, so `chattr +a` and such mounts will do."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def deliver(self, checkpoint: Checkpoint) -> None:
        """On the disk on return."""
        line = f"{checkpoint}\n".encode("ascii")
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            if os.write(descriptor, line) != len(line):
                raise OSError(f"{self.path} took only a part of a line: make room")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class SyslogTarget:
    """A syslog server: RFC 5424 messages, octet-counted in TLS (RFC 5425); its certificate must name `host`."""

    host: str
    port: int = SYSLOG_TLS_PORT
    authority: Path | None = None

    @classmethod
    def of(cls, setting: str, authority: Path | None) -> SyslogTarget:
        """`logs.example` or `logs.example:6514`, as in the settings."""
        host, colon, port = setting.rpartition(":")
        if not colon or setting.endswith("]"):
            host, port = setting, str(SYSLOG_TLS_PORT)
        return cls(host.strip("[]"), int(port), authority)

    @property
    def name(self) -> str:
        return f"syslog at {self.host} port {self.port}"

    def deliver(self, checkpoint: Checkpoint) -> None:
        """Handed to the server's TLS; syslog itself acknowledges nothing."""
        with self.connected() as secured:
            secured.sendall(frame(checkpoint))
            with suppress(OSError):  # it has been sent: how the server says good-bye is its own affair
                secured.unwrap()

    @contextmanager
    def connected(self) -> Iterator[ssl.SSLSocket]:
        """A connection, its certificate verified."""
        context = ssl.create_default_context(cafile=None if self.authority is None else str(self.authority))
        with (
            socket.create_connection((self.host, self.port), timeout=_TIMEOUT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=self.host) as secured,
        ):
            yield secured


def frame(checkpoint: Checkpoint) -> bytes:
    """`MSG-LEN SP SYSLOG-MSG` of one checkpoint."""
    at = checkpoint.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    message = f"<{_PRIORITY}>1 {at} {_host(checkpoint)} ladocs {os.getpid()} checkpoint - {checkpoint}".encode("ascii")
    return b"%d %b" % (len(message), message)


def _host(checkpoint: Checkpoint) -> str:
    return checkpoint.origin[:255] or "-"
