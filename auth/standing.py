"""Is a principal still in good standing: the account, its networks, and the key or device password it came by.

Called by `policy.access` whenever a scope is read and, for everybody who is connected, whenever something has changed:
so what ended since sign-in ends open sessions too [R19]. Thread-safe; raises sqlalchemy.exc.SQLAlchemyError alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from auth.models import Account, AccountNetwork, Device, SshKey
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
_ASKED_AT_ONCE = 500  # parameters of one statement are bounded


def standing(connection: Connection, principal: Principal, at: datetime) -> Standing:
    """How `principal` stands at `at`. An account that is not there has ended."""
    return standings(connection, [principal], at)[0]


def standings(connection: Connection, principals: Sequence[Principal], at: datetime) -> list[Standing]:
    """How each of `principals` stands at `at`, by a handful of queries for hundreds of them."""
    found: list[Standing] = []
    for start in range(0, len(principals), _ASKED_AT_ONCE):
        asked = principals[start : start + _ASKED_AT_ONCE]
        facts = _read(connection, asked)
        found += [_standing(facts, principal, at) for principal in asked]
    return found


@dataclass(frozen=True, slots=True)
class _Facts:
    """Rows by number: accounts, the networks that each is bound to, and credentials by kind."""

    accounts: Mapping[int, Any]
    networks: Mapping[int, list[str]]
    credentials: Mapping[type[Device | SshKey], Mapping[int, Any]]


def _read(connection: Connection, principals: Sequence[Principal]) -> _Facts:
    ids = {principal.account_id for principal in principals}
    accounts = connection.execute(
        select(Account.id, Account.state, Account.expires_at, Account.sessions_from).where(Account.id.in_(ids))
    )
    bound: dict[int, list[str]] = {}
    for row in connection.execute(select(AccountNetwork.__table__).where(AccountNetwork.account_id.in_(ids))):
        bound.setdefault(row.account_id, []).append(row.network)
    return _Facts(
        accounts={row.id: row for row in accounts},
        networks=bound,
        credentials={table: _credentials(connection, table, came_by) for table, came_by in _came_by(principals)},
    )


def _came_by(principals: Iterable[Principal]) -> Iterator[tuple[type[Device | SshKey], set[int]]]:
    """The credentials by which these came, by kind; a kind by which nobody came is not asked for."""
    came_by: dict[type[Device | SshKey], set[int]] = {}
    for principal in principals:
        if principal.credential_id is not None:
            came_by.setdefault(_kind_of(principal), set()).add(principal.credential_id)
    return iter(came_by.items())


def _kind_of(principal: Principal) -> type[Device | SshKey]:
    return Device if Factor.DEVICE_PASSWORD in principal.factors else SshKey


def _credentials(connection: Connection, table: type[Device | SshKey], ids: set[int]) -> dict[int, Any]:
    wanted = select(table.id, table.account_id, table.revoked_at, table.expires_at, table.suspended_at).where(
        table.id.in_(ids)
    )
    return {row.id: row for row in connection.execute(wanted)}


def _standing(facts: _Facts, principal: Principal, at: datetime) -> Standing:
    account = facts.accounts.get(principal.account_id)
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
    bound = facts.networks.get(principal.account_id)
    if bound and not inside(principal.address, bound):
        return Standing.OTHER_NETWORK
    return Standing.GOOD if _credential_holds(facts, principal, at) else Standing.CREDENTIAL_ENDED


def _credential_holds(facts: _Facts, principal: Principal, at: datetime) -> bool:
    if principal.credential_id is None:
        return True
    row = facts.credentials[_kind_of(principal)].get(principal.credential_id)
    return (
        row is not None
        and row.account_id == principal.account_id
        and row.revoked_at is None
        and row.suspended_at is None
        and (row.expires_at is None or at < row.expires_at)
    )
