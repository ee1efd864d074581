"""What ends by itself: accounts, keys, and device passwords, which also end when nobody uses them [R16] [R33].

Called by `gateway.announcements`. Reads within the caller's transaction; credentials without a secret. Only what works
at the moment is told of: live credentials of active accounts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, or_, select

from auth.devices import UNUSED
from auth.models import Account, Device, SshKey
from auth.principal import AccountState


class What(StrEnum):
    """What ends. UNUSED_DEVICE: a device password that ends because nobody used it, and stays if somebody does.

    ROLE and CATEGORY are held in a school: `policy.endings` finds them.
    """

    ACCOUNT = "account"
    KEY = "key"
    DEVICE = "device"
    UNUSED_DEVICE = "unused device"
    ROLE = "role"
    CATEGORY = "category"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """One thing that ends at `ends`. `id` is its row, `begun` when its time began to run. Times are aware UTC."""

    what: What
    id: int
    account_id: int
    name: str
    begun: datetime
    ends: datetime


def endings(connection: Connection, since: datetime, until: datetime) -> list[Ending]:
    """What ends between the two moments."""
    every = [*_accounts(connection), *_keys(connection), *_devices(connection, until)]
    return [ending for ending in every if since <= ending.ends < until]


def _accounts(connection: Connection) -> Iterator[Ending]:
    rows = select(Account.id, Account.name, Account.created_at, Account.expires_at).where(
        Account.state == AccountState.ACTIVE, Account.expires_at.is_not(None)
    )
    for row in connection.execute(rows):
        yield _ending(What.ACCOUNT, row, row.id, row.created_at, row.expires_at)


def _keys(connection: Connection) -> Iterator[Ending]:
    rows = (
        select(SshKey.id, SshKey.account_id, SshKey.name, SshKey.created_at, SshKey.expires_at)
        .join(Account, Account.id == SshKey.account_id)
        .where(Account.state == AccountState.ACTIVE, SshKey.revoked_at.is_(None), SshKey.expires_at.is_not(None))
    )
    for row in connection.execute(rows):
        yield _ending(What.KEY, row, row.account_id, row.created_at, row.expires_at)


def _devices(connection: Connection, until: datetime) -> Iterator[Ending]:
    seen = func.coalesce(Device.last_used_at, Device.created_at)
    rows = (
        select(Device.id, Device.account_id, Device.name, Device.created_at, Device.expires_at, Device.last_used_at)
        .join(Account, Account.id == Device.account_id)
        .where(Account.state == AccountState.ACTIVE, Device.revoked_at.is_(None))
        .where(or_(Device.expires_at < until, seen < until - UNUSED))
    )
    for row in connection.execute(rows):
        used = row.last_used_at or row.created_at
        if used + UNUSED < row.expires_at:
            yield _ending(What.UNUSED_DEVICE, row, row.account_id, used, used + UNUSED)
        else:
            yield _ending(What.DEVICE, row, row.account_id, row.created_at, row.expires_at)


def _ending(what: What, row: Any, account_id: int, begun: datetime, ends: datetime) -> Ending:
    return Ending(what=what, id=row.id, account_id=account_id, name=row.name, begun=begun, ends=ends)
