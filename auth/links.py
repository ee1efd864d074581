"""Links that are mailed [R20]: to activate an account, to choose a new password, to enrol an authenticator anew.

A token is 256 random bits, kept as its hash, good for one act and for a time. Looking at one spends nothing; whoever
does the act spends it in the same transaction. Called by `gateway.enrolment`. Thread-safe.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from auth.models import Link
from auth.principal import AccountState
from config.entropy import Entropy

_BYTES = 32


class Purpose(StrEnum):
    """What a link lets its holder do, once."""

    ACTIVATION = "activation"
    PASSWORD = "password"
    CODES = "one-time codes"


LIFE = {
    Purpose.ACTIVATION: timedelta(days=14),
    Purpose.PASSWORD: timedelta(hours=24),
    Purpose.CODES: timedelta(hours=24),
}

STATES = {
    Purpose.ACTIVATION: frozenset({AccountState.INVITED}),
    Purpose.PASSWORD: frozenset({AccountState.ACTIVE, AccountState.SUSPENDED}),
    Purpose.CODES: frozenset({AccountState.ACTIVE, AccountState.SUSPENDED}),
}
"""In which states of its account a link opens anything, and is mailed. None wakes an account that was suspended."""


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link that was made once, in whatever standing: ask `is_live`."""

    id: int
    account_id: int
    purpose: Purpose
    expires_at: datetime
    ended_at: datetime | None

    def is_live(self, at: datetime) -> bool:
        """Does it still open anything at `at`?"""
        return self.ended_at is None and at < self.expires_at


def make(connection: Connection, account_id: int, purpose: Purpose, at: datetime, entropy: Entropy) -> str:
    """A new token (43 URL-safe characters); earlier links of this account and purpose end."""
    earlier = update(Link).where(Link.account_id == account_id, Link.purpose == purpose, Link.ended_at.is_(None))
    connection.execute(earlier.values(ended_at=at))
    token = base64.urlsafe_b64encode(entropy(_BYTES)).decode().rstrip("=")
    row = insert(Link).values(
        account_id=account_id, purpose=purpose, hash=_hash(token), created_at=at, expires_at=at + LIFE[purpose]
    )
    connection.execute(row)
    return token


def look(connection: Connection, token: str) -> LinkRow | None:
    """The link with this token, dead ones too. Spends nothing."""
    row = connection.execute(select(Link).where(Link.hash == _hash(token))).one_or_none()
    return None if row is None else LinkRow(row.id, row.account_id, Purpose(row.purpose), row.expires_at, row.ended_at)


def spend(connection: Connection, token: str, at: datetime) -> bool:
    """Use a live link up: True for one caller alone among all processes."""
    live = update(Link).where(Link.hash == _hash(token), Link.ended_at.is_(None), Link.expires_at > at)
    return connection.execute(live.values(ended_at=at)).rowcount == 1


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
