"""Accounts: named people and service accounts, as [R11] and [R17] want them.

Called by the commands, the authenticator and `policy`. Functions take the caller's connection, within whose transaction
they act; who changes a standing here also bumps the counter that every process watches. Rows are never deleted, so a
short name is never given again. Raises OperatorError for what a person asked wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from auth import endings, former
from auth.addresses import AddressRules, check_address
from auth.labels import label
from auth.models import Account, AccountNetwork, AccountRole, Device, KnownPlace, RecoveryCode, SshKey
from auth.networks import canonical
from auth.principal import AccountState, Kind, Layout, StaffRole
from config.errors import OperatorError

SERVICE_LIFE = timedelta(days=400)
SERVICE_LIFE_ANYWHERE = timedelta(days=90)
PENDING_LIFE = timedelta(hours=1)

_USERNAME = re.compile(r"[a-z0-9][a-z0-9.-]{2,31}")
_LONGEST_TYPED = 254
_MOVES = {
    AccountState.INVITED: {AccountState.ACTIVE, AccountState.SUSPENDED, AccountState.LEFT},
    AccountState.ACTIVE: {AccountState.SUSPENDED, AccountState.LEFT},
    AccountState.SUSPENDED: {AccountState.INVITED, AccountState.ACTIVE, AccountState.LEFT},
    AccountState.LEFT: {AccountState.INVITED},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountRow:
    """An account as everything but the password check needs it: no hash, no secret. Times are aware UTC."""

    id: int
    kind: Kind
    username: str
    email: str | None
    name: str
    layout: Layout
    state: AccountState
    owner_id: int | None
    created_at: datetime
    expires_at: datetime | None
    has_password: bool
    has_totp: bool
    terms_accepted_at: datetime | None
    roles: frozenset[StaffRole]
    networks: tuple[str, ...]


def create_person(
    connection: Connection,
    *,
    username: str,
    email: str,
    name: str,
    at: datetime,
    rules: AddressRules,
    accepted_because: str | None = None,
    layout: Layout = Layout.SINGLE,
    roles: Iterable[StaffRole] = (),
    state: AccountState = AccountState.INVITED,
) -> int:
    """A named person; the new id. `accepted_because`: see `check_address`; the caller records it."""
    kept = check_address(email, rules, accepted_because)
    holder = connection.execute(select(Account.username, Account.state).where(Account.email == kept)).one_or_none()
    if holder is not None:
        raise OperatorError(f"{kept} belongs to the account {holder.username} ({holder.state}): use that one.")
    values = {"kind": Kind.PERSON, "email": kept, "layout": layout, "state": state, "created_at": at}
    account_id = _insert(connection, username, name, values)
    for role in set(roles):
        connection.execute(insert(AccountRole).values(account_id=account_id, role=role))
    return account_id


def create_service(
    connection: Connection,
    *,
    username: str,
    name: str,
    owner_id: int,
    networks: Iterable[str],
    expires_at: datetime,
    at: datetime,
    anywhere_because: str | None = None,
) -> int:
    """A script's account, owned by an active person; the new id. A service account always sees folders per school.

    Without `networks` it needs an officer's reason, which the caller records, and lives 90 days instead of 400.
    """
    _refuse_as_owner(connection, owner_id)
    bound = sorted({canonical(network) for network in networks})
    if not bound and not (anywhere_because or "").strip():
        raise OperatorError(
            "A service account is bound to networks: give --network, or --anywhere-because with a reason for none."
        )
    _refuse_as_expiry(expires_at, at, bound=bool(bound))
    values = {
        "kind": Kind.SERVICE,
        "layout": Layout.BY_SCHOOL,
        "state": AccountState.ACTIVE,
        "owner_id": owner_id,
        "created_at": at,
        "expires_at": expires_at,
    }
    account_id = _insert(connection, username, name, values)
    for network in bound:
        connection.execute(insert(AccountNetwork).values(account_id=account_id, network=network))
    return account_id


def check_username(username: str) -> None:
    """Raises OperatorError for what is not the form of a short name."""
    if not _USERNAME.fullmatch(username):
        raise OperatorError(
            f"'{username}' is not a short name: use 3 to 32 of a-z, 0-9, dot and hyphen, a letter or digit first."
        )


def plain_username(typed: str) -> str:
    r"""What was typed as a name, without `DOMAIN\\` and case; empty for what can be nobody's. Never raises."""
    plain = typed.rpartition("\\")[2].strip().lower()
    return plain if len(plain) <= _LONGEST_TYPED and plain.isprintable() and plain.isascii() else ""


def find(connection: Connection, typed: str) -> AccountRow | None:
    """The account with this short name or e-mail address, in any case."""
    plain = plain_username(typed)
    return _one(connection, (Account.email if "@" in plain else Account.username) == plain)


def get(connection: Connection, account_id: int) -> AccountRow | None:
    """The account with this id."""
    return _one(connection, Account.id == account_id)


def listing(connection: Connection) -> list[AccountRow]:
    """Every account, by short name."""
    roles: dict[int, set[StaffRole]] = {}
    for role in connection.execute(select(AccountRole.account_id, AccountRole.role)):
        roles.setdefault(role.account_id, set()).add(StaffRole(role.role))
    networks: dict[int, list[str]] = {}
    for network in connection.execute(select(AccountNetwork.account_id, AccountNetwork.network)):
        networks.setdefault(network.account_id, []).append(network.network)
    rows = connection.execute(select(Account.__table__).order_by(Account.username)).all()
    return [_account(row, roles.get(row.id, ()), networks.get(row.id, ())) for row in rows]


def set_state(connection: Connection, account_id: int, state: AccountState, at: datetime) -> None:
    """Move an account to another state. Leaving ends every credential; who has left comes back as invited."""
    account = get(connection, account_id)
    if account is None:
        raise OperatorError("There is no such account: see 'ladocs account list'.")
    if state is account.state:
        return
    if state not in _MOVES[account.state]:
        choices = ", ".join(sorted(_MOVES[account.state]))
        raise OperatorError(f"{account.username} is {account.state} and cannot become {state}: there are {choices}.")
    if former.is_pseudonym(account.username):
        raise OperatorError("Who left more than 24 months ago is forgotten: enter the person anew.")
    connection.execute(update(Account).where(Account.id == account_id).values(state=state))
    endings.end_sessions(connection, account_id, at)
    if state is AccountState.LEFT:
        _end_credentials(connection, account_id, at)


def set_layout(connection: Connection, account_id: int, layout: Layout) -> None:
    """The explicit act that changes a tree's shape [R6]; the caller tells the owner. Not for service accounts."""
    account = get(connection, account_id)
    if account is not None and account.kind is Kind.SERVICE and layout is not Layout.BY_SCHOOL:
        raise OperatorError("A service account always shows folders per school: its scripts count on it.")
    connection.execute(update(Account).where(Account.id == account_id).values(layout=layout))
    endings.end_trust(connection, account_id)


def password_hash(connection: Connection, account_id: int) -> str | None:
    """The stored hash, for `Passwords.verify` alone."""
    return connection.execute(select(Account.password_hash).where(Account.id == account_id)).scalar_one_or_none()


def set_password_hash(connection: Connection, account_id: int, stored: str | None, at: datetime) -> None:
    """Keep what `Passwords.hash` made; None takes the password away. Sessions, trust and links end."""
    connection.execute(update(Account).where(Account.id == account_id).values(password_hash=stored))
    endings.end_sessions(connection, account_id, at)


def set_first_password_hash(connection: Connection, account_id: int, stored: str) -> None:
    """As `set_password_hash`, for somebody invited: nothing is open that could end, and the invitation goes on."""
    invited = update(Account).where(Account.id == account_id, Account.state == AccountState.INVITED)
    connection.execute(invited.values(password_hash=stored))


def replace_password_hash(connection: Connection, account_id: int, old: str, stored: str) -> bool:
    """Keep a newer hash of the same password. False where another is stored since `old` was read."""
    unchanged = update(Account).where(Account.id == account_id, Account.password_hash == old)
    return connection.execute(unchanged.values(password_hash=stored)).rowcount == 1


def totp_sealed(connection: Connection, account_id: int) -> bytes | None:
    """The sealed TOTP secret, for `Totp.open` alone."""
    return connection.execute(select(Account.totp_sealed).where(Account.id == account_id)).scalar_one_or_none()


def set_totp_sealed(connection: Connection, account_id: int, sealed: bytes | None, at: datetime) -> None:
    """Keep what `Totp.seal` made; None takes the second factor away. Sessions, trust, links, recovery codes end."""
    values = {"totp_sealed": sealed, "totp_pending": None, "totp_pending_at": None}
    connection.execute(update(Account).where(Account.id == account_id).values(values))
    connection.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    endings.end_sessions(connection, account_id, at)


def totp_pending(connection: Connection, account_id: int, at: datetime) -> bytes | None:
    """The sealed secret that waits for its confirming code, for an hour at most."""
    fresh = (Account.id == account_id, Account.totp_pending_at > at - PENDING_LIFE)
    return connection.execute(select(Account.totp_pending).where(*fresh)).scalar_one_or_none()


def set_totp_pending(connection: Connection, account_id: int, sealed: bytes, at: datetime) -> None:
    """Keep what `Totp.seal` made until a code of it confirms that it arrived; the secret in use stays in use."""
    values = {"totp_pending": sealed, "totp_pending_at": at}
    connection.execute(update(Account).where(Account.id == account_id).values(values))


def scripts_of(connection: Connection, owner_id: int) -> list[AccountRow]:
    """The service accounts that a person owns and that have not ended, by short name."""
    owned = select(Account.id).where(Account.owner_id == owner_id, Account.state != AccountState.LEFT)
    found = (get(connection, one) for one in connection.execute(owned.order_by(Account.username)).scalars().all())
    return [account for account in found if account is not None]


def end_ownership(connection: Connection, account_id: int) -> None:
    """Nobody answers for a script any more: its owner has left, and does not get it back by returning [R17]."""
    connection.execute(update(Account).where(Account.id == account_id).values(owner_id=None))


def set_owner(connection: Connection, account_id: int, owner_id: int) -> None:
    """Hand a script over to another person, who answers for it from now on. Raises OperatorError."""
    account = get(connection, account_id)
    if account is None or account.kind is not Kind.SERVICE or account.state is AccountState.LEFT:
        raise OperatorError("Only a script's account has an owner: give the short name of one that has not ended.")
    _refuse_as_owner(connection, owner_id)
    connection.execute(update(Account).where(Account.id == account_id).values(owner_id=owner_id))


def set_expiry(connection: Connection, account_id: int, expires_at: datetime, at: datetime) -> None:
    """Let a script end at another time, within the life that a new one is given. Raises OperatorError."""
    _refuse_as_expiry(expires_at, at, bound=bool(networks_of(connection, account_id)))
    connection.execute(update(Account).where(Account.id == account_id).values(expires_at=expires_at))


def last_seen(connection: Connection, account_id: int) -> datetime | None:
    """When this account last signed in, at any door, as far as is remembered."""
    seen = select(func.max(KnownPlace.last_at)).where(KnownPlace.account_id == account_id)
    return connection.execute(seen).scalar_one_or_none()


def accept_terms(connection: Connection, account_id: int, at: datetime) -> None:
    """Note that the person accepted the terms of use."""
    connection.execute(update(Account).where(Account.id == account_id).values(terms_accepted_at=at))


def networks_of(connection: Connection, account_id: int) -> tuple[str, ...]:
    """The networks (CIDR) that an account is bound to; none for anywhere."""
    bound = select(AccountNetwork.network).where(AccountNetwork.account_id == account_id)
    return tuple(connection.execute(bound).scalars())


def set_networks(connection: Connection, account_id: int, networks: Iterable[str]) -> None:
    """Bind an account to other networks."""
    bound = sorted({canonical(network) for network in networks})
    connection.execute(delete(AccountNetwork).where(AccountNetwork.account_id == account_id))
    for network in bound:
        connection.execute(insert(AccountNetwork).values(account_id=account_id, network=network))


def _insert(connection: Connection, username: str, name: str, values: dict[str, Any]) -> int:
    check_username(username)
    name = label(name, "An account carries the name of a person or of what its script does: give --name.")
    taken = connection.execute(select(Account.state).where(Account.username == username)).scalar_one_or_none()
    if taken is None and former.was_given(connection, username):
        taken = AccountState.LEFT
    if taken is not None:
        raise OperatorError(f"The short name {username} was given before ({taken}) and never is again: take another.")
    row = insert(Account).values(username=username, name=name, **values).returning(Account.id)
    return connection.execute(row).scalar_one()


def _refuse_as_owner(connection: Connection, owner_id: int) -> None:
    owner = get(connection, owner_id)
    if owner is None or owner.kind is not Kind.PERSON or owner.state is not AccountState.ACTIVE:
        raise OperatorError("A service account is owned by a named person with an active account: give its short name.")


def _refuse_as_expiry(expires_at: datetime, at: datetime, *, bound: bool) -> None:
    longest = SERVICE_LIFE if bound else SERVICE_LIFE_ANYWHERE
    if not at < expires_at <= at + longest:
        latest = (at + longest).date().isoformat()
        raise OperatorError(f"This service account must end within {longest.days} days: give a day up to {latest}.")


def _end_credentials(connection: Connection, account_id: int, at: datetime) -> None:
    set_password_hash(connection, account_id, None, at)
    set_totp_sealed(connection, account_id, None, at)
    for table in (SshKey, Device):
        live = update(table).where(table.account_id == account_id, table.revoked_at.is_(None))
        connection.execute(live.values(revoked_at=at))
    connection.execute(delete(KnownPlace).where(KnownPlace.account_id == account_id))


def _one(connection: Connection, condition: Any) -> AccountRow | None:
    row = connection.execute(select(Account.__table__).where(condition)).one_or_none()
    account_id = row.id if row is not None else 0  # asked in vain too: unknown and known take the same
    roles = connection.execute(select(AccountRole.role).where(AccountRole.account_id == account_id)).scalars().all()
    networks = networks_of(connection, account_id)
    return None if row is None else _account(row, map(StaffRole, roles), networks)


def _account(row: Row[Any], roles: Iterable[StaffRole], networks: Iterable[str]) -> AccountRow:
    return AccountRow(
        id=row.id,
        kind=Kind(row.kind),
        username=row.username,
        email=row.email,
        name=row.name,
        layout=Layout(row.layout),
        state=AccountState(row.state),
        owner_id=row.owner_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
        has_password=row.password_hash is not None,
        has_totp=row.totp_sealed is not None,
        terms_accepted_at=row.terms_accepted_at,
        roles=frozenset(roles),
        networks=tuple(sorted(networks)),
    )
