"""TLS for cheroot, with the handshake left to the worker.

cheroot's own adapter shakes hands in its accept loop, where one silent client stalls everyone. This one wraps nothing
there; `Connection` shakes hands in its worker threads, as far as the client's bytes go each time.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cheroot.ssl import Adapter

_HANDSHAKE_RECORD = b"\x16"


class NotTls(Exception):
    """The client speaks something else, most likely plain HTTP."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the certificate with its chain, and its private key."""

    certificate: Path
    private_key: Path


class DeferredTls(Adapter):
    """TLS 1.2 and up. Thread-safe once made. Raises OSError or ValueError where the files are no pair."""

    def __init__(self, files: TlsFiles) -> None:
        super().__init__(str(files.certificate), str(files.private_key))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        # Of a key that has a passphrase OpenSSL would ask the terminal.
        self.context.load_cert_chain(files.certificate, files.private_key, password="")

    def bind(self, sock: socket.socket) -> socket.socket:
        """The listening socket stays as it is."""
        return sock

    def wrap(self, sock: socket.socket) -> tuple[socket.socket, dict[str, Any]]:
        """Called in the accept loop: nothing that could wait."""
        return sock, self.get_environ()

    def get_environ(self) -> dict[str, Any]:
        """What WSGI is told of the connection."""
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(self, sock: socket.socket, mode: str = "r", bufsize: int = -1) -> None:
        """Nothing: a `Wire` reads and writes the connection."""

    def secure(self, sock: socket.socket) -> ssl.SSLSocket:
        """The socket that takes the place of `sock`, whose first byte has come. The handshake on it never waits.

        Raises NotTls, OSError.
        """
        sock.setblocking(False)
        if sock.recv(1, socket.MSG_PEEK) not in (_HANDSHAKE_RECORD, b""):
            raise NotTls
        context: ssl.SSLContext = self.context
        return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
