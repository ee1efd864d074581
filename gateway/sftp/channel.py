"""Channels of a connection that has signed in: the subsystem `sftp` runs on them, and nothing else does.

No shell, command, terminal, environment, signal, agent or display: each such request is answered with a failure. Called
by the library on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from asyncssh import SSHServerChannel, SSHServerConnection
from asyncssh.channel import SSHChannel
from asyncssh.stream import SSHReader, SSHServerStreamSession, SSHWriter

from gateway.sftp.backlog import Backlog
from gateway.sftp.limits import SftpLimits

Serve = Callable[["SftpSession", SSHReader[bytes], SSHWriter[bytes]], Any]
_LARGEST_PACKET = 32768  # RFC 4253, section 6.1


class SftpChannel(SSHServerChannel[bytes]):
    """A channel on which the only request that succeeds is for the subsystem."""

    def __init__(self, conn: SSHServerConnection, limits: SftpLimits) -> None:
        super().__init__(
            conn,
            asyncio.get_running_loop(),
            allow_pty=False,
            line_editor=False,
            line_echo=False,
            line_history=0,
            max_line_length=0,
            encoding=None,
            errors="strict",
            window=limits.window_bytes,
            max_pktsize=_LARGEST_PACKET,
        )

    def _denied(self, packet: object) -> bool:
        return False

    _process_pty_req_request = _denied
    _process_x11_req_request = _denied
    _process_auth_agent_req_at_openssh_dot_com_request = cast(Any, _denied)
    _process_env_request = _denied
    _process_shell_request = _denied
    _process_exec_request = _denied
    _process_window_change_request = _denied
    _process_signal_request = _denied
    _process_break_request = _denied


class SftpSession(SSHServerStreamSession[bytes]):
    """What runs on one channel. `serve` is called once, when the client has asked for the subsystem."""

    def __init__(self, serve: Serve, ended: Callable[[SftpSession], None]) -> None:
        super().__init__(None)
        self._serve = serve
        self._ended = ended
        self.backlog: Backlog | None = None

    @property
    def channel(self) -> SSHServerChannel[bytes]:
        """The channel, once it is open."""
        return cast(SSHServerChannel[bytes], self._chan)

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp"

    def shell_requested(self) -> bool:
        return False

    def exec_requested(self, command: str) -> bool:
        return False

    def session_started(self) -> None:
        channel = cast(SSHChannel[bytes], self._chan)
        self._serve(self, SSHReader[bytes](self, channel), SSHWriter[bytes](self, channel))

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.backlog is not None:
            self.backlog.taken()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.backlog is not None:
            self.backlog.taken()
        self._ended(self)
