"""A small county whose mails are written, sent and looked at: what the tests of this folder stand on."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any

from sqlalchemy import select

from auth.links import Purpose
from config.database import Database
from gateway.about import contact
from gateway.mail.delivery import Delivery, Voice
from gateway.mail.maildir import Maildir
from gateway.mail.outbox import Letter, Mail, MailKind, post
from gateway.mail.transport import Transport
from tests.support.world import World

URL = "https://documents.derbyshire.example"
SENDER = "noreply@derbyshire.example"

HEAD = "ladocs-head/1:15:5:000102030405060708ff"
"""Where the record of a postroom stood."""


@dataclass
class Postroom:
    """The mails of a world. Without another transport they go into `folder`."""

    world: World
    folder: Path

    def post(self, kind: MailKind, username: str = "o.office", *, address: str = "", **facts: Any) -> int:
        """Let a mail wait; its number."""
        account = self.world.account(username)
        letter = Letter(kind=kind, address=address or account.email or "", account_id=account.id, facts=facts)
        with self.world.database.write() as connection:
            post(connection, letter, self.world.clock.now(), self.world.core.entropy)
            return max(connection.execute(select(Mail.id)).scalars())

    def delivery(
        self, transport: Transport | None = None, *, per_minute: int = 60, database: Database | None = None
    ) -> Delivery:
        """Somebody who delivers."""
        return Delivery(
            database=database or self.world.database,
            record=self.world.services.log,
            transport=transport or Maildir(self.folder),
            voice=Voice(contact=contact(self.world.settings), sender=SENDER, url=URL),
            entropy=self.world.core.entropy,
            per_minute=per_minute,
            witness=lambda: HEAD,
        )

    def turn(self, transport: Transport | None = None) -> None:
        """One turn of a new delivery, now."""
        self.delivery(transport).turn(self.world.clock.now())

    def row(self, number: int) -> Any:
        """A mail as the database has it."""
        with self.world.database.read() as connection:
            return connection.execute(select(Mail.__table__).where(Mail.id == number)).one()

    def messages(self) -> list[EmailMessage]:
        """What lies in the folder."""
        parser: BytesParser[EmailMessage] = BytesParser(policy=default)
        new = self.folder / "new"
        files = sorted(new.iterdir()) if new.is_dir() else []
        return [parser.parsebytes(file.read_bytes()) for file in files]

    def message(self) -> EmailMessage:
        """The one that lies in the folder."""
        [found] = self.messages()
        return found

    def look(self, token: str, purpose: Purpose) -> bool:
        """Whether the link with this token is alive, and for that."""
        from auth import links

        with self.world.database.read() as connection:
            row = links.look(connection, token)
        return row is not None and row.purpose is purpose and row.is_live(self.world.clock.now())


def words(message: EmailMessage, kind: str = "plain") -> str:
    """A part of a message, as text."""
    part = message.get_body((kind,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content


def token_of(message: EmailMessage) -> str:
    """The token in a mail's link."""
    [line] = [line for line in words(message).splitlines() if line.startswith(f"{URL}/portal/link/")]
    return line.rpartition("/")[2]
