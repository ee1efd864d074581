"""Browsers that are signed in to the pages: sessions on the server, of which the cookie holds a random name alone.

Called by the authenticator, which alone makes a principal of one. Functions act within the caller's transaction.
Thread-safe.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, or_, select, update

from auth.models import PageSession
from auth.principal import Factor
from config.entropy import Entropy

_BYTES = 32
_SEEN_KNOWN_FOR = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PageLimits:
    """How long a browser stays signed in: lying idle, and at most."""

    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=10)


@dataclass(frozen=True, slots=True)
class PageSessionRow:
    """A session that has not run out."""

    account_id: int
    factors: frozenset[Factor]
    opened_at: datetime
    seen_at: datetime

    def is_long_unseen(self, at: datetime) -> bool:
        """Is it time to `touch`: once a minute, not with each request?"""
        return at >= self.seen_at + _SEEN_KNOWN_FOR


def open_(connection: Connection, account_id: int, factors: Iterable[Factor], at: datetime, entropy: Entropy) -> str:
    """A new session; the cookie's value, 43 URL-safe characters, which nothing else keeps."""
    token = base64.urlsafe_b64encode(entropy(_BYTES)).decode().rstrip("=")
    row = insert(PageSession).values(
        id=_hash(token), account_id=account_id, factors=" ".join(sorted(factors)), opened_at=at, seen_at=at
    )
    connection.execute(row)
    return token


def find(connection: Connection, token: str, at: datetime, limits: PageLimits) -> PageSessionRow | None:
    """The session of this cookie, if it has not run out at `at`."""
    row = connection.execute(
        select(PageSession).where(
            PageSession.id == _hash(token),
            PageSession.seen_at > at - limits.idle,
            PageSession.opened_at > at - limits.longest,
            PageSession.opened_at <= at,
        )
    ).one_or_none()
    if row is None:
        return None
    return PageSessionRow(row.account_id, frozenset(map(Factor, row.factors.split())), row.opened_at, row.seen_at)


def touch(connection: Connection, token: str, at: datetime) -> None:
    """The browser was seen."""
    earlier = update(PageSession).where(PageSession.id == _hash(token), PageSession.seen_at < at)
    connection.execute(earlier.values(seen_at=at))


def close(connection: Connection, token: str) -> None:
    """Sign the browser out."""
    connection.execute(delete(PageSession).where(PageSession.id == _hash(token)))


def sweep(connection: Connection, at: datetime, limits: PageLimits) -> None:
    """Forget the sessions that have run out."""
    over = or_(PageSession.seen_at <= at - limits.idle, PageSession.opened_at <= at - limits.longest)
    connection.execute(delete(PageSession).where(over))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
