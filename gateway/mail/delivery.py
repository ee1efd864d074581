"""Delivery: writes the mails that are due, with the links they carry, and hands them to the mail server or folder.

Called every few seconds by a thread of the process that does the jobs (`gateway.jobs.Post`). Two deliveries at once
never send one mail twice: each claims it in the database first. One that dies in mid-sending leaves a mail that is sent
again, with the same Message-ID, when the claim has run out. A link is made in the transaction of the claim, so its
token stands nowhere but in the mail; the one before ends. Not thread-safe.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.errors import MessageError
from email.message import EmailMessage

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from auth import accounts, links
from auth.accounts import AccountRow
from auth.principal import AccountState
from config.database import Database
from config.entropy import Entropy
from gateway.about import Contact
from gateway.mail import outbox
from gateway.mail.message import Envelope, written
from gateway.mail.outbox import PURPOSES, MailKind, Waiting
from gateway.mail.texts import WITNESSED, Link, Occasion, text
from gateway.mail.transport import NotSent, OutOfReach, Refused, Transport, in_one_line
from policy import roster
from policy.audit.events import Event, EventKind, RecordUnavailable, Result
from policy.audit.log import AuditLog

log = logging.getLogger(__name__)

RETRIES = (
    *(timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1)),
    *((timedelta(hours=4),) * 12),
)
"""How long after each vain try the next one comes: about two days in all, then the mail is given up."""

_CLAIM = timedelta(minutes=15)  # more than the slowest honest conversation with a mail server takes
_MINUTE = timedelta(minutes=1)
_ANY_BUT_LEFT = frozenset(AccountState) - {AccountState.LEFT}


@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """How we speak: whom people ask, the address that mails come from, and where `/portal/` is (`https://host`)."""

    contact: Contact
    sender: str
    url: str


@dataclass(frozen=True, slots=True)
class _Ready:
    """A mail that was written. `token` is the link's, to be kept out of whatever a server says back."""

    message: EmailMessage
    token: str = field(repr=False)

    def __repr__(self) -> str:
        return "_Ready()"


class Delivery:
    """Sends what is due. `per_minute` mails are tried in a minute at most."""

    def __init__(
        self,
        *,
        database: Database,
        record: AuditLog,
        transport: Transport,
        voice: Voice,
        entropy: Entropy,
        per_minute: int,
        witness: Callable[[], str],
    ) -> None:
        """`witness` says in one word where the record stands, "" where that is not known yet."""
        self._database = database
        self._record = record
        self._transport = transport
        self._voice = voice
        self._entropy = entropy
        self._per_minute = per_minute
        self._witness = witness
        self._tried: list[datetime] = []
        self._rest_from: datetime | None = None
        self._ended = threading.Event()

    def end(self) -> None:
        """Start no other mail: the process is about to stop. From any thread."""
        self._ended.set()

    def turn(self, at: datetime) -> None:
        """Try what is due at `at`. Raises SQLAlchemyError, RecordUnavailable, OSError; then the rest waits."""
        if self._rest_from is not None and self._rest_from <= at < self._rest_from + _MINUTE:
            return
        with self._database.read() as connection:
            mails = outbox.due(connection, at, self._allowance(at))
        try:
            for mail in mails:
                if self._ended.is_set() or not self._deliver(mail, at):
                    return
        finally:
            self._transport.close()

    def _allowance(self, at: datetime) -> int:
        """How many may be tried now. Moments ahead are of a clock that has leapt and returned: they hold nothing up."""
        self._tried = [tried for tried in self._tried if at - _MINUTE < tried <= at]
        return max(0, self._per_minute - len(self._tried))

    def _deliver(self, mail: Waiting, at: datetime) -> bool:
        """Try one mail; whether the next one is worth a try."""
        try:
            ready = self._claimed(mail, at)
        except (SQLAlchemyError, RecordUnavailable, OSError):
            raise
        except Exception as exc:  # one mail that cannot be written does not keep the others
            if not isinstance(exc, ValueError | MessageError):
                log.exception("mail %d (%s) cannot be written", mail.id, mail.kind)
            self._give_up(mail, at, f"it cannot be written: {in_one_line(exc)}")
            return True
        if ready is None:
            return True
        self._tried.append(at)
        return self._send(mail, ready, at)

    def _send(self, mail: Waiting, ready: _Ready, at: datetime) -> bool:
        try:
            self._transport.send(ready.message, mail.address)
        except Refused as exc:
            self._give_up(mail, at, _without(ready.token, exc))
        except NotSent as exc:
            self._put_off(mail, at, _without(ready.token, exc))
        except OutOfReach as exc:
            self._put_off(mail, at, _without(ready.token, exc))
            self._rest_from = at
            return False
        else:
            with self._database.write() as connection:
                outbox.sent(connection, mail, at)
            self._tell(EventKind.MAIL_SENT, Result.PERMIT, mail, at)
        return True

    def _claimed(self, mail: Waiting, at: datetime) -> _Ready | None:
        """The mail, written, if it is ours to send; None where another has it or nobody needs it any more."""
        with self._database.write() as connection:
            if not outbox.claim(connection, mail, at + _CLAIM):
                return None
            account = None if mail.account_id is None else accounts.get(connection, mail.account_id)
            why = _needless(mail, account)
            if why is None:
                return self._written(connection, mail, account, at)
            outbox.drop(connection, mail, at, why)
        log.info("mail %d (%s) was dropped: %s", mail.id, mail.kind, why)
        return None

    def _written(self, connection: Connection, mail: Waiting, account: AccountRow | None, at: datetime) -> _Ready:
        voice, facts, token, link = self._voice, dict(mail.facts), "", None
        purpose = PURPOSES.get(mail.kind)
        if account is not None and mail.kind is MailKind.INVITATION:
            facts.setdefault("schools", [b.school for b in roster.belongings(connection, account.id, at)])
        if account is not None and purpose is not None:
            token = links.make(connection, account.id, purpose, at, self._entropy)
            link = Link(url=f"{voice.url}/portal/link/{token}", ends=at + links.LIFE[purpose])
        name = account.name if account is not None else ""
        occasion = Occasion(
            kind=mail.kind,
            contact=voice.contact,
            name=name,
            username=account.username if account is not None else "",
            address=mail.address,
            at=mail.created_at,
            facts=facts,
            link=link,
            witness=self._witness() if mail.kind in WITNESSED else "",
        )
        envelope = Envelope(name=name, address=mail.address, message_id=mail.message_id, at=at)
        message = written(text(occasion), envelope, voice.contact, voice.sender)
        if purpose is not None:  # as every change: in the record before it is committed
            self._record.record(_event(EventKind.LINK_SENT, Result.PERMIT, mail, at, purpose))
        return _Ready(message, token)

    def _put_off(self, mail: Waiting, at: datetime, trouble: str) -> None:
        tries = mail.attempts + 1
        if tries > len(RETRIES):
            self._give_up(mail, at, trouble)
            return
        with self._database.write() as connection:
            outbox.put_off(connection, mail, at + RETRIES[tries - 1], trouble)
        log.warning("mail %d (%s) could not be sent and is tried again: %s", mail.id, mail.kind, trouble)

    def _give_up(self, mail: Waiting, at: datetime, trouble: str) -> None:
        with self._database.write() as connection:
            outbox.give_up(connection, mail, at, trouble)
        self._tell(EventKind.MAIL_FAILED, Result.ERROR, mail, at)
        log.error("mail %d (%s) was given up: %s", mail.id, mail.kind, trouble)

    def _tell(self, kind: EventKind, result: Result, mail: Waiting, at: datetime) -> None:
        self._record.post(_event(kind, result, mail, at, mail.kind))


def _event(kind: EventKind, result: Result, mail: Waiting, at: datetime, reason: str) -> Event:
    whose = f"account:{mail.account_id}" if mail.account_id is not None else ""
    return Event(event=kind, at=at, result=result, object=whose, reason=reason)


def _needless(mail: Waiting, account: AccountRow | None) -> str | None:
    """Why nobody needs this mail any more; None where somebody does."""
    purpose = PURPOSES.get(mail.kind)
    if mail.account_id is None:
        return None if purpose is None else "it carries a link, and is for nobody"
    if account is None:
        return "there is no such account"
    if account.state not in (_ANY_BUT_LEFT if purpose is None else links.STATES[purpose]):
        return f"the account is {account.state}"
    if purpose is not None and account.email != mail.address:
        return "the account has another address now"
    return None


def _without(token: str, error: Exception) -> str:
    """What a server said; some repeat the addresses that stand in a mail which they refuse."""
    return str(error).replace(token, "…") if token else str(error)
