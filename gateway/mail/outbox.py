"""The outbox: mails that wait, were sent or were given up. A row holds no text and no secret.

Whoever does something that a person is told of puts a mail here, within the same transaction; `gateway.mail.delivery`
writes and sends it later, and makes the link that it carries only then. Thread-safe.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, insert
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import Account
from config.database import Base
from config.entropy import Entropy


class MailKind(StrEnum):
    """What a mail is about; each has a text of its own."""

    INVITATION = "invitation"
    PASSWORD_RESET = "password reset"
    CODES_RESET = "one-time codes reset"
    PASSWORD_CHANGED = "password changed"
    CODES_CHANGED = "one-time codes changed"
    RECOVERY_CODE_USED = "recovery code used"
    DEVICE_ADDED = "device password added"
    KEY_ADDED = "key added"
    LAYOUT_CHANGED = "layout changed"
    SCRIPT_WITHOUT_OWNER = "script without owner"
    RUNNING_OUT = "running out"


class Mail(Base):
    """A mail. `facts` is a JSON object of what its text needs, and no secret; `trouble` is why it was not sent yet."""

    __tablename__ = "mail"
    __table_args__ = (Index("ix_mail_due", "sent_at", "given_up_at", "due_at"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    address: Mapped[str]
    facts: Mapped[str]
    message_id: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    trouble: Mapped[str] = mapped_column(default="")
    sent_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A mail that is to be sent. `account_id` is whom a link in it is made for; `facts` are plain JSON, no secrets."""

    kind: MailKind
    address: str
    account_id: int | None
    facts: dict[str, Any]


def post(connection: Connection, letter: Letter, at: datetime, entropy: Entropy) -> None:
    """Let `letter` be sent as soon as may be; within the caller's transaction, so both happen or neither does."""
    domain = letter.address.rpartition("@")[2]
    row = insert(Mail).values(
        kind=letter.kind,
        account_id=letter.account_id,
        address=letter.address,
        facts=json.dumps(letter.facts, ensure_ascii=False),
        message_id=f"<{entropy(16).hex()}@{domain}>",
        created_at=at,
        due_at=at,
    )
    connection.execute(row)
