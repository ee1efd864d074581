"""One HTTP connection and its requests, for cheroot: strict heads, whole bodies, absolute deadlines, one refusal.

Made by `server` for each accepted socket and used by one worker thread at a time. After a refusal the connection
closes. Bodies are read before the application runs, so that nothing behind here ever waits for a client's bytes.
"""

from __future__ import annotations

import io
import logging
import socket
import ssl
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cheroot.server import HTTPConnection, HTTPRequest, KnownLengthRFile

from gateway.errors import FSError
from gateway.webdav.head import Head, HeadRefused, parse_head
from gateway.webdav.lobby import address_prefix, plain_address
from gateway.webdav.tls import DeferredTls, NotTls
from gateway.webdav.wire import Late, Wire

if TYPE_CHECKING:
    from gateway.webdav.threads import CherootServer

log = logging.getLogger(__name__)

_READING = frozenset({"OPTIONS", "GET", "HEAD", "PROPFIND", "PROPPATCH"})
_PLAIN_HTTP = "This port speaks HTTPS. Please use an address that begins with https://"


class Request(HTTPRequest):
    """A request. The attributes are cheroot's, read by its WSGI gateway."""

    conn: Connection
    server: CherootServer

    def parse_request(self) -> None:
        """Read the head; `ready` says whether there is one to serve."""
        self.chunked_read = False
        limits = self.server.limits
        try:
            raw = self.conn.wire.read_head(self.server.clock.monotonic() + limits.header_seconds)
            if raw is None:
                return
            self._adopt(parse_head(raw, by_proxy=self.server.is_proxy(self.conn.remote_addr)))
        except HeadRefused as refusal:
            self.refuse(refusal.status, refusal.sentence)
        except Late:
            if self.conn.wire.has_data():
                self.refuse(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time.")

    def _adopt(self, head: Head) -> None:
        self.head = head
        self.method, self.uri = head.method.encode("ascii"), head.target
        self.path, self.qs, self.inheaders = head.path, head.query, head.headers
        self.request_protocol = b"HTTP/%d.%d" % head.version
        self.response_protocol = self.request_protocol.decode("ascii")
        self.close_connection = not head.keeps_alive
        self.ready = True

    def respond(self) -> None:
        """Read the body and run the application."""
        try:
            body = self._body()
        except HeadRefused as refusal:
            self.refuse(refusal.status, refusal.sentence)
            return
        except Late:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, "The request's body did not arrive in time.")
            return
        self.conn.arrived_whole()
        self.rfile = KnownLengthRFile(io.BytesIO(body), len(body))
        self.server.gateway(self).respond()
        self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wire.write(b"0\r\n\r\n")

    def _body(self) -> bytes:
        """The whole body of a reading method. Whatever would be written is refused unread, and the connection ends."""
        head, limits = self.head, self.server.limits
        if head.chunked or (head.length or 0) > limits.body_bytes or (head.length and head.expects_continue):
            if head.method not in _READING:
                self.close_connection = self.conn.lingers = True
                return b""
            if head.chunked:
                raise HeadRefused(HTTPStatus.LENGTH_REQUIRED, "A Content-Length is needed.")
            if (head.length or 0) > limits.body_bytes:
                raise HeadRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request's body is too large.")
        if not head.length:
            return b""
        if head.expects_continue:
            self.conn.wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self.conn.wire.read_body(head.length, self.server.clock.monotonic() + limits.body_seconds)

    def refuse(self, status: HTTPStatus, sentence: str) -> None:
        """The one answer to a request that is not served; the connection closes after it."""
        self.simple_response(f"{status.value} {status.phrase}", f"{sentence}\n")

    def simple_response(self, status: str, msg: str = "") -> None:
        """A short answer, the last one of its connection."""
        self.close_connection = self.conn.lingers = self.sent_headers = True
        body = msg.encode("utf-8")
        self.conn.wire.write(
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n".encode("ascii")
            + body
        )


class Connection(HTTPConnection):
    """An accepted socket. It stands in the lobby until a request on it has signed in, then among its account's.

    `parked` are the threads, by ident, that turned away from it while it waits for one.
    """

    RequestHandlerClass = Request
    server: CherootServer
    request: Request

    def __init__(self, server: CherootServer, sock: socket.socket, makefile: Any = None) -> None:
        super().__init__(server, sock, lambda *_: None)
        # Head and body leave in two sends: Nagle would hold the second back until the first is acknowledged, 40 ms on.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wire = self.rfile = self.wfile = Wire(sock, server.clock, server.limits)
        self.prefix = ""
        self.in_lobby = True
        self.arrived = self.serving = self.lingers = False
        self.parked: set[int] = set()
        self._tls: DeferredTls | None = server.ssl_adapter
        self._handshake_until: float | None = None

    @property
    def remote_addr(self) -> str:
        """The client's address; cheroot sets it after accepting."""
        return self._address

    @remote_addr.setter
    def remote_addr(self, address: str) -> None:
        self._address = plain_address(address)
        self.prefix = address_prefix(self._address)

    @property
    def shakes_hands(self) -> bool:
        """Whether TLS is still to be agreed on."""
        return self._tls is not None

    @property
    def patience(self) -> float:
        """How many seconds it may be silent."""
        limits = self.server.limits
        if self.shakes_hands:
            return limits.handshake_seconds
        return limits.header_seconds if self.in_lobby else limits.keep_alive_seconds

    def signed_in(self, account_id: int, *, is_service: bool) -> None:
        """Called by the application once a credential held: the connection leaves the lobby.

        It counts to the account; not so a trusted proxy's, which carries many. Where an account has too many and all
        are serving, this one ends with its answer.
        """
        if self.in_lobby:
            self.in_lobby = False
            self.server.lobby.depart(self)
        if self.server.is_proxy(self.remote_addr):
            return
        limits = self.server.limits
        places = limits.service_connections if is_service else limits.person_connections
        if not self.server.residents.settle(self, account_id, places=places):
            self.request.close_connection = True

    def arrived_whole(self) -> None:
        """Called with head and body read: nothing is awaited from the client until the answer is sent."""
        self.serving = True
        self.server.residents.leave(self)

    def cut(self) -> None:
        """Shut the socket under whoever waits on it."""
        try:
            # SSLSocket.shutdown would drop the session that its thread is still using.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        except OSError:
            return

    def communicate(self) -> bool:
        """Serve one request. True: the connection stays open, or waits for a thread."""
        if not (self.server.lobby if self.in_lobby else self.server.residents).enter(self):
            self.parked.add(threading.get_ident())
            return True
        try:
            return self._serve()
        except (OSError, ssl.SSLError) as exc:
            log.debug("connection from %s ended: %r", self.remote_addr, exc)
        except FSError as exc:
            log.warning("an answer to %s was cut short: %s: %s", self.remote_addr, type(exc).__name__, exc)
        except Exception:
            log.exception("a request from %s failed after its answer had begun", self.remote_addr)
        finally:
            self.serving = False
            (self.server.lobby if self.in_lobby else self.server.residents).leave(self)
        return False

    def _serve(self) -> bool:
        if self._tls is not None:
            return self._shake_hands(self._tls)
        request = self.request = Request(self.server, self)
        request.parse_request()
        if request.ready:
            request.respond()
        return request.ready and not request.close_connection

    def _shake_hands(self, tls: DeferredTls) -> bool:
        """Go on as far as the client's bytes go: what is still to come is awaited without a thread."""
        now = self.server.clock.monotonic()
        if self._handshake_until is None:
            self._handshake_until = now + self.server.limits.handshake_seconds
            try:
                self.socket = self.wire.socket = tls.secure(self.wire.socket)
            except NotTls:
                Request(self.server, self).refuse(HTTPStatus.BAD_REQUEST, _PLAIN_HTTP)
                return False
        if now > self._handshake_until:
            return False
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            return True
        self._tls = None
        return True

    def close(self) -> None:
        """Close the socket; after a refusal only when the client has had time to read it."""
        self.in_lobby = False
        try:
            if self.lingers:
                self._linger()
            self._close_kernel_socket()
        except OSError as exc:
            log.debug("closing the connection from %s: %r", self.remote_addr, exc)
        finally:
            self.wire.close()
            self.socket.close()
            self.server.lobby.depart(self)
            self.server.residents.depart(self)

    def _linger(self) -> None:
        """Half-close and drain: a reset by unread bytes would destroy the answer on its way."""
        self.socket.shutdown(socket.SHUT_WR)
        self.wire.drain(self.server.clock.monotonic() + self.server.limits.linger_seconds)
