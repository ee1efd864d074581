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
from policy import categories, membership, roster, schools
from policy.access import HEADTEACHER
from policy.audit.events import EventKind
from policy.roster import Belonging
from policy.schools import SchoolRow
from policy.staffing import Act

ACTING = "role acting Headteacher"
"""How standing in for a headteacher is called in the record."""


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
    *,
    role_until: datetime | None = None,
    begins_at: datetime | None = None,
    until: datetime | None = None,
    because: str = "",
) -> None:
    """Join the school with this number where a role is given, then grant the categories of these names [R21].

    `begins_at` and `until` are of the categories; a role begins at once.
    """
    connection, by, why = change.connection, change.actor, because.strip()
    at = schools.find(connection, school)
    if role is not None:
        change.require(Act.CHANGE_HEADTEACHER if role == HEADTEACHER else Act.GIVE_ROLE, account.id, at.id)
        membership.join(connection, account.id, at.id, role, change.at, until=role_until, given_by=by, why=why)
        _granted(change, account, at.id, f"role {role}", role_until, why)
    names = categories.names(connection)
    for category in [categories.find(connection, name) for name in wanted]:
        change.require(Act.GRANT, account.id, at.id)
        membership.grant(
            connection, account.id, at.id, category, change.at, until, begins_at=begins_at, given_by=by, why=why
        )
        _granted(change, account, at.id, f"category {names[category]}", until, why, begins_at)


def stand_in(
    change: Change,
    account: AccountRow,
    school: str,
    *,
    until: datetime,
    because: str,
    begins_at: datetime | None = None,
) -> None:
    """Make somebody the acting headteacher of the school with this number until `until` [R21]."""
    if not because.strip():
        raise OperatorError("Whoever stands in for a headteacher does so for a reason: give --because.")
    at, why = schools.find(change.connection, school), because.strip()
    change.require(Act.CHANGE_HEADTEACHER, account.id, at.id)
    membership.stand_in(
        change.connection,
        account.id,
        at.id,
        change.at,
        until=until,
        begins_at=begins_at,
        given_by=change.actor,
        why=why,
    )
    _granted(change, account, at.id, ACTING, until, why, begins_at)


def step_back(change: Change, account: AccountRow, school: SchoolRow) -> None:
    """End somebody's standing in for the headteacher of a school before its time; the role beside it stays."""
    change.require(Act.CHANGE_HEADTEACHER, account.id, school.id)
    if not membership.step_back(change.connection, account.id, school.id, change.at):
        raise OperatorError(f"{account.username} does not stand in for the headteacher of {school.dfe}.")
    change.record(EventKind.ACCESS_REVOKED, f"account:{account.id}", school=school.id, reason=ACTING)


def part(change: Change, account: AccountRow, school: SchoolRow) -> None:
    """End all that somebody holds in a school."""
    held = _held(change, account, school)
    change.require(Act.REMOVE, account.id, school.id)
    membership.leave(change.connection, account.id, school.id, change.at)
    change.record(EventKind.ACCESS_REVOKED, f"account:{account.id}", school=school.id, reason=f"role {held.role}")


def withdraw(change: Change, account: AccountRow, school: SchoolRow, wanted: Sequence[str]) -> None:
    """End somebody's grants of the categories of these names in a school."""
    held, names = _held(change, account, school), categories.names(change.connection)
    for category in [categories.find(change.connection, name) for name in wanted]:
        change.require(Act.REVOKE, account.id, school.id)
        if not membership.revoke(change.connection, account.id, school.id, category, change.at):
            because = " (a headteacher holds all)" if held.role == HEADTEACHER else ""
            raise OperatorError(
                f"{account.username} has no grant of {names[category]} in {school.dfe}{because}: nothing was ended."
            )
        reason = f"category {names[category]}"
        change.record(EventKind.ACCESS_REVOKED, f"account:{account.id}", school=school.id, reason=reason)


def lay_out(core: Core, change: Change, account: AccountRow, layout: Layout) -> None:
    """Change the shape of an account's tree, and tell its owner by mail: drives have to be connected anew [R6]."""
    held = roster.belongings(change.connection, account.id, change.at)
    if layout is Layout.SINGLE and len(held) > 1:
        raise OperatorError(
            f"{account.username} has {len(held)} schools, which need a folder each: revoke the others first."
        )
    accounts.set_layout(change.connection, account.id, layout)
    change.record(EventKind.ACCOUNT_CHANGED, f"account:{account.id}", reason=f"layout {layout}")
    if layout is not account.layout:
        tell(core, change, account, MailKind.LAYOUT_CHANGED, layout=layout.value)


def _held(change: Change, account: AccountRow, school: SchoolRow) -> Belonging:
    held = roster.belongings(change.connection, account.id, change.at)
    found = next((one for one in held if one.school_id == school.id), None)
    if found is None:
        raise OperatorError(f"{account.username} does not belong to {school.dfe}: see 'ladocs account show'.")
    return found


def _granted(
    change: Change,
    account: AccountRow,
    school_id: int,
    what: str,
    until: datetime | None,
    because: str,
    begins_at: datetime | None = None,
) -> None:
    first = "" if begins_at is None else f" from {london_date(begins_at)}"
    last = "" if until is None else f" until {london_date(until - timedelta(microseconds=1))}"
    reason = f"{what}{first}{last}{f': {because}' if because else ''}"
    change.record(EventKind.ACCESS_GRANTED, f"account:{account.id}", school=school_id, reason=reason)


def _entered(change: Change, account_id: int) -> AccountRow:
    account = accounts.get(change.connection, account_id)
    assert account is not None, "it was entered just now"
    return account
