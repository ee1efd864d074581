"""Back-pressure: what has been answered and not yet been taken by the client.

Answers pile up in three places: before the channel's window, before the socket, and behind a key exchange. The library
bounds none of them. Called on the event loop alone.
"""

from __future__ import annotations

import asyncio

from asyncssh import SFTPConnectionLost, SSHServerChannel

from gateway.sftp.limits import SftpLimits


class Outlet:
    """The way out of a connection: shut while the transport asks to pause, and during a key exchange."""

    def __init__(self) -> None:
        self._paused = False
        self._rekeying = False
        self._open = asyncio.Event()
        self._open.set()

    @property
    def shut(self) -> bool:
        return self._paused or self._rekeying

    @property
    def rekeying(self) -> bool:
        return self._rekeying

    @rekeying.setter
    def rekeying(self, value: bool) -> None:
        self._rekeying = value
        self._settle()

    def pause_writing(self) -> None:
        """asyncio's BaseProtocol: the transport holds more than its high-water mark."""
        self._paused = True
        self._settle()

    def resume_writing(self) -> None:
        """asyncio's BaseProtocol: the transport has room again."""
        self._paused = False
        self._settle()

    def close(self) -> None:
        """The connection has ended: nobody has to wait any longer."""
        self._paused = self._rekeying = False
        self._settle()

    async def wait(self) -> None:
        """Until the way is open."""
        await self._open.wait()

    def _settle(self) -> None:
        if self.shut:
            self._open.clear()
        else:
            self._open.set()


class Backlog:
    """The answers of one channel that wait for the client."""

    def __init__(self, channel: SSHServerChannel[bytes], outlet: Outlet, limits: SftpLimits) -> None:
        channel.set_write_buffer_limits(high=limits.backlog_bytes)
        self._channel = channel
        self._outlet = outlet
        self._limits = limits
        self._taken = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether nothing more is to be answered until there is room."""
        return self._outlet.shut or self._channel_full

    @property
    def _channel_full(self) -> bool:
        return self._channel.get_write_buffer_size() > self._limits.backlog_bytes

    def taken(self) -> None:
        """The channel has room again, or has ended."""
        self._taken.set()

    async def room(self) -> None:
        """Until there is room. A client that takes nothing for too long is disconnected: raises SFTPConnectionLost."""
        try:
            async with asyncio.timeout(self._limits.stall_seconds):
                while self.full and not self._channel.is_closing():
                    await self._outlet.wait()
                    if self._channel_full:
                        self._taken.clear()
                        await self._taken.wait()
        except TimeoutError:
            self._channel.get_connection().abort()
            raise SFTPConnectionLost("The client does not read.") from None
