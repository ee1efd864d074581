"""Giving an account device passwords and keys, and ending them: the same act at the pages and by command [R16] [R17].

Called within a change; everything is recorded, and whose account or script it is, is told by mail. Thread-safe. Raises
OperatorError for what was asked wrongly.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from auth import devices, keys
from auth.accounts import AccountRow
from auth.devices import DeviceRow
from auth.keys import KeyRow
from gateway.change import Change
from gateway.core import Core
from gateway.mail.outbox import MailKind
from gateway.telling import tell
from policy.audit.events import EventKind


def give_device(
    core: Core,
    change: Change,
    account: AccountRow,
    name: str,
    networks: Iterable[str] = (),
    expires_at: datetime | None = None,
) -> tuple[str, DeviceRow]:
    """A device password, to be shown once, and its row; its person, or a script's owner, is told by mail."""
    shown = core.devices.create(
        change.connection, account.id, name, at=change.at, expires_at=expires_at, bound_to=networks
    )
    device = devices.listing(change.connection, account.id)[-1]
    reason = f"device password {device.id}"
    change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason=reason)
    tell(core, change, account, MailKind.DEVICE_ADDED, device=device.name)
    return shown, device


def give_key(
    core: Core,
    change: Change,
    account: AccountRow,
    text: str,
    name: str,
    networks: Iterable[str] = (),
    expires_at: datetime | None = None,
) -> KeyRow:
    """A key, from its OpenSSH line; its person, or a script's owner, is told by mail."""
    key = keys.add(change.connection, account.id, text, name, at=change.at, bound_to=networks, expires_at=expires_at)
    reason = f"key {key.id} {key.fingerprint}"
    change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason=reason)
    tell(core, change, account, MailKind.KEY_ADDED, key=key.name, fingerprint=key.fingerprint)
    return key


def end_device(change: Change, account_id: int, number: int) -> None:
    """End a device password."""
    devices.revoke(change.connection, account_id, number, change.at)
    change.record(EventKind.CREDENTIAL_REMOVED, f"account:{account_id}", reason=f"device password {number}")


def end_key(change: Change, account_id: int, number: int) -> None:
    """End a key for good."""
    keys.remove(change.connection, account_id, number, change.at)
    change.record(EventKind.CREDENTIAL_REMOVED, f"account:{account_id}", reason=f"key {number}")
