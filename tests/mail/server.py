"""Mail servers of the tests: a real one (aiosmtpd) that takes or refuses, and one that says nothing."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config.clock import SystemClock
from gateway import founding
from gateway.mail.smtp import MailServer
from tests.support.ports import free_ports

HOST = "127.0.0.1"
USERNAME, PASSWORD = "ladocs", "wintry-canary-of-the-mail-server"
_ATTEMPTS = 3
_LINK = re.compile(rb"https://\S+/portal/link/[\w-]+")


def make_certificate(folder: Path, *hosts: str) -> tuple[Path, Path]:
    """A certificate for `hosts`, which is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate, private = folder / "mail.crt", folder / "mail.key"
    certificate.write_bytes(founding._certificate(key, hosts, SystemClock()).public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private


@dataclass
class Postmaster:
    """What the server does with mail. `says` is its answer to a step (MAIL, RCPT or DATA) where it takes none.

    `{link}` in it stands for the link of the mail: some filters repeat what they block.
    """

    says: dict[str, str] = field(default_factory=dict)
    taken: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    signed_in: list[bool] = field(default_factory=list)

    def messages(self) -> list[EmailMessage]:
        """What was taken, in order."""
        parser: BytesParser[EmailMessage] = BytesParser(policy=default)
        return [parser.parsebytes(raw) for raw in self.taken]

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        envelope.mail_from = address
        return self.says.get("MAIL", "250 OK")

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        envelope.rcpt_tos.append(address)
        return self.says.get("RCPT", "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        answer = self.says.get("DATA", "250 taken")
        if answer.startswith("250"):
            self.taken.append(envelope.content)
            self.recipients.extend(envelope.rcpt_tos)
            self.encrypted.append(session.ssl is not None)
            self.signed_in.append(session.authenticated)
        links = _LINK.findall(envelope.content.replace(b"=\r\n", b""))
        return answer.replace("{link}", links[0].decode() if links else "")


@dataclass(frozen=True)
class Running:
    """A mail server that runs."""

    postmaster: Postmaster
    port: int

    def settings(self, **changed: Any) -> MailServer:
        """How to reach it: STARTTLS and AUTH unless `changed` says otherwise."""
        values: dict[str, Any] = {
            "host": "localhost",
            "port": self.port,
            "security": "starttls",
            "username": None,
            "password_file": None,
            "sender": "noreply@derbyshire.example",
            "name": "documents.derbyshire.example",
            "timeout": 5.0,
        }
        return MailServer(**{**values, **changed})


def _authenticated(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USERNAME.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@contextmanager
def mail_server(certificate: tuple[Path, Path] | None = None, **options: Any) -> Iterator[Running]:
    """A server on loopback; with a certificate it offers STARTTLS and AUTH and takes nothing without the first."""
    postmaster = Postmaster()
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        options = {"tls_context": context, "require_starttls": True, "authenticator": _authenticated, **options}
    for attempt in range(_ATTEMPTS):
        [port] = free_ports(1)
        controller = Controller(postmaster, hostname=HOST, port=port, **options)
        try:
            controller.start()
        except OSError:
            if attempt == _ATTEMPTS - 1:
                raise
            continue
        break
    try:
        yield Running(postmaster, port)
    finally:
        controller.stop()


@contextmanager
def silent_server() -> Iterator[Running]:
    """One that lets a client in and says nothing, for ever."""
    held: list[socket.socket] = []
    with socket.create_server((HOST, 0)) as listener:

        def accept() -> None:
            try:
                while True:
                    held.append(listener.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield Running(Postmaster(), listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for sock in held:
                sock.close()
