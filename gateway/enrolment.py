"""What a mailed link lets its holder do [R20]: activate the account, choose a password, enrol an authenticator.

Called by the pages. An act and the spending of its link are one change, recorded before it is committed: both happen
or neither does. Thread-safe. Raises SignInUnavailable and RecordUnavailable where the service, not the person, is at
fault.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from auth import accounts, credentials, links
from auth.accounts import AccountRow
from auth.authenticator import Authenticator
from auth.links import LinkRow, Purpose
from auth.principal import AccountState, Kind, Peer
from gateway import staffing
from gateway.about import TERMS_VERSION
from gateway.asking import Afterwards
from gateway.change import Change, changing
from gateway.core import Core
from gateway.issuing import NewCodes, begin_codes, chosen, own_words, take_codes
from gateway.mail import outbox
from gateway.mail.outbox import PURPOSES, MailKind
from gateway.telling import tell
from policy.audit.events import EventKind
from policy.audit.log import AuditLog

A_DAY = timedelta(days=1)
ASKED_A_DAY = 3
"""How many links an account is mailed a day because somebody asked on a page."""

_KINDS = {purpose: kind for kind, purpose in PURPOSES.items()}


class LinkDead(Exception):
    """The link was used, has run out, or never was; its text is fit for people."""

    def __init__(self) -> None:
        super().__init__("This link was used already or has run out: ask for a new one.")


class NotAccepted(Exception):
    """What was shown does not hold; its text is fit for people and says no more than they may know."""

    def __init__(self, message: str = "Not accepted: try again.") -> None:
        super().__init__(message)


class _NothingToSend(Exception):
    """A link was asked for that is not to be sent: the change is given up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """What a live link is for and whose it is. `has_password`: the first step of an activation was done."""

    purpose: Purpose
    username: str
    name: str
    staff: bool
    has_password: bool


class Enrolment:
    """The acts of whoever holds a link. One per process; close it."""

    def __init__(self, core: Core, log: AuditLog, authenticator: Authenticator) -> None:
        self._core = core
        self._log = log
        self._authenticator = authenticator
        self._afterwards = Afterwards()

    def look(self, token: str) -> Opened | None:
        """What this link opens; None where it is dead or unknown. Spends nothing."""
        with suppress(LinkDead), self._core.database.read() as connection:
            link, account = _open(connection, token, self._core.clock.now())
            return Opened(
                purpose=link.purpose,
                username=account.username,
                name=account.name,
                staff=bool(account.roles),
                has_password=account.has_password,
            )
        return None

    def choose_password(self, token: str, text: str, peer: Peer) -> None:
        """Keep a password: an activation goes on with the same link, a reset is done.

        Raises LinkDead; OperatorError for a weak one, saying which rule and what would do.
        """
        asked, account, words = self._whose(token, Purpose.ACTIVATION, Purpose.PASSWORD)
        stored = chosen(self._core, account, text, words)
        with self._changing(account, peer) as change:
            link, account = _open(change.connection, token, change.at, asked.purpose)
            if link.purpose is Purpose.ACTIVATION:
                accounts.set_first_password_hash(change.connection, account.id, stored)
            else:
                _spend(change, token, link)
                accounts.set_password_hash(change.connection, account.id, stored, change.at)
                tell(self._core, change, account, MailKind.PASSWORD_CHANGED)
            change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason="password")

    def begin_codes(self, token: str, password: str | None, peer: Peer) -> NewCodes:
        """A secret for an authenticator, to be confirmed within an hour. Whoever is activating needs no password.

        Raises LinkDead; NotAccepted without the account's password, or before one was chosen.
        """
        asked, account, _ = self._whose(token, Purpose.ACTIVATION, Purpose.CODES)
        proof = None
        if asked.purpose is Purpose.CODES:
            candidate = self._authenticator.candidate(account.username, peer)
            proof = self._authenticator.check_password(candidate, password or "")
            if proof is None:
                raise NotAccepted
        with self._changing(account, peer) as change:
            _, account = _open(change.connection, token, change.at, asked.purpose)
            if not account.has_password:
                raise NotAccepted("Choose a password first.")
            if proof is not None and credentials.reread(change.connection, account, [proof], change.at) is None:
                raise NotAccepted
            return begin_codes(self._core, change, account)

    def confirm_codes(self, token: str, code: str, peer: Peer) -> tuple[str, ...]:
        """A code of the new secret: from now on it is in use, and here are ten recovery codes, shown once.

        Whoever was activating has accepted the terms, and the account is active. Raises LinkDead; NotAccepted for any
        other code.
        """
        asked, account, _ = self._whose(token, Purpose.ACTIVATION, Purpose.CODES)
        proof = self._authenticator.check_new_code(self._authenticator.candidate(account.username, peer), code)
        if proof is None:
            raise NotAccepted
        with self._changing(account, peer) as change:
            link, account = _open(change.connection, token, change.at, asked.purpose)
            if not account.has_password:
                raise NotAccepted("Choose a password first.")
            _spend(change, token, link)
            codes = take_codes(self._core, change, account, proof)
            if codes is None:
                raise NotAccepted
            if link.purpose is Purpose.ACTIVATION:
                _activate(change, account)
            else:
                tell(self._core, change, account, MailKind.CODES_CHANGED)
        return codes

    def ask_again(self, token: str, peer: Peer) -> None:
        """A new link for a dead one, to the account's address, where what it was for still is to be done.

        Says nothing, and takes the same time whatever the token is.
        """
        self._afterwards.do(lambda: self._send_again(token, peer))

    def forgotten(self, name: str, peer: Peer) -> None:
        """A link to choose a new password, or the invitation again, if somebody has this name or address.

        Says nothing, and takes the same time whatever the name is.
        """
        self._afterwards.do(lambda: self._send_reset(name, peer))

    def settle(self) -> None:
        """Wait until the links that were asked for are on their way."""
        self._afterwards.settle()

    def close(self) -> None:
        """Send what was asked for, and nothing more."""
        self._afterwards.close()

    def _whose(self, token: str, *purposes: Purpose) -> tuple[LinkRow, AccountRow, tuple[str, ...]]:
        at = self._core.clock.now()
        with self._core.database.read() as connection:
            link, account = _open(connection, token, at, *purposes)
            return link, account, own_words(connection, account, at)

    def _send_again(self, token: str, peer: Peer) -> None:
        with self._core.database.read() as connection:
            link = links.look(connection, token)
            account = None if link is None else accounts.get(connection, link.account_id)
        if link is None or account is None or link.is_live(self._core.clock.now()):
            return
        self._send(account, link.purpose, peer)

    def _send_reset(self, name: str, peer: Peer) -> None:
        with self._core.database.read() as connection:
            account = accounts.find(connection, name)
        if account is None or account.kind is not Kind.PERSON:
            return
        is_invited = account.state is AccountState.INVITED
        self._send(account, Purpose.ACTIVATION if is_invited else Purpose.PASSWORD, peer)

    def _send(self, account: AccountRow, purpose: Purpose, peer: Peer) -> None:
        kind = _KINDS[purpose]
        with suppress(_NothingToSend), self._changing(None, peer) as change:
            now = accounts.get(change.connection, account.id)
            if now is None or now.state not in links.STATES[purpose]:
                raise _NothingToSend
            if purpose is Purpose.CODES and now.has_totp:
                raise _NothingToSend
            if outbox.count_since(change.connection, now.id, kind, change.at - A_DAY) >= ASKED_A_DAY:
                raise _NothingToSend
            schools = staffing.schools_of(change, now) if kind is MailKind.INVITATION else {}
            tell(self._core, change, now, kind, **schools)
            change.record(EventKind.ACCOUNT_CHANGED, f"account:{now.id}", reason=f"{kind} asked for")

    def _changing(self, account: AccountRow | None, peer: Peer) -> AbstractContextManager[Change]:
        actor = None if account is None else account.id
        return changing(self._core, self._log, actor, peer.client, protocol=peer.door, address=peer.address)


def _open(connection: Connection, token: str, at: datetime, *purposes: Purpose) -> tuple[LinkRow, AccountRow]:
    """The live link with this token, for one of `purposes` if any are given, and its account. Raises LinkDead."""
    link = links.look(connection, token)
    if link is None or not link.is_live(at) or (purposes and link.purpose not in purposes):
        raise LinkDead
    account = accounts.get(connection, link.account_id)
    if account is None or account.state not in links.STATES[link.purpose]:
        raise LinkDead
    return link, account


def _spend(change: Change, token: str, link: LinkRow) -> None:
    if not links.spend(change.connection, token, change.at):
        raise LinkDead
    change.record(EventKind.LINK_USED, f"account:{link.account_id}", reason=link.purpose)


def _activate(change: Change, account: AccountRow) -> None:
    accounts.accept_terms(change.connection, account.id, change.at)
    change.record(EventKind.TERMS_ACCEPTED, f"account:{account.id}", reason=f"version {TERMS_VERSION}")
    accounts.set_state(change.connection, account.id, AccountState.ACTIVE, change.at)
    change.record(EventKind.ACCOUNT_CHANGED, f"account:{account.id}", reason="activated")
