"""Both doors of a home, opened in this process on real ports, so that a test keeps the clock and may pull the plug.

What stands behind them is what a worker process holds, given by the test. Clients come over TCP, as to a server.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock, Thread

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from auth.principal import Peer, Principal
from config.secrets import HOST_KEY_ED25519, TLS_CERTIFICATE, TLS_KEY
from gateway.services import Services
from gateway.session import Session, Sessions
from gateway.sftp.acceptor import serve
from gateway.sftp.listener import doorway
from gateway.webdav.server import make_http_server
from gateway.webdav.tls import TlsFiles
from tests.support.story import Person

_HOST = "127.0.0.1"
_END_SECONDS = 20


@dataclass(frozen=True)
class Indoors:
    """Where clients find the doors, by what they know them, and what gives somebody's next one-time code.

    Who moves the clock holds `still`, so that no review of sessions finds itself at two moments.
    """

    sftp_port: int
    https_port: int
    host_key: str
    tls: ssl.SSLContext
    code: Callable[[Person], str]
    still: Lock


@dataclass(frozen=True)
class _Reviewed:
    """The sessions of the door, reviewed while the clock stands still."""

    sessions: Sessions
    still: Lock

    def open(self, principal: Principal, peer: Peer) -> Session:
        return self.sessions.open(principal, peer)

    def review(self) -> None:
        with self.still:
            self.sessions.review()

    @property
    def lost(self) -> bool:
        with self.still:
            return self.sessions.lost


@contextmanager
def indoors(services: Services, code: Callable[[Person], str]) -> Iterator[Indoors]:
    """The doors of `services`, until the block ends; there are no pages."""
    public = load_ssh_private_key(services.secrets.current(HOST_KEY_ED25519).value, None).public_key()
    key = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE  # the certificate is of the home's clock, and the client's is the machine's
    still = Lock()
    with _sftp(services, still) as sftp_port, _https(services) as https_port:
        yield Indoors(sftp_port, https_port, key, tls, code, still)


@contextmanager
def _sftp(services: Services, still: Lock) -> Iterator[int]:
    sock = socket.create_server((_HOST, 0))
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    key = services.secrets.current(HOST_KEY_ED25519).value
    # Loading the other key, of RSA, takes a tenth of a second.
    door = replace(doorway(services), host_keys=(key,), sessions=_Reviewed(services.sessions, still))
    thread = Thread(target=loop.run_until_complete, args=(serve(sock, door, stop),))
    thread.start()
    try:
        yield sock.getsockname()[1]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(_END_SECONDS)
        assert not thread.is_alive()
        loop.close()


@contextmanager
def _https(services: Services) -> Iterator[int]:
    sock = socket.create_server((_HOST, 0))
    tls = TlsFiles(services.secrets.path(TLS_CERTIFICATE), services.secrets.path(TLS_KEY))
    server = make_http_server(sock, services, tls=tls, pages=_no_pages)
    server.start()
    try:
        yield sock.getsockname()[1]
    finally:
        server.stop()


def _no_pages(environ: object, start_response: Callable[[str, list[tuple[str, str]]], object]) -> list[bytes]:
    start_response("404 Not Found", [])
    return []
