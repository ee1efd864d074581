"""Making a person's password and secret of one-time codes. Neither is kept in clear or recorded: show it once.

Called by the commands and by the demo, within a change. Thread-safe.
"""

from __future__ import annotations

from auth import accounts
from auth.accounts import AccountRow
from gateway.change import Change
from gateway.core import Core
from policy.audit.events import EventKind


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
    change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason="one-time codes")
    return secret
