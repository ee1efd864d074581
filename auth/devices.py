"""Device passwords, for drives over WebDAV alone [R16]: 120 random bits, shown once, kept as a keyed hash.

Used by the authenticator and the commands. Functions act within the caller's transaction. Thread-safe. Raises
OperatorError for what a person asked wrongly.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from auth import accounts, crockford, networks
from auth.labels import label
from auth.models import Account, Device
from auth.principal import AccountState, Kind
from auth.verdicts import RefusalReason
from config.entropy import Entropy
from config.errors import OperatorError
from config.secrets import DEVICE_KEY, Secrets

LIFE = timedelta(days=400)
UNUSED = timedelta(days=90)

_BYTES = 15
_CHARACTERS = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceRow:
    """A device password without its hash. `networks` is comma-separated CIDR, empty for anywhere. Times aware UTC."""

    id: int
    account_id: int
    name: str
    networks: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    last_address: str
    last_client: str
    revoked_at: datetime | None
    suspended_at: datetime | None

    def objection(self, address: str, at: datetime) -> RefusalReason | None:
        """What speaks against its use from `address` at `at`; None where nothing does."""
        rows = (
            (self.revoked_at is not None, RefusalReason.DEVICE_REVOKED),
            (at >= self.expires_at, RefusalReason.DEVICE_EXPIRED),
            (at >= (self.last_used_at or self.created_at) + UNUSED, RefusalReason.DEVICE_UNUSED),
            (self.suspended_at is not None, RefusalReason.REVIEW_OVERDUE),
            (not networks.permitted(address, self.networks), RefusalReason.OTHER_NETWORK),
        )
        return next((reason for applies, reason in rows if applies), None)


class Devices:
    """Makes and recognises device passwords."""

    def __init__(self, secrets: Secrets, entropy: Entropy) -> None:
        self._secrets = secrets
        self._entropy = entropy

    def create(
        self,
        connection: Connection,
        account_id: int,
        name: str,
        *,
        at: datetime,
        expires_at: datetime | None = None,
        bound_to: Iterable[str] = (),
    ) -> str:
        """A new device password as it is shown, once: six groups of four. It ends within 400 days."""
        ends = expires_at or at + LIFE
        kept = label(name, "A device password carries the name of its device: for example 'Office PC'.")
        if not at < ends <= at + LIFE:
            raise OperatorError(f"A device password ends within {LIFE.days} days: give an earlier day.")
        _refuse_if_not_entitled(connection, account_id, at)
        text = crockford.encode(self._entropy(_BYTES))
        key = self._secrets.current(DEVICE_KEY)
        row = insert(Device).values(
            account_id=account_id,
            name=kept,
            key_id=key.id,
            hash=_hash(key.value, text),
            networks=networks.joined(bound_to),
            created_at=at,
            expires_at=ends,
        )
        connection.execute(row)
        return crockford.grouped(text)

    def match(self, connection: Connection, account_id: int | None, typed: str) -> DeviceRow | None:
        """The device of this account whose password was typed, in whatever standing: ask its `objection`."""
        text = crockford.canonical(typed, _CHARACTERS) or ""
        rows = connection.execute(select(Device.__table__).where(Device.account_id == (account_id or 0))).all()
        hashes = {self._secrets.current(DEVICE_KEY).id: _hash(self._secrets.current(DEVICE_KEY).value, text)}
        for key_id in {row.key_id for row in rows} - set(hashes):
            hashes[key_id] = _hash(self._secrets.get(DEVICE_KEY, key_id).value, text)
        found = [row for row in rows if hmac.compare_digest(row.hash, hashes[row.key_id])]
        return _device(found[0]) if found and text else None


def has_shape(typed: str) -> bool:
    """Could this be a device password, as it was typed? What could not is somebody's other password, or a mistake."""
    return crockford.canonical(typed, _CHARACTERS) is not None


def get(connection: Connection, account_id: int, device_id: int) -> DeviceRow | None:
    """One device of an account."""
    row = connection.execute(
        select(Device.__table__).where(Device.id == device_id, Device.account_id == account_id)
    ).one_or_none()
    return None if row is None else _device(row)


def listing(connection: Connection, account_id: int) -> list[DeviceRow]:
    """Every device of an account, the oldest first, revoked ones too."""
    rows = connection.execute(select(Device.__table__).where(Device.account_id == account_id).order_by(Device.id))
    return [_device(row) for row in rows]


def revoke(connection: Connection, account_id: int, device_id: int, at: datetime) -> None:
    """End a device password; the caller bumps the counter that every process watches."""
    live = update(Device).where(Device.id == device_id, Device.account_id == account_id, Device.revoked_at.is_(None))
    if connection.execute(live.values(revoked_at=at)).rowcount == 0:
        raise OperatorError(f"This account has no live device password {device_id}: see 'ladocs device list'.")


def set_suspended(connection: Connection, device_id: int, at: datetime | None) -> None:
    """Let a device password wait for an access review since `at`, or with None be good again.

    The caller bumps the counter that every process watches.
    """
    connection.execute(update(Device).where(Device.id == device_id).values(suspended_at=at))


def set_end(connection: Connection, device_id: int, expires_at: datetime, at: datetime) -> datetime:
    """Let a device password that was confirmed at `at` end at another time, within 400 days; when that is."""
    ends = min(expires_at, at + LIFE)
    connection.execute(update(Device).where(Device.id == device_id).values(expires_at=ends))
    return ends


def _refuse_if_not_entitled(connection: Connection, account_id: int, at: datetime) -> None:
    # The row is locked, so that two at once cannot both find a service account without one.
    connection.execute(select(Account.id).where(Account.id == account_id).with_for_update())
    account = accounts.get(connection, account_id)
    if account is None or account.state is AccountState.LEFT:
        raise OperatorError("There is no such account: see 'ladocs account list'.")
    if account.roles:
        raise OperatorError("Accounts of the authority have no drive: give the device password to someone of a school.")
    live = [row for row in listing(connection, account_id) if row.revoked_at is None and at < row.expires_at]
    if account.kind is Kind.SERVICE and live:
        raise OperatorError(f"A service account has one device password: revoke '{live[0].name}' first.")


def _hash(key: bytes, text: str) -> bytes:
    return hmac.digest(key, b"ladocs device password\0" + text.encode(), hashlib.sha256)


def _device(row: Row[Any]) -> DeviceRow:
    return DeviceRow(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        networks=row.networks,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        last_address=row.last_address,
        last_client=row.last_client,
        revoked_at=row.revoked_at,
        suspended_at=row.suspended_at,
    )
