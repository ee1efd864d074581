"""cheroot on a listening socket that the parent process bound, with the limits of `HttpLimits`.

Made by `server`. cheroot carries connections between its selector and its worker threads; what a connection may cost is
decided by `lobby`, `residents`, `wire` and `head`. See docs/decisions/0060-cheroot.md.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cheroot import wsgi
from cheroot.connections import ConnectionManager
from cheroot.workers.threadpool import ThreadPool

from config.clock import Clock
from gateway.webdav.app import Wsgi
from gateway.webdav.connection import Connection
from gateway.webdav.limits import HttpLimits
from gateway.webdav.lobby import Lobby
from gateway.webdav.residents import Residents
from gateway.webdav.tls import DeferredTls, TlsFiles

log = logging.getLogger(__name__)

_SERVER_NAME = "ladocs"  # cheroot would say its version


class _Connections(ConnectionManager):
    """cheroot's selector of idle connections, each with its own patience."""

    server: CherootServer

    def end(self) -> None:
        """Ask the selector's loop to end, and wake it by a connection."""
        self._stop_requested = True
        with suppress(OSError), socket.create_connection(self.server.bind_addr, timeout=1):
            return

    def put(self, connection: Connection) -> None:
        """Keep an idle connection; one that a thread gives back while the server ends is closed."""
        try:
            super().put(connection)
        except ValueError:  # cheroot closes its selector before it has waited for its threads
            connection.close()

    def _from_server_socket(self, server_socket: socket.socket) -> Connection | None:
        """Accept. Without a descriptor to accept with, the oldest stranger goes; cheroot would spin on the error."""
        try:
            accepted: Connection | None = super()._from_server_socket(server_socket)
        except OSError as exc:
            log.error("a connection could not be accepted: %r", exc)
            self.server.lobby.shed()
            self.server.pause.wait(0.05)
            return None
        return accepted

    def _expire(self, threshold: float) -> None:
        """Called twice a second with the time.time() before which a signed-in connection is too long idle."""
        now = threshold + self.server.limits.keep_alive_seconds
        idle = [
            (descriptor, connection)
            for descriptor, connection in self._selector.connections
            if connection is not self.server and connection.last_used < now - connection.patience
        ]
        for descriptor, connection in idle:
            self._selector.unregister(descriptor)
            connection.close()
        self.server.lobby.tick()


class _Pool(ThreadPool):
    """cheroot's threads. At the end a socket is shut both ways: a thread that sends must wake as well."""

    @staticmethod
    def _force_close(connection: Connection | None) -> None:
        if connection is not None:
            connection.cut()


class _Gateway(wsgi.Gateway_10):
    """WSGI environ with the connection in it, which the application tells when somebody has signed in."""

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "ladocs.connection": self.req.conn}


class CherootServer(wsgi.Server):
    """cheroot's WSGI server on an inherited listening socket."""

    ConnectionClass = Connection

    def __init__(
        self,
        listener: socket.socket,
        application: Wsgi,
        *,
        clock: Clock,
        limits: HttpLimits,
        tls: TlsFiles | None,
        is_proxy: Callable[[str], bool],
    ) -> None:
        super().__init__(
            listener.getsockname()[:2],
            application,
            server_name=_SERVER_NAME,
            request_queue_size=limits.backlog,
            timeout=limits.keep_alive_seconds,
        )
        self.clock = clock
        self.limits = limits
        self.is_proxy = is_proxy
        self.keep_alive_conn_limit = limits.keep_alive_connections
        self.gateway = _Gateway
        self.software = _SERVER_NAME
        self.ssl_adapter = DeferredTls(tls) if tls is not None else None
        self.requests = _Pool(self, min=limits.threads, max=limits.threads)
        self.lobby: Lobby[Connection] = Lobby(
            limits, clock, resume=self.requests.put, is_proxy=lambda guest: is_proxy(guest.remote_addr)
        )
        self.residents: Residents[Connection] = Residents(readers=limits.requests_per_account, resume=self.requests.put)
        self.pause = threading.Event()
        self._listener = listener

    def prepare(self) -> None:
        """As cheroot's, but the socket is there already."""
        self._interrupt = None
        self.socket = self._listener
        self.socket.settimeout(1)
        self.socket.listen(self.request_queue_size)
        self._connections = _Connections(self)
        self.requests.start()
        self.ready = True

    def stop(self) -> None:
        """As cheroot's, but at once, and whoever no thread came to any more is closed too."""
        self.pause.set()
        if self.ready:
            self._connections.end()
        super().stop()
        for connection in (*self.lobby.close(), *self.residents.close()):
            connection.close()

    def process_conn(self, connection: Connection) -> None:
        """Hand a connection to the threads; a new one only when its first byte has come."""
        if connection.arrived:
            super().process_conn(connection)
            return
        connection.arrived = True
        self.lobby.arrive(connection)
        self._connections.put(connection)

    def put_conn(self, connection: Connection) -> None:
        """Back to the selector after a request; not by a thread that turned away because the connection waits.

        Another thread may have it already, at the end too: what counts is what this one did.
        """
        thread = threading.get_ident()
        parked = thread in connection.parked
        connection.parked.discard(thread)
        if not parked:
            super().put_conn(connection)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """cheroot's own words go to the log."""
        log.log(level, "%s", msg, exc_info=traceback)


class HttpServer:
    """The server in a thread of its own. `start` returns when it listens, `stop` when nothing of it runs."""

    def __init__(self, server: CherootServer) -> None:
        self.server = server
        self._thread = threading.Thread(target=server.serve, name="http-accept", daemon=True)

    def start(self) -> None:
        """Listen and serve. Raises OSError."""
        self.server.prepare()
        self._thread.start()

    def stop(self) -> None:
        """Stop accepting, give running requests five seconds, then cut them. Idempotent."""
        self.server.stop()
        if self._thread.ident is not None:
            self._thread.join()
