"""What these tests stand on: the application on a file system in memory, as WSGI or behind a real socket."""

from __future__ import annotations

import base64
import io
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from ipaddress import ip_network
from typing import Any

from auth.principal import Peer
from config.clock import SystemClock
from gateway.webdav.app import Application, Signpost
from gateway.webdav.basic import Credentials, within
from gateway.webdav.door import Admitted
from gateway.webdav.limits import HttpLimits
from gateway.webdav.threads import CherootServer, HttpServer
from gateway.webdav.tls import TlsFiles
from gateway.webdav.turnstile import Turnstile
from tests.support.memory_fs import TREE, MemoryFileSystem

USERNAME, PASSWORD = "a.head", "7K4M-Q2ZX-9PTR"
BASIC = "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
AUTHORIZED = {"Authorization": BASIC}
SEND = "/Derbyshire%20Documents/2026-11%20November/SEND/"
DOCUMENT = f"{SEND}Provision%20map.pdf"
CSV = "/Derbyshire%20Documents/2026-11%20November/General/Term%20dates.csv"
BIG = "/Derbyshire%20Documents/2026-10%20October/Shared%20Services%20HR/Big.bin"

FAST = HttpLimits(
    threads=8,
    handshake_seconds=0.3,
    header_seconds=0.5,
    body_seconds=0.5,
    linger_seconds=0.3,
    lobby_grace=0.1,
    rate_seconds=0.5,
    rate_bytes=64 * 1024,
    keep_alive_seconds=30,
)
GET = f"GET {DOCUMENT} HTTP/1.1\r\nHost: a\r\nAuthorization: {BASIC}\r\n".encode()
PDF = TREE["Derbyshire Documents/2026-11 November/SEND/Provision map.pdf"]


@dataclass
class MemoryDoor:
    """Admits one name with one password; remembers who asked. `fault` is raised instead of an answer."""

    fs: MemoryFileSystem = field(default_factory=MemoryFileSystem)
    fault: Exception | None = None
    asked: list[tuple[Credentials, Peer]] = field(default_factory=list)

    def admit(self, credentials: Credentials, peer: Peer) -> Admitted | None:
        self.asked.append((credentials, peer))
        if self.fault is not None:
            raise self.fault
        if (credentials.username, credentials.password) != (USERNAME, PASSWORD):
            return None
        return Admitted(7, self.fs)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; header names are lower-cased."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def echo_pages(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Pages that say what they were told."""
    told = f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}|{environ.get('HTTP_AUTHORIZATION', '-')}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(told)))])
    return [told]


def make_application(
    door: MemoryDoor, *, proxies: Iterable[str] = (), pages: Any = echo_pages, turnstile: Turnstile | None = None
) -> Application:
    return Application(
        door=door,
        pages=pages,
        turnstile=turnstile or Turnstile(places=8, wait=5.0),
        proxies=tuple(ip_network(each) for each in proxies),
        signpost=Signpost(realm="LA Documents", support="Ask the web team, 01629 536797."),
    )


class Wsgi:
    """Asks the application as a server would; everything it sends has signed in, unless told otherwise."""

    def __init__(self, door: MemoryDoor | None = None, **options: Any) -> None:
        self.door = door or MemoryDoor()
        self.fs = self.door.fs
        self.application = make_application(self.door, **options)

    def __call__(
        self,
        method: str,
        path: str = "/",
        headers: Mapping[str, str] = AUTHORIZED,
        *,
        body: bytes = b"",
        signed_in: bool = True,
        **environ: Any,
    ) -> Reply:
        from urllib.parse import unquote_to_bytes

        path, _, query = path.partition("?")
        asked: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "HTTP_HOST": "localhost",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
        }
        if body:
            asked["CONTENT_LENGTH"] = str(len(body))
        if signed_in:
            headers = {**AUTHORIZED, **headers}
        asked |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        return call_wsgi(self.application, {**asked, **environ})


def call_wsgi(application: Callable[[Any, Any], Iterable[bytes]], environ: dict[str, Any]) -> Reply:
    """Call, read and close as PEP 3333 wants it."""
    said: list[tuple[str, list[tuple[str, str]]]] = []
    answer = application(environ, lambda status, headers, exc_info=None: said.append((status, headers)))
    try:
        body = b"".join(answer)
    finally:
        if (close := getattr(answer, "close", None)) is not None:
            close()
    ((status, headers),) = said
    return Reply(int(status[:3]), {name.lower(): value for name, value in headers}, body)


@dataclass(frozen=True)
class Site:
    """A running server."""

    port: int
    door: MemoryDoor
    server: HttpServer

    def connect(self) -> socket.socket:
        """A raw connection with a time-out, so that a stall is a failure and not a hang."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def ask(self, method: str, path: str, headers: Mapping[str, str] = AUTHORIZED, body: bytes | None = None) -> Reply:
        client = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            client.request(method, path, body, dict(headers))
            answer = client.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            client.close()


@contextmanager
def running(
    *,
    limits: HttpLimits | None = None,
    tls: TlsFiles | None = None,
    door: MemoryDoor | None = None,
    proxies: Iterable[str] = (),
    pages: Any = echo_pages,
) -> Iterator[Site]:
    """The server on a free port of loopback, ended with the block."""
    door = door or MemoryDoor()
    limits = limits or HttpLimits(threads=8)
    listener = socket.create_server(("127.0.0.1", 0))
    networks = tuple(ip_network(each) for each in proxies)
    application = make_application(
        door,
        proxies=proxies,
        pages=pages,
        turnstile=Turnstile(places=limits.requests_per_account, wait=limits.account_wait),
    )
    server = HttpServer(
        CherootServer(
            listener,
            application,
            clock=SystemClock(),
            limits=limits,
            tls=tls,
            is_proxy=lambda address: within(address, networks),
        )
    )
    server.start()
    try:
        yield Site(listener.getsockname()[1], door, server)
    finally:
        server.stop()


def send_raw(site: Site, data: bytes) -> bytes:
    """Send `data` and read until the server closes (or ten seconds pass)."""
    with site.connect() as client:
        client.sendall(data)
        return read_all(client)


def read_all(client: socket.socket) -> bytes:
    received = bytearray()
    try:
        while chunk := client.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return bytes(received)


def status_of(answer: bytes) -> int:
    """The status in the first line of a raw answer; 0 for none."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def client_tls() -> ssl.SSLContext:
    """A client that takes any certificate: who the server is, is not the question here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ask_over_tls(site: Site) -> bytes:
    """The raw answer to a GET of the document, on a connection of its own."""
    with client_tls().wrap_socket(site.connect()) as client:
        client.sendall(GET + b"Connection: close\r\n\r\n")
        return read_all(client)


def drip(site: Site, data: bytes, *, every: float = 0.05) -> bytes:
    """Send a byte at a time until the server has had enough; its answer."""
    with site.connect() as client:
        try:
            for byte in data:
                client.sendall(bytes([byte]))
                client.settimeout(every)
                try:
                    if first := client.recv(1):
                        client.settimeout(10)
                        return first + read_all(client)
                    return b""
                except TimeoutError:
                    continue
        except OSError:
            return b""
    return b"never"
