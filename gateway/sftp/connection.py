"""One SSH connection: who may come in, with what it signs in, and which channels it may open.

The library calls it on the event loop. Four of the connection's own methods are replaced on the instance, because the
library has no hook there: `send_userauth_success` (every success passes it: here it takes an open session to get any
further), `send_userauth_failure` (paramiko asks for the service again before each method), `_send_kexinit` (the
client's version is known, its list of ciphers not yet sent for) and `_send_deferred_packets` (a key exchange is over).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh
from asyncssh import (
    DISC_BY_APPLICATION,
    DISC_NO_MORE_AUTH_METHODS_AVAILABLE,
    DISC_SERVICE_NOT_AVAILABLE,
    OPEN_RESOURCE_SHORTAGE,
)
from asyncssh.stream import SSHReader, SSHWriter

from auth.networks import parse_address
from auth.principal import Door, Kind, Peer
from gateway.errors import Unavailable
from gateway.sftp.algorithms import SIGNATURES, ciphers, host_keys
from gateway.sftp.backlog import Backlog, Outlet
from gateway.sftp.channel import SftpChannel, SftpSession
from gateway.sftp.doorway import Doorway
from gateway.sftp.handler import Handler
from gateway.sftp.lobby import Lobby
from gateway.sftp.ports import OpenSession
from gateway.sftp.server import FileServer
from gateway.sftp.signin import Challenge, SignIn
from gateway.sftp.threads import SignInThreads, Threads

_USERAUTH = b"ssh-userauth"
_CLIENT_LENGTH = 100
_ENDED = "Your access has ended or changed. Please sign in again."  # who does is told what happened [R33]
_SIGNATURES = frozenset(name.encode() for name in SIGNATURES)


class Rooms:
    """What the connections of a process share: the lobby, the pools, and the list of those that are open.

    Whether somebody's access has ended is asked in a pool of its own, which no crowd of readers fills.
    """

    def __init__(self, doorway: Doorway) -> None:
        limits = doorway.limits
        self.doorway = doorway
        self.lobby = Lobby(limits, doorway.entropy)
        self.sign_in = SignInThreads(limits)
        self.files = Threads("sftp-files", limits.file_threads, limits.waiting)
        self.review = Threads("sftp-review", 1, 1)
        self.connections: set[Connection] = set()
        self.leaving: set[asyncio.Task[None]] = set()


class Connection(asyncssh.SSHServer):
    """The server's side of one connection."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._doorway = rooms.doorway
        self._limits = rooms.doorway.limits
        self._outlet = Outlet()
        self._signin: SignIn | None = None
        self._session: OpenSession | None = None
        self._refusals = 0
        self._in_lobby = False
        self._channels: set[SftpSession] = set()
        self._handlers: set[Handler] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._first_message: asyncio.TimerHandle | None = None

    # --- the connection itself

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn
        self._loop = asyncio.get_running_loop()
        self._address = _address(conn.get_extra_info("peername"))
        self._rooms.connections.add(self)
        self._in_lobby = self._rooms.lobby.enter(self._address)
        if not self._in_lobby:
            conn.abort()
            return
        self._first_message = self._loop.call_later(self._limits.first_message_seconds, self._drop_if_silent)
        self._replace("send_userauth_success", self._userauth_success)
        self._replace("send_userauth_failure", self._userauth_failure)
        self._replace("_send_kexinit", self._kexinit)
        self._replace("_send_deferred_packets", self._deferred_packets)
        conn.pause_writing = self._outlet.pause_writing  # type: ignore[method-assign]
        conn.resume_writing = self._outlet.resume_writing  # type: ignore[method-assign]

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave_lobby()
        self._outlet.close()
        self._rooms.connections.discard(self)
        self._part_with(self._session or (self._signin.abandon() if self._signin else None))

    def close(self, reason: str) -> None:
        """Disconnect, telling `reason`."""
        self._disconnect(DISC_BY_APPLICATION, reason)

    def heed(self, *, lost: bool) -> None:
        """Disconnect whoever's session has ended, and where nobody can say whose has (`lost`), whoever has one."""
        if self._session is not None and lost:
            self._disconnect(DISC_SERVICE_NOT_AVAILABLE, Unavailable.message)
        elif self._session is not None and self._session.ended():
            self._disconnect(DISC_BY_APPLICATION, _ENDED)

    def _disconnect(self, code: int, reason: str) -> None:
        # Not by the library's own `disconnect`: it closes the channels first, and then OpenSSH leaves unheard.
        self._conn._send_disconnect(code, reason, "en")
        self._conn._force_close(None)

    def _part_with(self, session: OpenSession | None) -> None:
        """Close the session on a task that outlives the connection."""
        _keep(self._rooms.leaving, self._loop.create_task(self._leave(session)))

    async def _leave(self, session: OpenSession | None) -> None:
        """Close the session when its handles are closed, so that the record has what was really sent."""
        if self._serving:
            await asyncio.wait(self._serving, timeout=self._limits.leave_seconds)
        if session is not None:
            await self._rooms.files.finish(session.close)

    def _leave_lobby(self) -> None:
        if self._in_lobby:
            self._in_lobby = False
            self._rooms.lobby.leave(self._address)
        if self._first_message is not None:
            self._first_message.cancel()

    def _drop_if_silent(self) -> None:
        if self._conn.get_extra_info("send_cipher") is None:
            self._conn.abort()

    def _replace(self, name: str, stand_in: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        setattr(self._conn, name, stand_in(getattr(self._conn, name)))

    def _kexinit(self, plain: Callable[[], None]) -> Callable[[], None]:
        def send_kexinit() -> None:
            conn, version = self._conn, self._client_version()
            conn._enc_algs = [name.encode() for name in ciphers(self._doorway.cipher_offer, version)]
            offered = host_keys(version)
            kept = ((name, pair) for name, pair in conn._server_host_keys.items() if name.decode() in offered)
            conn._server_host_keys = OrderedDict(kept)
            conn._server_host_key_algs = list(conn._server_host_keys)
            self._outlet.rekeying = True
            plain()

        return send_kexinit

    def _deferred_packets(self, plain: Callable[[], None]) -> Callable[[], None]:
        def send_deferred_packets() -> None:
            self._outlet.rekeying = False
            plain()

        return send_deferred_packets

    def _client_version(self) -> str:
        version: str = self._conn.get_extra_info("client_version", "")
        return version

    # --- signing in

    async def begin_auth(self, username: str) -> bool:
        """Another user name, in mid-connection too: whatever was shown for the one before counts no more."""
        if self._signin is not None and (session := self._signin.abandon()) is not None:
            self._part_with(session)
        self._signin = None
        client = "".join(c for c in self._client_version() if c.isprintable())[:_CLIENT_LENGTH]
        peer = Peer(address=self._address, door=Door.SFTP, client=client)
        self._signin = await SignIn.begin(self._doorway, self._rooms.sign_in, peer, username)
        return True

    def public_key_auth_supported(self) -> bool:
        return self._signin is None or self._signin.first_factors

    def password_auth_supported(self) -> bool:
        return self._signin is None or self._signin.first_factors

    def kbdint_auth_supported(self) -> bool:
        return self._signin is None or self._signin.prompts

    def host_based_auth_supported(self) -> bool:
        return False

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        key.all_sig_algorithms = key.all_sig_algorithms & _SIGNATURES  # what the library lets a signature be
        return self._signin is not None and await self._signin.offer(self._conn.auth, key)

    def validate_ca_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return False

    async def validate_password(self, username: str, password: str) -> bool:
        return self._signin is not None and await self._signin.password(password)

    def change_password(self, username: str, old_password: str, new_password: str) -> bool:
        return False

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Challenge | bool:
        return self._signin is not None and self._signin.challenge()

    async def validate_kbdint_response(self, username: str, responses: Any) -> Challenge | bool:
        return self._signin is not None and await self._signin.respond(responses)

    def _userauth_success(self, plain: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def send_userauth_success() -> None:
            signin, request = self._signin, self._conn.auth
            told = None if signin is None else await signin.signature_held(request)
            if self._signin is not signin or self._conn.auth is not request:
                return  # another request has taken the place of this one
            if signin is None or signin.session is None:
                if told:
                    self._conn.send_auth_banner(told + "\r\n")
                self._conn.send_userauth_failure(signin is not None and signin.partial)
                return
            self._enter(signin.session)
            await plain()

        return send_userauth_success

    def _userauth_failure(self, plain: Callable[[bool], None]) -> Callable[[bool], None]:
        def send_userauth_failure(partial_success: bool) -> None:
            self._refusals += 1
            if self._refusals > self._limits.requests:
                raise asyncssh.DisconnectError(DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "Too many attempts.")
            self._conn._next_service = _USERAUTH
            plain(partial_success)

        return send_userauth_failure

    def _enter(self, session: OpenSession) -> None:
        """All factors have held and a session is open: out of the lobby."""
        self._session = session
        self._leave_lobby()
        if self._doorway.banner and session.principal.kind is Kind.PERSON:
            self._conn.send_auth_banner(self._doorway.banner)

    # --- channels

    def session_requested(self) -> Any:
        if self._session is None:
            return False
        if len(self._channels) >= self._limits.channels:
            raise asyncssh.ChannelOpenError(OPEN_RESOURCE_SHORTAGE, "Too many channels.")
        session = SftpSession(self._serve, self._channels.discard)
        self._channels.add(session)
        return SftpChannel(self._conn, self._limits), session

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return False

    def unix_connection_requested(self, dest_path: str) -> bool:
        return False

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        return False

    def unix_server_requested(self, listen_path: str) -> bool:
        return False

    def tun_requested(self, unit: int | None) -> bool:
        return False

    def tap_requested(self, unit: int | None) -> bool:
        return False

    def _serve(self, session: SftpSession, reader: SSHReader[bytes], writer: SSHWriter[bytes]) -> None:
        if self._session is None:
            self._conn.abort()
            return
        channel = session.channel
        session.backlog = Backlog(channel, self._outlet, self._limits)
        files = FileServer(channel, self._session.fs, self._rooms.files, self._doorway.clock, self._limits)
        handler = Handler(files, reader, writer, self._limits, session.backlog, self._handlers)
        _keep(self._serving, self._conn.create_task(handler.serve(), reader.logger))


def _keep(tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
    """Hold `task` among `tasks` until it has ended: the loop itself does not."""
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def _address(peername: Any) -> str:
    """The client's address as text; "unknown" where its socket names none."""
    try:
        return str(parse_address(str(peername[0])))
    except (TypeError, IndexError, ValueError):
        return "unknown"
