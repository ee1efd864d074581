"""Entering people and scripts, and what they are given in schools: the acts of an administrator [R5] [R11] [R17].

Called by the commands, within a change; everything is recorded. Thread-safe. Raises OperatorError for what was asked
wrongly, and then the change is to be given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from auth import accounts
from auth.accounts import SERVICE_LIFE, SERVICE_LIFE_ANYWHERE, AccountRow
from auth.principal import Layout, StaffRole
from config.clock import london_date
from config.errors import OperatorError
from gateway.change import Change
from gateway.core import Core
from gateway.mail.outbox import MailKind
from gateway.telling import tell
from policy import categories, membership, schools
from policy.audit.events import EventKind


def enter_person(
    core: Core,
    change: Change,
    *,
    username: str,
    name: str,
    email: str,
    accept_because: str | None = None,
    layout: Layout = Layout.SINGLE,
    staff: Sequence[StaffRole] = (),
) -> AccountRow:
    """A person, who is not active before an invitation was accepted."""
    account_id = accounts.create_person(
        change.connection,
        username=username,
        email=email,
        name=name,
        at=change.at,
        rules=core.addresses,
        accepted_because=accept_because,
        layout=layout,
        roles=staff,
    )
    reason = ", ".join(filter(None, ["person added", *staff, accept_because]))
    change.record(EventKind.ACCOUNT_CHANGED, f"account:{account_id}", reason=reason)
    return _entered(change, account_id)


def enter_service(
    change: Change,
    *,
    username: str,
    name: str,
    owner: AccountRow,
    networks: Sequence[str],
    anywhere_because: str | None,
    until: datetime | None,
) -> AccountRow:
    """A script's account, active at once; it has nothing to sign in with yet."""
    life = SERVICE_LIFE if networks else SERVICE_LIFE_ANYWHERE
    account_id = accounts.create_service(
        change.connection,
        username=username,
        name=name,
        owner_id=owner.id,
        networks=networks,
        expires_at=until or change.at + life - timedelta(days=1),
        at=change.at,
        anywhere_because=anywhere_because,
    )
    reason = ", ".join(filter(None, ["service account added", *networks, anywhere_because]))
    change.record(EventKind.ACCOUNT_CHANGED, f"account:{account_id}", reason=reason)
    return _entered(change, account_id)


def belong(
    change: Change,
    account: AccountRow,
    school: str,
    role: str | None,
    wanted: Sequence[str],
    until: datetime | None = None,
) -> None:
    """Join the school with this number where a role is given, then grant the categories of these names."""
    connection = change.connection
    if account.roles:
        raise OperatorError(f"{account.username} is of the authority, and such accounts belong to no school.")
    at = schools.find(connection, school)
    if role is not None:
        membership.join(connection, account.id, at.id, role, change.at)
        change.record(EventKind.ACCESS_GRANTED, f"account:{account.id}", school=at.id, reason=f"role {role}")
    names = categories.names(connection)
    last = "" if until is None else f" until {london_date(until - timedelta(microseconds=1))}"
    for category in [categories.find(connection, name) for name in wanted]:
        membership.grant(connection, account.id, at.id, category, change.at, until)
        reason = f"category {names[category]}{last}"
        change.record(EventKind.ACCESS_GRANTED, f"account:{account.id}", school=at.id, reason=reason)


def lay_out(core: Core, change: Change, account: AccountRow, layout: Layout) -> None:
    """Change the shape of an account's tree, and tell its owner by mail: drives have to be connected anew [R6]."""
    held = membership.belongings(change.connection, account.id, change.at)
    if layout is Layout.SINGLE and len(held) > 1:
        raise OperatorError(
            f"{account.username} has {len(held)} schools, which need a folder each: revoke the others first."
        )
    accounts.set_layout(change.connection, account.id, layout)
    change.record(EventKind.ACCOUNT_CHANGED, f"account:{account.id}", reason=f"layout {layout}")
    if layout is not account.layout:
        tell(core, change, account, MailKind.LAYOUT_CHANGED, layout=layout.value)


def _entered(change: Change, account_id: int) -> AccountRow:
    account = accounts.get(change.connection, account_id)
    assert account is not None, "it was entered just now"
    return account
