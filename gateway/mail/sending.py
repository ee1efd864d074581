"""What the settings make of mail: where it leaves, who it comes from, and the address in its links.

Called by the composition root and by `gateway.doctor`. Pure; nothing is connected.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from config.settings import Settings
from gateway.mail.maildir import Maildir
from gateway.mail.smtp import MailServer, Smtp
from gateway.mail.transport import Transport

_HTTPS = 443


def base_url(settings: Settings, https_port: int) -> str:
    """`https://host[:port]`, by which people reach us: `service.url`, or this machine's own."""
    if settings.service.url is not None:
        return settings.service.url
    return "https://localhost" if https_port == _HTTPS else f"https://localhost:{https_port}"


def sender(settings: Settings) -> str:
    """The address that mails come from."""
    return settings.mail.sender or settings.support.mail


def mail_server(settings: Settings, url: str) -> MailServer | None:
    """The mail server of the settings, which hears us call ourselves by the host of `url`; None where there is none."""
    return MailServer.of(settings.mail, sender(settings), urlsplit(url).hostname or "localhost")


def transport(settings: Settings, url: str) -> Transport:
    """Where mails go: the mail server, or a folder."""
    server = mail_server(settings, url)
    return Maildir(settings.mail.folder) if server is None else Smtp(server)
