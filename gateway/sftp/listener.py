"""The SFTP door of a worker process: built of the services and the settings, served on a socket that is bound already.

Called by the server, once in each of its worker processes, all on the same socket.
"""

from __future__ import annotations

import asyncio
import socket

from config.secrets import HOST_KEY_ED25519, HOST_KEY_RSA
from config.settings import Limits
from gateway.about import contact, whom_to_ask
from gateway.services import Services
from gateway.sftp.acceptor import serve
from gateway.sftp.algorithms import CipherOffer
from gateway.sftp.doorway import Doorway
from gateway.sftp.limits import SftpLimits


async def serve_sftp(sock: socket.socket, services: Services, stop: asyncio.Event) -> None:
    """Serve SFTP on the listening socket `sock` until `stop` is set and all sessions are closed."""
    await serve(sock, doorway(services), stop)


def doorway(services: Services) -> Doorway:
    """The door as the settings want it."""
    ssh = services.settings.ssh
    return Doorway(
        authenticator=services.authenticator,
        sessions=services.sessions,
        clock=services.clock,
        entropy=services.entropy,
        host_keys=tuple(services.secrets.current(name).value for name in (HOST_KEY_ED25519, HOST_KEY_RSA)),
        banner=whom_to_ask(contact(services.settings)) + "\r\n",
        limits=_limits(services.settings.limits),
        cipher_offer=CipherOffer(ssh.cipher_offer),
    )


def _limits(limits: Limits) -> SftpLimits:
    return SftpLimits(
        lobby_connections=limits.unauthenticated_connections,
        lobby_per_address=limits.unauthenticated_per_address,
        sign_in_seconds=limits.sign_in_seconds,
        first_message_seconds=limits.first_message_seconds,
        channels=limits.channels,
        handles=limits.handles,
        backlog_bytes=limits.send_buffer_bytes,
        stall_seconds=limits.stall_seconds,
    )
