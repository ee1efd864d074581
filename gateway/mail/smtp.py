"""A mail server, reached by SMTP (RFC 5321) with STARTTLS or TLS, whose certificate is verified, and AUTH.

One connection serves all mails of a turn. Called by `gateway.mail.delivery`, and by `gateway.doctor`, which only
connects. Not thread-safe. The password is read from its file at each connection and shown by nothing.
"""

from __future__ import annotations

import smtplib
import ssl
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import TypeVar

from config.settings import Mail
from gateway.mail.transport import NotSent, OutOfReach, Refused, in_one_line

_PERMANENT = 500
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class MailServer:
    """Where the mail server is and how to sign in to it. `name` is what we call ourselves there."""

    host: str
    port: int
    security: str
    username: str | None
    password_file: Path | None
    sender: str
    name: str
    timeout: float

    @classmethod
    def of(cls, settings: Mail, sender: str, name: str) -> MailServer | None:
        """The server of the settings; None where there is none."""
        if settings.server is None:
            return None
        return cls(
            host=settings.server,
            port=settings.port,
            security=settings.security,
            username=settings.username,
            password_file=settings.password_file,
            sender=sender,
            name=name,
            timeout=settings.timeout_seconds,
        )


class Smtp:
    """A transport. After whatever went wrong the next mail gets a new connection."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._connection: smtplib.SMTP | None = None

    def send(self, message: EmailMessage, address: str) -> None:
        connection = self.connect()
        try:
            self._step(lambda: connection.mail(self._server.sender), OutOfReach)
            self._step(lambda: connection.rcpt(address), Refused)
            self._step(lambda: connection.data(message.as_bytes()), Refused)
        except BaseException:
            self.close()
            raise

    def connect(self) -> smtplib.SMTP:
        """The connection, signed in. Raises OutOfReach."""
        if self._connection is None:
            with _faults(self._server):
                self._connection = _connected(self._server)
        return self._connection

    def close(self) -> None:
        """End the connection, politely where it still listens."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.quit()
        except (smtplib.SMTPException, OSError):
            connection.close()

    def _step(self, step: Callable[[], tuple[int, bytes | str]], permanent: type[Exception]) -> None:
        with _faults(self._server):
            try:
                code, said = step()
            except smtplib.SMTPDataError as exc:  # the answer to DATA itself, which smtplib raises
                code, said = exc.smtp_code, exc.smtp_error
        if code >= _PERMANENT:
            raise permanent(f"{self._server.host} refused: {code} {in_one_line(said)}")
        if code >= 300:
            raise NotSent(f"{self._server.host} puts off: {code} {in_one_line(said)}")


def _connected(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if server.security == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, local_hostname=server.name, timeout=server.timeout, context=context
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, local_hostname=server.name, timeout=server.timeout)
    try:
        if server.security == "starttls":
            connection.starttls(context=context)
        connection.ehlo_or_helo_if_needed()
        if server.username is not None and server.password_file is not None:
            connection.login(server.username, _password(server.password_file))
    except BaseException:
        connection.close()
        raise
    return connection


def _password(file: Path) -> str:
    try:
        mode, text = stat.S_IMODE(file.stat().st_mode), file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "no text"
        raise OutOfReach(
            f"{file} cannot be read ({why})", "put the mail server's password there (mail.password_file)"
        ) from None
    if mode & 0o077:
        raise OutOfReach(f"{file} is open to others", f"run 'chmod 600 {file}'")
    if not text.isascii():
        raise OutOfReach(f"{file} holds letters that SMTP's sign-in does not carry", "choose a password of plain ASCII")
    return text


@contextmanager
def _faults(server: MailServer) -> Iterator[None]:
    """What smtplib raises, as what it means for us. `from None`: their text may hold what we said to the server."""
    where = f"{server.host} port {server.port}"
    try:
        yield
    except smtplib.SMTPNotSupportedError as exc:
        raise OutOfReach(
            f"{where} does not offer what is wanted ({in_one_line(exc)})", "check mail.security and mail.username"
        ) from None
    except smtplib.SMTPAuthenticationError as exc:
        raise OutOfReach(
            f"{where} does not accept mail.username with its password ({exc.smtp_code})", "check mail.password_file"
        ) from None
    except smtplib.SMTPResponseException as exc:
        raise OutOfReach(f"{where} refused: {exc.smtp_code} {in_one_line(exc.smtp_error)}") from None
    except ssl.SSLCertVerificationError as exc:
        raise OutOfReach(
            f"{where} has no certificate that is trusted here ({in_one_line(exc.verify_message)})",
            "set mail.server to the name in its certificate, and let this machine trust its issuer",
        ) from None
    except (smtplib.SMTPException, OSError, UnicodeError) as exc:
        raise OutOfReach(f"{where} is out of reach: {in_one_line(exc) or type(exc).__name__}") from None
