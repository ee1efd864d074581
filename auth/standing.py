"""Is a principal still in good standing: the account, its networks, and the key or device password it came by.

Called by `policy.access` whenever a scope is read, so that what ended since sign-in ends open sessions too [R19].
Thread-safe; raises sqlalchemy.exc.SQLAlchemyError alone.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select

from auth import accounts
from auth.models import Account, Device, SshKey
from auth.networks import inside
from auth.principal import AccountState, Factor, Principal


class Standing(StrEnum):
    """The first thing that is not in order, or GOOD."""

    GOOD = "good"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    ENDED = "ended"
    OTHER_NETWORK = "other network"
    CREDENTIAL_ENDED = "credential ended"


_OF_A_PERSON = frozenset({Factor.PASSWORD, Factor.TOTP, Factor.RECOVERY_CODE, Factor.TRUST})
_STATES = {AccountState.ACTIVE: Standing.GOOD, AccountState.SUSPENDED: Standing.SUSPENDED}


def standing(connection: Connection, principal: Principal, at: datetime) -> Standing:
    """How `principal` stands at `at`. An account that is not there has ended."""
    account = connection.execute(
        select(Account.state, Account.expires_at, Account.sessions_from).where(Account.id == principal.account_id)
    ).one_or_none()
    if account is None:
        return Standing.ENDED
    state = _STATES.get(AccountState(account.state), Standing.ENDED)
    if state is not Standing.GOOD:
        return state
    if account.expires_at is not None and at >= account.expires_at:
        return Standing.EXPIRED
    older = account.sessions_from is not None and principal.authenticated_at < account.sessions_from
    if older and principal.factors & _OF_A_PERSON:
        return Standing.CREDENTIAL_ENDED
    bound = accounts.networks_of(connection, principal.account_id)
    if bound and not inside(principal.address, bound):
        return Standing.OTHER_NETWORK
    return Standing.GOOD if _credential_holds(connection, principal, at) else Standing.CREDENTIAL_ENDED


def _credential_holds(connection: Connection, principal: Principal, at: datetime) -> bool:
    if principal.credential_id is None:
        return True
    table: type[Device | SshKey] = Device if Factor.DEVICE_PASSWORD in principal.factors else SshKey
    row = connection.execute(
        select(table.revoked_at, table.expires_at).where(
            table.id == principal.credential_id, table.account_id == principal.account_id
        )
    ).one_or_none()
    return row is not None and row.revoked_at is None and (row.expires_at is None or at < row.expires_at)
