"""The HTTP server of a worker process, put together: the drive behind its door, the pages beside it, cheroot below.

Called by `gateway.server`, once with TLS and, where settings say so, once without.
"""

from __future__ import annotations

import socket

from gateway.services import Services
from gateway.webdav.app import Application, Signpost, Wsgi
from gateway.webdav.basic import within
from gateway.webdav.devicedoor import DeviceDoor
from gateway.webdav.limits import HttpLimits
from gateway.webdav.threads import CherootServer, HttpServer
from gateway.webdav.tls import TlsFiles
from gateway.webdav.turnstile import Turnstile


def make_http_server(sock: socket.socket, services: Services, *, tls: TlsFiles | None, pages: Wsgi) -> HttpServer:
    """The drive, and `pages` below `/portal/`, on the listening socket `sock`; with TLS where files are given.

    Raises OSError or ValueError where the files are no certificate and key.
    """
    settings = services.settings
    limits = HttpLimits.of(settings)
    proxies = settings.serve.trusted_proxies
    support = settings.support
    application = Application(
        door=DeviceDoor(services.authenticator, services.verified, services.sessions),
        pages=pages,
        turnstile=Turnstile(places=limits.requests_per_account, wait=limits.account_wait),
        proxies=proxies,
        signpost=Signpost(
            realm=settings.service.name, support=f"Help: {support.name}, {support.phone}, {support.mail}."
        ),
    )
    return HttpServer(
        CherootServer(
            sock,
            application,
            clock=services.clock,
            limits=limits,
            tls=tls,
            is_proxy=lambda address: within(address, proxies),
        )
    )
