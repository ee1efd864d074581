"""`ladocs serve`: binds the sockets, forks the workers, says when it is ready.

Called by the commands `serve` and `demo`. The parent binds every socket once, so that a port in use is told before
anything starts and a worker that is replaced finds it open. Owns its process.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import fcntl
import importlib.util
import logging
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from config.errors import OperatorError
from config.home import Home, lease_file
from config.settings import Settings
from gateway import compose
from gateway.about import contact
from gateway.jobs import MAIL_SECONDS, TURN_SECONDS, run_until
from gateway.portal.pages import make_pages
from gateway.portal.signs import Signs
from gateway.services import Services
from gateway.sftp.listener import serve_sftp
from gateway.supervisor import Supervisor, Worker
from gateway.watch import POLL_SECONDS
from gateway.webdav.server import make_http_server
from policy.audit.checkpoints import LOOK_SECONDS

log = logging.getLogger(__name__)

BACKLOG = 512
_NEXT_PORTS = 50
_CHORE_SECONDS = 5.0
_STACK_BYTES = 1 << 20
_M_ARENA_MAX = -8  # mallopt(3)
_HEAPS = 2
_LAST_TURN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Sockets:
    """The listening sockets; `http` is None where plain HTTP is off."""

    sftp: socket.socket
    https: socket.socket
    http: socket.socket | None


def bind_all(settings: Settings, *, next_free: bool = False) -> Sockets:
    """The sockets that settings ask for. `next_free` takes the next free port where one is taken, as `make run` wants.

    Raises OperatorError (status 2) for a port in use or an address that is not this machine's.
    """
    serve = settings.serve
    return Sockets(
        sftp=_bind(serve.sftp_host, serve.sftp_port, "serve.sftp_port", next_free),
        https=_bind(serve.https_host, serve.https_port, "serve.https_port", next_free),
        http=_bind(serve.http_host, serve.http_port, "serve.http_port", next_free)
        if serve.http_port is not None
        else None,
    )


def is_running(path: Path) -> bool:
    """Whether somebody serves the home at `path` at the moment."""
    try:
        descriptor = os.open(lease_file(path), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _be_modest() -> None:
    """Let a hundred threads fit where address space is scarce: glibc takes 8 MiB of it for each, and heaps besides."""
    threading.stack_size(_STACK_BYTES)
    with suppress(AttributeError):  # another C library has no such heaps
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _HEAPS)


def port_of(sock: socket.socket) -> int:
    """The port on which `sock` listens."""
    port: int = sock.getsockname()[1]
    return port


def run(home: Home, settings: Settings, sockets: Sockets, *, on_ready: Callable[[], None]) -> int:
    """Serve until a signal; the exit status is returned. Raises OperatorError when another `serve` has this home."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold keys and plaintext
    _be_modest()
    lease = _lease(home)
    compose.check_home(home, settings)

    def ready() -> None:
        on_ready()
        _tell_systemd("READY=1")

    workers = [
        Worker("web", lambda say: _web_worker(home, settings, sockets, say)),
        *(
            Worker(f"sftp-{number}", lambda say: _sftp_worker(home, settings, sockets, say))
            for number in range(1, settings.serve.sftp_processes + 1)
        ),
    ]
    try:
        return Supervisor(workers, ready).run()
    finally:
        os.close(lease)


def _sftp_worker(home: Home, settings: Settings, sockets: Sockets, say_ready: Callable[[], None]) -> None:
    services = compose.services(home, settings)
    ended = threading.Event()
    run_until(ended, lambda: _chores(services), _CHORE_SECONDS)

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.call_soon(say_ready)
        await serve_sftp(sockets.sftp, services, stop)

    try:
        if importlib.util.find_spec("uvloop"):
            import uvloop

            uvloop.run(serve())
        else:
            asyncio.run(serve())
    finally:
        ended.set()
        compose.close(services)


def _web_worker(home: Home, settings: Settings, sockets: Sockets, say_ready: Callable[[], None]) -> None:
    services = compose.services(home, settings)
    ended = threading.Event()
    run_until(ended, lambda: _chores(services), _CHORE_SECONDS)
    run_until(ended, services.sessions.review, POLL_SECONDS)  # in an SFTP worker the door does it, with its connections
    jobs = compose.jobs(home, services, threads=True)
    jobs.begin()
    post = compose.post(services, port_of(sockets.https))
    checkpoints = compose.checkpointer(services.core)
    signing = run_until(ended, checkpoints.turn, LOOK_SECONDS)
    turning = [run_until(ended, jobs.turn, TURN_SECONDS), run_until(ended, post.turn, MAIL_SECONDS)]
    signs = Signs(contact=contact(settings), https_port=port_of(sockets.https), sftp_port=port_of(sockets.sftp))
    pages = make_pages(signs, services)
    servers = [make_http_server(sockets.https, services, tls=compose.tls_files(home), pages=pages)]
    if sockets.http is not None:
        servers.append(make_http_server(sockets.http, services, tls=None, pages=pages))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    for server in servers:
        server.start()
    say_ready()
    try:
        ended.wait()
    finally:
        for server in servers:
            server.stop()
        ended.set()
        post.end()
        for thread in turning:
            thread.join(_LAST_TURN_SECONDS)  # no heartbeat comes after the end
        jobs.end(_LAST_TURN_SECONDS)
        try:
            compose.close(services)
        finally:
            signing.join(_LAST_TURN_SECONDS)
            checkpoints.end()  # last of all: it vouches for what was said in closing


def _chores(services: Services) -> None:
    """What every process does every few seconds: heed clock and keys, end grants, keep the session table true."""
    compose.observe_clock(services)
    services.grants.sweep()
    services.strangers.sweep()
    services.sessions.sweep()
    services.vault.refresh()  # last: without keys the rest has to be done all the same


def _bind(host: str, port: int, setting: str, next_free: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + _NEXT_PORTS, 65536)) if next_free and port else (port,):
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, candidate))
            sock.listen(BACKLOG)
        except OSError as exc:
            sock.close()
            if exc.errno == errno.EADDRINUSE:
                continue
            raise OperatorError(
                f"Cannot listen on {host} port {candidate} ({exc.strerror}): set {setting} to a free port.",
                exit_status=2,
            ) from exc
        return sock
    raise OperatorError(f"Port {port} on {host} is in use: set {setting} to a free one.", exit_status=2)


def _lease(home: Home) -> int:
    home.run_dir.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(lease_file(home.path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(descriptor)
        raise OperatorError(f"Another 'ladocs serve' is running on {home.path}: stop it first.", exit_status=2) from exc
    return descriptor


def _tell_systemd(state: str) -> None:
    """sd_notify(3), without the library: one datagram to the socket that systemd named, if it did."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            notify.sendall(state.encode())
    except OSError as exc:
        log.warning("NOTIFY_SOCKET cannot be reached: %s", exc)
