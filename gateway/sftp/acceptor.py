"""Accepts SSH connections on a socket that is bound already, until it is told to stop.

Called by `listener`, and by tests with a door of their own. Runs on the event loop of its caller, which decides whose
that is (asyncio's or uvloop's).
"""

from __future__ import annotations

import asyncio
import logging
import socket

import asyncssh

from gateway.sftp.algorithms import HOST_KEYS, KEX, MACS, SIGNATURES, CipherOffer, ciphers
from gateway.sftp.connection import Connection, Rooms
from gateway.sftp.doorway import Doorway
from gateway.sftp.review import reviewing

_VERSION = "ladocs"
_BACKLOG = 512


async def serve(sock: socket.socket, doorway: Doorway, stop: asyncio.Event) -> None:
    """Serve SFTP on the listening socket `sock` until `stop` is set and all sessions are closed.

    Raises what ends the review of those who are connected: without it nobody stays.
    """
    asyncssh.set_log_level(logging.WARNING)  # below that it logs names and paths as they were typed
    rooms = Rooms(doorway)
    acceptor = await asyncssh.listen(sock=sock, backlog=_BACKLOG, options=await _options(rooms))
    tasks = [asyncio.create_task(stop.wait()), asyncio.create_task(reviewing(rooms))]
    try:
        for ended in (await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED))[0]:
            ended.result()
    finally:
        acceptor.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(rooms.connections):
            connection.close("The service is restarting.")
        await _settled(rooms)
        rooms.sign_in.close()
        rooms.files.close()
        rooms.review.close()


async def _settled(rooms: Rooms) -> None:
    """Wait until every connection has closed its session, but no longer than the limit."""
    deadline = asyncio.get_running_loop().time() + rooms.doorway.limits.leave_seconds
    while rooms.connections or rooms.leaving:
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return
        if rooms.leaving:
            await asyncio.wait(rooms.leaving, timeout=left)
        else:
            await asyncio.sleep(0)


async def _options(rooms: Rooms) -> asyncssh.SSHServerConnectionOptions:
    limits = rooms.doorway.limits
    options: asyncssh.SSHServerConnectionOptions = await asyncssh.SSHServerConnectionOptions.construct(
        config=None,
        server_factory=lambda: Connection(rooms),
        server_version=_VERSION,
        server_host_keys=_host_keys(rooms.doorway),
        kex_algs=KEX,
        encryption_algs=ciphers(CipherOffer.ALL, ""),
        mac_algs=MACS,
        compression_algs=None,
        signature_algs=SIGNATURES,
        login_timeout=limits.sign_in_seconds,
        keepalive_interval=limits.keepalive_seconds,
        keepalive_count_max=limits.keepalive_count,
        gss_host=None,
        host_based_auth=False,
        allow_pty=False,
        line_editor=False,
        x11_forwarding=False,
        agent_forwarding=False,
        allow_scp=False,
        encoding=None,
        window=limits.window_bytes,
    )
    return options


def _host_keys(doorway: Doorway) -> list[asyncssh.SSHKeyPair]:
    """The host keys, which sign by `HOST_KEYS` alone: an RSA key of the library's signs with SHA-1 too."""
    pairs = list(asyncssh.load_keypairs(doorway.server_keys()))
    for pair in pairs:
        pair.host_key_algorithms = [name for name in pair.host_key_algorithms if name.decode() in HOST_KEYS]
    return pairs
