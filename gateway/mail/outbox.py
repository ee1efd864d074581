"""The outbox: mails that wait, were sent, dropped or given up. A row holds no text and no secret.

Whoever does something that a person is told of puts a mail here, within the same transaction; `gateway.mail.delivery`
writes and sends it later, and makes the link that it carries only then. Thread-safe.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, delete, func, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from auth.links import Purpose
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
    RECOVERY_CODES_MADE = "recovery codes made"
    RECOVERY_CODE_USED = "recovery code used"
    DEVICE_ADDED = "device password added"
    KEY_ADDED = "key added"
    LAYOUT_CHANGED = "layout changed"
    SCRIPT_WITHOUT_OWNER = "script without owner"
    COPIES_TO_DESTROY = "copies to destroy"
    REQUEST_DECIDED = "request decided"
    RUNNING_OUT = "running out"
    ACCESS_REVIEW = "access review"
    ACCESS_SUSPENDED = "access suspended"
    AGREEMENT_DUE = "agreement to sign"


PURPOSES: Mapping[MailKind, Purpose] = MappingProxyType(
    {
        MailKind.INVITATION: Purpose.ACTIVATION,
        MailKind.PASSWORD_RESET: Purpose.PASSWORD,
        MailKind.CODES_RESET: Purpose.CODES,
    }
)
"""The mails that carry a link, and what it lets its holder do."""

FACTS: Mapping[MailKind, frozenset[str]] = MappingProxyType(
    {
        MailKind.INVITATION: frozenset(),
        MailKind.PASSWORD_RESET: frozenset(),
        MailKind.CODES_RESET: frozenset(),
        MailKind.PASSWORD_CHANGED: frozenset(),
        MailKind.CODES_CHANGED: frozenset(),
        MailKind.RECOVERY_CODES_MADE: frozenset(),
        MailKind.RECOVERY_CODE_USED: frozenset({"left"}),
        MailKind.DEVICE_ADDED: frozenset({"device"}),
        MailKind.KEY_ADDED: frozenset({"key", "fingerprint"}),
        MailKind.LAYOUT_CHANGED: frozenset({"layout"}),
        MailKind.SCRIPT_WITHOUT_OWNER: frozenset({"script", "owner", "last_day"}),
        MailKind.COPIES_TO_DESTROY: frozenset(
            {"reference", "school", "category", "published", "size", "readers", "asked"}
        ),
        MailKind.REQUEST_DECIDED: frozenset({"reference", "school", "asker", "accepted", "why"}),
        MailKind.RUNNING_OUT: frozenset({"items"}),
        MailKind.ACCESS_REVIEW: frozenset({"reviews"}),
        MailKind.ACCESS_SUSPENDED: frozenset({"suspended"}),
        MailKind.AGREEMENT_DUE: frozenset({"agreements"}),
    }
)
"""What each text needs. `reference`: a document's, which is never named. `published`: when (ISO). `size`: in bytes.
`school`, `readers`, `asker`: names. `asked`: the day of the first mail, empty in that one. `why`: a reason.
`left`: how many recovery codes are. `device`, `key`: their names. `layout`: a `Layout`.
`script`: its short name. `owner`: the name of the person who left. `last_day`: the script's, `2026-12-18`. `items`:
what `gateway.announcements` puts there. `agreements`: what `gateway.unsigned` does.
`reviews`, `suspended`: what `gateway.reviews` does."""

ALSO = frozenset({"by", "address", "script", "schools"})
"""What a text takes where it is known. `by`: the name of whoever did it, left out where the person did; `address`: the
network address it came from; `script`: the short name of the script that got a key or device password, when the mail
goes to its owner; `schools`: a list of names."""


KEPT = timedelta(days=120)
"""How long a mail's row stays after it was posted: longer than `gateway.announcements` remembers by it."""


class Mail(Base):
    """A mail. `facts` is a JSON object of what its text needs, and no secret; `trouble` is why it was not sent yet.

    `message_id` is what stands before the `@` of its Message-ID, however often it is sent.
    While it is being sent, `due_at` lies ahead: when whoever sends it dies, it is due again by itself.
    """

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
    dropped_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]


_WAITING = (Mail.sent_at.is_(None), Mail.given_up_at.is_(None), Mail.dropped_at.is_(None))


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A mail that is to be sent. `account_id` is who gets it and whom a link in it is made for.

    `facts` are plain JSON without secrets: all that `FACTS` names, and of `ALSO` what is known.
    """

    kind: MailKind
    address: str
    account_id: int | None
    facts: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A mail of the outbox that was not sent yet. `attempts` counts this one too, once it is claimed."""

    id: int
    kind: MailKind
    account_id: int | None
    address: str
    facts: Mapping[str, Any]
    message_id: str
    created_at: datetime
    due_at: datetime
    attempts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How the outbox stands. `late` are those of `waiting` that were tried in vain; `trouble` is the newest."""

    waiting: int
    late: int
    given_up: int
    oldest: datetime | None
    trouble: str


def post(connection: Connection, letter: Letter, at: datetime, entropy: Entropy) -> None:
    """Let `letter` be sent as soon as may be; within the caller's transaction, so both happen or neither does."""
    wanted, given = FACTS[letter.kind], set(letter.facts)
    assert wanted <= given <= wanted | ALSO, f"the mail '{letter.kind}' needs {sorted(wanted)} and takes {sorted(ALSO)}"
    row = insert(Mail).values(
        kind=letter.kind,
        account_id=letter.account_id,
        address=letter.address,
        facts=json.dumps(letter.facts, ensure_ascii=False),
        message_id=entropy(16).hex(),
        created_at=at,
        due_at=at,
    )
    connection.execute(row)


def due(connection: Connection, at: datetime, limit: int) -> list[Waiting]:
    """The mails that should be sent at `at`, those that waited longest first."""
    columns = (getattr(Mail, name) for name in Waiting.__slots__)
    rows = select(*columns).where(*_WAITING, Mail.due_at <= at).order_by(Mail.due_at, Mail.id).limit(limit)
    return [_waiting(dict(row)) for row in connection.execute(rows).mappings()]


def claim(connection: Connection, mail: Waiting, until: datetime) -> bool:
    """Take `mail` for oneself until then: True for one caller alone among all processes."""
    mine = update(Mail).where(Mail.id == mail.id, *_WAITING, Mail.due_at == mail.due_at)
    taken = connection.execute(mine.values(due_at=until, attempts=Mail.attempts + 1))
    return taken.rowcount == 1


def sent(connection: Connection, mail: Waiting, at: datetime) -> None:
    """The mail server has it."""
    _settle(connection, mail, sent_at=at, trouble="")


def put_off(connection: Connection, mail: Waiting, until: datetime, trouble: str) -> None:
    """It could not be sent, and is due again `until`."""
    _settle(connection, mail, due_at=until, trouble=trouble)


def give_up(connection: Connection, mail: Waiting, at: datetime, trouble: str) -> None:
    """It cannot be sent."""
    _settle(connection, mail, given_up_at=at, due_at=at, trouble=trouble)


def drop(connection: Connection, mail: Waiting, at: datetime, why: str) -> None:
    """Nobody needs it any more."""
    _settle(connection, mail, dropped_at=at, trouble=why)


def standing(connection: Connection, since: datetime) -> Standing:
    """How the outbox stands; of mails that were given up, those since `since`."""
    waiting, late, oldest = connection.execute(
        select(func.count(), func.count().filter(Mail.trouble != ""), func.min(Mail.created_at)).where(*_WAITING)
    ).one()
    lost = connection.execute(select(func.count()).where(Mail.given_up_at >= since)).scalar_one()
    troubled = select(Mail.trouble).where(Mail.trouble != "", Mail.dropped_at.is_(None), Mail.sent_at.is_(None))
    newest = connection.execute(troubled.order_by(Mail.due_at.desc(), Mail.id.desc()).limit(1)).scalar()
    return Standing(waiting=waiting, late=late, given_up=lost, oldest=oldest, trouble=newest or "")


def posted(connection: Connection, kind: MailKind, since: datetime) -> list[tuple[int | None, Mapping[str, Any]]]:
    """Whom mails of `kind` were written to since then, and their facts; whatever became of them."""
    rows = select(Mail.account_id, Mail.facts).where(Mail.kind == kind, Mail.created_at >= since)
    return [(row.account_id, json.loads(row.facts)) for row in connection.execute(rows)]


def forget(connection: Connection, at: datetime) -> None:
    """Remove what was sent, dropped or given up, and is older than `KEPT`: who was written to is nobody's business."""
    settled = or_(Mail.sent_at.is_not(None), Mail.given_up_at.is_not(None), Mail.dropped_at.is_not(None))
    connection.execute(delete(Mail).where(settled, Mail.created_at < at - KEPT))


def count_since(connection: Connection, account_id: int, kind: MailKind, since: datetime) -> int:
    """How many mails of `kind` were written to an account since then; whatever became of them."""
    rows = select(func.count()).where(Mail.account_id == account_id, Mail.kind == kind, Mail.created_at >= since)
    return connection.execute(rows).scalar_one()


def reached(connection: Connection, kind: MailKind, since: datetime) -> set[int]:
    """The accounts that a mail of `kind` of since then reached, or will unless it is given up."""
    lost = (Mail.given_up_at.is_(None), Mail.dropped_at.is_(None))
    rows = select(Mail.account_id).where(Mail.kind == kind, Mail.created_at >= since, *lost)
    return {account_id for account_id in connection.execute(rows).scalars() if account_id is not None}


def drop_waiting(connection: Connection, account_id: int, kinds: Iterable[MailKind], at: datetime, why: str) -> int:
    """Nothing of these kinds that waits for an account is sent any more; how many mails that were."""
    waiting = update(Mail).where(Mail.account_id == account_id, Mail.kind.in_(kinds), *_WAITING)
    return connection.execute(waiting.values(dropped_at=at, trouble=why)).rowcount


def _settle(connection: Connection, mail: Waiting, **values: Any) -> None:
    connection.execute(update(Mail).where(Mail.id == mail.id, *_WAITING).values(values))


def _waiting(row: Mapping[str, Any]) -> Waiting:
    return Waiting(**{**row, "kind": MailKind(row["kind"]), "facts": json.loads(row["facts"])})
