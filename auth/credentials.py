"""What a proof or a principal rests on, read anew: does it still hold, and until when?

Called by the authenticator when it makes a principal and when it is asked about one. Functions act within the caller's
transaction. Thread-safe.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, update

from auth import accounts, devices, keys, recovery
from auth.accounts import AccountRow
from auth.models import Device, SshKey
from auth.principal import Factor, Principal, Proof
from auth.standing import Standing, standing
from auth.totp import is_spent

_USE_KNOWN_FOR = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Held:
    """What still holds. `credential_id` is the key or device it came by, `expires_at` when that ends by itself."""

    credential_id: int | None = None
    expires_at: datetime | None = None


def digest_of(stored: str | bytes) -> bytes:
    """What tells one stored password hash or sealed secret from the next, and says nothing of either."""
    return hashlib.sha256(stored.encode() if isinstance(stored, str) else stored).digest()


def reread(connection: Connection, account: AccountRow, proofs: Collection[Proof], at: datetime) -> Held | None:
    """What all of `proofs` rest on, as it is now; None where one no longer holds or two credentials were mixed."""
    came_by = {(proof.factor, proof.credential_id) for proof in proofs if proof.credential_id is not None}
    held = [_reread_one(connection, account, proof, at) for proof in proofs]
    still = [one for one in held if one is not None]
    if len(still) < len(held) or len(came_by) > 1:
        return None
    return next((one for one in still if one.credential_id is not None), Held())


def still_valid(connection: Connection, principal: Principal, at: datetime) -> bool:
    """Are account, credential and networks of `principal` still in order?"""
    if standing(connection, principal, at) is not Standing.GOOD:
        return False
    return all(
        _credential(connection, principal.account_id, factor, principal.credential_id, principal.address, at)
        for factor in principal.factors & {Factor.PUBLIC_KEY, Factor.DEVICE_PASSWORD}
    )


def used(connection: Connection, principal: Principal, client: str, at: datetime) -> None:
    """Note that the key or device was used, from where and by what program, at most once a minute."""
    if principal.credential_id is None:
        return
    table: type[Device | SshKey] = Device if Factor.DEVICE_PASSWORD in principal.factors else SshKey
    stale = or_(table.last_used_at.is_(None), table.last_used_at <= at - _USE_KNOWN_FOR)
    last = {"last_used_at": at, "last_address": principal.address, "last_client": client}
    connection.execute(update(table).where(table.id == principal.credential_id, stale).values(last))


def _reread_one(connection: Connection, account: AccountRow, proof: Proof, at: datetime) -> Held | None:
    if proof.factor is Factor.PASSWORD:
        return Held() if _is_stored(accounts.password_hash(connection, account.id), proof) else None
    if proof.factor is Factor.TOTP:
        spent = proof.step is not None and is_spent(connection, account.id, proof.step)
        return Held() if spent and _is_stored(accounts.totp_sealed(connection, account.id), proof) else None
    if proof.factor is Factor.RECOVERY_CODE:
        return Held() if recovery.is_spent(connection, account.id, proof.at) else None
    return _credential(connection, account.id, proof.factor, proof.credential_id, proof.address, at)


def _is_stored(stored: str | bytes | None, proof: Proof) -> bool:
    return stored is not None and digest_of(stored) == proof.held_against


def _credential(
    connection: Connection, account_id: int, factor: Factor, credential_id: int | None, address: str, at: datetime
) -> Held | None:
    if credential_id is None:
        return None
    get = devices.get if factor is Factor.DEVICE_PASSWORD else keys.get
    row = get(connection, account_id, credential_id)
    return Held(row.id, row.expires_at) if row is not None and row.objection(address, at) is None else None
