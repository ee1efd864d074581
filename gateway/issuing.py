"""Making a person's password and secret of one-time codes. Neither is kept in clear or recorded: show it once.

Called by enrolment, the pages' acts, `init` and the demo. All but `chosen` act within a change. Thread-safe.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from auth import accounts
from auth.accounts import AccountRow
from auth.argon import GateBusy
from auth.credentials import digest_of
from auth.principal import Proof
from auth.totp import uri
from auth.verdicts import SignInUnavailable
from gateway.change import Change
from gateway.core import Core
from policy import roster
from policy.audit.events import EventKind

CODES = "one-time codes"


@dataclass(frozen=True, slots=True)
class NewCodes:
    """A secret that waits for a code of it: base32 text, and the address that its QR code carries. Show it once."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


def issue_password(core: Core, change: Change, account: AccountRow) -> str:
    """A new password of three random words."""
    password = core.passwords.three_words(staff=bool(account.roles))
    accounts.set_password_hash(change.connection, account.id, core.passwords.hash(password), change.at)
    change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason="password")
    return password


def issue_totp(core: Core, change: Change, account: AccountRow) -> str:
    """A new secret for one-time codes (base32); the one before ends."""
    secret = core.totp.new_secret()
    accounts.set_totp_sealed(change.connection, account.id, core.totp.seal(account.id, secret), change.at)
    change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason=CODES)
    return secret


def own_words(connection: Connection, account: AccountRow, at: datetime) -> tuple[str, ...]:
    """What goes with a person and is guessed first: names, address, and the names and numbers of schools."""
    schools = roster.belongings(connection, account.id, at)
    theirs = (account.username, account.name, account.email or "")
    return (*theirs, *(word for one in schools for word in (one.school, one.dfe)))


def chosen(core: Core, account: AccountRow, text: str, words: tuple[str, ...]) -> str:
    """The hash of a password that a person chose. Before the change: Argon2 holds no database up.

    Raises OperatorError, saying what would do, for a weak one; SignInUnavailable where too many are hashed at once.
    """
    core.passwords.check_choice(text, words=words, staff=bool(account.roles))
    try:
        return core.passwords.hash(text)
    except GateBusy as exc:
        raise SignInUnavailable("no password can be hashed at present") from exc


def begin_codes(core: Core, change: Change, account: AccountRow) -> NewCodes:
    """A secret that waits for a code of it; the one in use stays in use."""
    secret = core.totp.new_secret()
    accounts.set_totp_pending(change.connection, account.id, core.totp.seal(account.id, secret), change.at)
    change.record(EventKind.ACCOUNT_CHANGED, f"account:{account.id}", reason=f"{CODES} begun")
    return NewCodes(secret, uri(secret, username=account.username, issuer=core.settings.service.name))


def take_codes(core: Core, change: Change, account: AccountRow, proof: Proof) -> tuple[str, ...] | None:
    """Use the secret of which a code was shown, from now on; ten recovery codes, to be shown once.

    None where another secret waits by now. Sessions, trust and links end.
    """
    pending = accounts.totp_pending(change.connection, account.id, change.at)
    if pending is None or proof.held_against != digest_of(pending):
        return None
    accounts.set_totp_sealed(change.connection, account.id, pending, change.at)
    change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason=CODES)
    return new_recovery_codes(core, change, account)


def new_recovery_codes(core: Core, change: Change, account: AccountRow) -> tuple[str, ...]:
    """Ten recovery codes, to be shown once; those before end."""
    change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason="recovery codes")
    return core.recovery.replace(change.connection, account.id, change.at)
