"""What an access review shows a headteacher: every account, key and device password of a school [R22].

Called by `gateway.reviewing` and `gateway.reviews`. Each item has a digest of all that is decided upon, so that nothing
is confirmed that was not seen. Takes the caller's connection. Thread-safe; raises sqlalchemy.exc.SQLAlchemyError alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Connection, select, update

from auth import accounts, devices, endings, keys
from auth.accounts import AccountRow
from auth.devices import DeviceRow
from auth.keys import KeyRow
from auth.models import Account
from auth.principal import AccountState, Kind
from config.clock import london_date
from policy import roster
from policy.access import HEADTEACHER
from policy.models import Membership, role_holds
from policy.roster import Belonging

UNUSED = timedelta(days=90)
_MOMENT = timedelta(microseconds=1)


class What(StrEnum):
    """What is reviewed."""

    ACCOUNT = "account"
    KEY = "key"
    DEVICE = "device"


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """An account's part in a school, a key or a device password. Times are aware UTC.

    `ref` is what people call it by: `s.senco`, `key:7`, `device:3`; `name` is the person's, or where the credential
    lives. `roles`, `categories`, `owner` (of a script: short name) and `state` are of the account, `detail` of the
    credential: its fingerprint. `heads`: the account has the headteacher's rights here. `elsewhere`: it belongs to
    other schools too. `unused_since`: when it was used last, else given.
    """

    ref: str
    what: What
    id: int
    account_id: int
    username: str
    name: str
    kind: Kind
    state: AccountState
    owner: str
    roles: tuple[str, ...]
    categories: tuple[str, ...]
    networks: tuple[str, ...]
    detail: str
    ends: datetime | None
    heads: bool
    elsewhere: bool
    last_used_at: datetime | None
    unused_since: datetime
    suspended_at: datetime | None

    @property
    def seen(self) -> str:
        """Names what was shown of it, `s` and 16 hex digits; use and suspension, which move by themselves, left out."""
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _MOVES}
        return _named(json.dumps(shown, sort_keys=True, default=str))

    def is_unused(self, at: datetime) -> bool:
        """Whether nobody has used it for 90 days."""
        return self.unused_since <= at - UNUSED


_MOVES = frozenset({"state", "last_used_at", "unused_since", "suspended_at"})


def items(connection: Connection, school_id: int, at: datetime) -> list[Item]:
    """Everything of a school at `at`: the accounts by short name, each with its live keys and device passwords."""
    rows = connection.execute(
        select(Membership.account_id, Membership.since, Membership.suspended_at)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.school_id == school_id, role_holds(at))
        .order_by(Account.username, Membership.since)
    ).all()
    found: list[Item] = []
    for account_id in dict.fromkeys(row.account_id for row in rows):
        account = accounts.get(connection, account_id)
        assert account is not None, "a membership belongs to an account"
        mine = [row for row in rows if row.account_id == account_id]
        suspended = [row.suspended_at for row in mine]
        since, waits = min(row.since for row in mine), None if None in suspended else suspended[0]
        found += _of_account(connection, account, school_id, at, since, waits)
    return found


def seen(shown: Iterable[Item]) -> str:
    """Names all of what was shown."""
    return _named(" ".join(item.seen for item in shown))


def suspend(connection: Connection, item: Item, school_id: int, at: datetime) -> None:
    """Let it give nothing until the review is done; of an account its part in this school alone."""
    _set_suspended(connection, item, school_id, at)
    endings.end_trust(connection, item.account_id)


def resume(connection: Connection, item: Item, school_id: int) -> None:
    """End what `suspend` did."""
    _set_suspended(connection, item, school_id, None)


def _set_suspended(connection: Connection, item: Item, school_id: int, at: datetime | None) -> None:
    if item.what is What.KEY:
        keys.set_suspended(connection, item.id, at)
    elif item.what is What.DEVICE:
        devices.set_suspended(connection, item.id, at)
    else:
        mine = update(Membership).where(Membership.account_id == item.account_id, Membership.school_id == school_id)
        connection.execute(mine.where(Membership.ended_at.is_(None)).values(suspended_at=at))


def _of_account(
    connection: Connection,
    account: AccountRow,
    school_id: int,
    at: datetime,
    since: datetime,
    suspended_at: datetime | None,
) -> list[Item]:
    """The account's part in the school, begun at `since`, and all that it signs in with."""
    belongs = roster.belongings(connection, account.id, at)
    here = next(one for one in belongs if one.school_id == school_id)
    owner = accounts.get(connection, account.owner_id or 0)
    every_key, every_device = keys.listing(connection, account.id), devices.listing(connection, account.id)
    signed_with = [*(key.last_used_at for key in every_key), *(device.last_used_at for device in every_device)]
    uses = [use for use in (accounts.last_seen(connection, account.id), *signed_with) if use is not None]
    used = max(uses, default=None)
    whole = Item(
        ref=account.username,
        what=What.ACCOUNT,
        id=account.id,
        account_id=account.id,
        username=account.username,
        name=account.name,
        kind=account.kind,
        state=account.state,
        owner=owner.username if owner else "",
        roles=_roles(here),
        categories=here.categories,
        networks=account.networks,
        detail="",
        ends=account.expires_at,
        heads=here.role == HEADTEACHER or here.acting_until is not None,
        elsewhere=len(belongs) > 1,
        last_used_at=used,
        unused_since=max(used or since, since),
        suspended_at=suspended_at,
    )
    live_keys = [key for key in every_key if key.revoked_at is None and (key.expires_at is None or at < key.expires_at)]
    live_devices = [device for device in every_device if device.revoked_at is None and at < device.expires_at]
    return [
        whole,
        *(_credential(whole, What.KEY, key, key.fingerprint) for key in live_keys),
        *(_credential(whole, What.DEVICE, device, "") for device in live_devices),
    ]


def _credential(holder: Item, what: What, one: KeyRow | DeviceRow, detail: str) -> Item:
    return replace(
        holder,
        ref=f"{what}:{one.id}",
        what=what,
        id=one.id,
        name=one.name,
        roles=(),
        categories=(),
        networks=tuple(filter(None, one.networks.split(","))),
        detail=detail,
        ends=one.expires_at,
        last_used_at=one.last_used_at,
        unused_since=one.last_used_at or one.created_at,
        suspended_at=one.suspended_at,
    )


def _roles(here: Belonging) -> tuple[str, ...]:
    """`SENCO`, and the standing in for the headteacher with its last day."""
    if here.acting_until is None:
        return (here.role,)
    acting = f"acting {HEADTEACHER} until {london_date(here.acting_until - _MOMENT)}"
    return (acting,) if here.role == HEADTEACHER else (here.role, acting)


def _named(text: str) -> str:
    return f"s{sha256(text.encode()).hexdigest()[:16]}"  # a letter first: a spreadsheet takes 12e34567 for a number
