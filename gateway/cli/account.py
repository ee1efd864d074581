"""`ladocs account add | list | show | grant | revoke | totp-reset`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import click
from sqlalchemy import Connection

from auth import accounts, devices, keys
from auth.accounts import SERVICE_LIFE, SERVICE_LIFE_ANYWHERE, AccountRow
from auth.principal import AccountState, Kind, Layout, StaffRole
from config.errors import OperatorError
from gateway.change import Change
from gateway.cli.credentials import Issued, print_issued
from gateway.cli.desk import (
    ADMINISTRATORS,
    ANYONE,
    DAY,
    Desk,
    HomeCommand,
    account_named,
    account_present,
    desk,
    last_day,
)
from gateway.cli.output import Row, counted, details, json_option, one_of, table
from gateway.issuing import issue_password, issue_totp
from policy import categories, membership, schools
from policy.access import HEADTEACHER, ROLES
from policy.audit.events import EventKind
from policy.membership import SERVICE_ROLE

_COLUMNS = ("username", "name", "kind", "state", "staff", "email", "expires_at")
_SCHOOLS = ("dfe", "name", "role", "categories")
_NO_SCHOOL = "This account belongs to no school."
_school_option = click.option("--school", metavar="DFE", help="A school that it belongs to, like 830-2001.")
_category_option = click.option("--category", "wanted", multiple=True, help="A category that it may read (repeatable).")


@click.command(cls=HomeCommand)
@click.argument("username")
@click.option("--name", required=True, help="Name of the person, or of what the script does.")
@click.option("--email", help="A person's own work address.")
@click.option("--accept-because", metavar="REASON", help="Take an address that looks like a role's or private.")
@_school_option
@click.option("--role", type=click.Choice(ROLES, case_sensitive=False), help="A person's role in that school.")
@_category_option
@click.option("--layout", type=one_of(Layout), help="A person's tree: one school, or a folder per school.")
@click.option("--staff", type=one_of(StaffRole), multiple=True, help="A role in the authority itself.")
@click.option("--service", "owner", metavar="OWNER", help="A script's account, owned by this person.")
@click.option("--network", "networks", metavar="CIDR", multiple=True, help="Network of a script (repeatable).")
@click.option("--anywhere-because", metavar="REASON", help="Why a script is bound to no network: 90 days at most.")
@click.option("--until", type=DAY, help="Last day of a script's account.")
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    username: str,
    name: str,
    email: str | None,
    accept_because: str | None,
    school: str | None,
    role: str | None,
    wanted: tuple[str, ...],
    layout: str | None,
    staff: tuple[str, ...],
    owner: str | None,
    networks: tuple[str, ...],
    anywhere_because: str | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Enter a person, whose password and code secret are shown once, or with --service a script.

    A script then needs a key ('ladocs key add') or a device password ('ladocs device add'). Further schools are given
    with 'ladocs account grant'.
    """
    if school is not None and owner is None and role is None:
        raise OperatorError("Somebody of a school has a role there: give --role, like SENCO.", exit_status=2)
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        if owner is not None:
            _refuse("--service", email=email, role=role, staff=staff, layout=layout, accept_because=accept_because)
            account = _add_service(change, username, name, owner, networks, anywhere_because, until)
        else:
            _refuse("a person", network=networks, anywhere_because=anywhere_because, until=until)
            account = _add_person(here, change, username, name, email, accept_because, layout, staff)
        if school is not None:
            _belong(change, account, school, SERVICE_ROLE if owner else role, wanted)
        elif role or wanted:
            raise OperatorError(
                "A role and categories belong to a school: give --school, like 830-2001.", exit_status=2
            )
        if owner is not None:
            issued = Issued(account.username)
        else:
            password = issue_password(here.core, change, account)
            totp = issue_totp(here.core, change, account)
            issued = Issued(account.username, password=password, totp_secret=totp)
    print_issued(here.core, issued, as_json=as_json)


@click.command(name="list", cls=HomeCommand)
@_school_option
@json_option
@click.pass_context
def list_(ctx: click.Context, school: str | None, as_json: bool) -> None:
    """List the accounts, by short name."""
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        found = accounts.listing(connection)
        if school is not None:
            at = schools.find(connection, school)
            wanted = {member.username for member in membership.members(connection, at.id, here.core.clock.now())}
            found = [account for account in found if account.username in wanted]
    table([_row(account) for account in found], _COLUMNS, as_json=as_json)


@click.command(cls=HomeCommand)
@click.argument("username")
@json_option
@click.pass_context
def show(ctx: click.Context, username: str, as_json: bool) -> None:
    """Show an account: its schools, categories, keys and device passwords."""
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        account = account_named(connection, username)
        owner = accounts.get(connection, account.owner_id) if account.owner_id else None
        row = {
            **_row(account),
            "layout": account.layout.value,
            "owner": owner.username if owner else None,
            "networks": account.networks,
            "created_at": account.created_at,
            "password": account.has_password,
            "one_time_codes": account.has_totp,
            "keys": sum(key.revoked_at is None for key in keys.listing(connection, account.id)),
            "devices": sum(device.revoked_at is None for device in devices.listing(connection, account.id)),
        }
        belonging = _schools(connection, account, here.core.clock.now())
    if as_json:
        details({**row, "schools": belonging}, as_json=True)
        return
    details(row, as_json=False)
    table(belonging, _SCHOOLS, as_json=False, nothing=_NO_SCHOOL)


@click.command(cls=HomeCommand)
@click.argument("username")
@click.option("--school", metavar="DFE", required=True, help="The school, like 830-2001.")
@click.option("--role", type=click.Choice(ROLES, case_sensitive=False), help="The role in it; another one there ends.")
@_category_option
@click.option("--until", type=DAY, help="Last day of these categories.")
@click.option("--layout", type=one_of(Layout), help="Change the shape of the tree: drives must be connected anew.")
@json_option
@click.pass_context
def grant(
    ctx: click.Context,
    username: str,
    school: str,
    role: str | None,
    wanted: tuple[str, ...],
    until: datetime | None,
    layout: str | None,
    as_json: bool,
) -> None:
    """Give an account a role or categories in a school. A headteacher holds all categories."""
    if not (role or wanted or layout):
        raise OperatorError("Say what to grant: --role, --category or --layout.", exit_status=2)
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_present(change.connection, username)
        if layout is not None:
            _lay_out(change, account, Layout(layout))
        if role is None and account.kind is Kind.SERVICE:
            role = SERVICE_ROLE
        _belong(change, account, school, role, wanted, until)
        rows = _schools(change.connection, account, change.at)
    table(rows, _SCHOOLS, as_json=as_json, nothing=_NO_SCHOOL)


@click.command(cls=HomeCommand)
@click.argument("username")
@click.option("--school", metavar="DFE", required=True, help="The school, like 830-2001.")
@click.option("--category", "wanted", multiple=True, help="End this category alone (repeatable).")
@json_option
@click.pass_context
def revoke(ctx: click.Context, username: str, school: str, wanted: tuple[str, ...], as_json: bool) -> None:
    """End categories of a school, or without --category everything there. Open sessions notice within 5 seconds."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        connection = change.connection
        account, at = account_named(connection, username), schools.find(connection, school)
        held = next(
            (one for one in membership.belongings(connection, account.id, change.at) if one.dfe == at.dfe), None
        )
        if held is None:
            raise OperatorError(f"{account.username} does not belong to {at.dfe}: see 'ladocs account show'.")
        if not wanted:
            membership.leave(connection, account.id, at.id, change.at)
            change.record(EventKind.ACCESS_REVOKED, f"account:{account.id}", school=at.id, reason=f"role {held.role}")
        names = categories.names(connection)
        for category in [categories.find(connection, name) for name in wanted]:
            reason = f"category {names[category]}"
            if not membership.revoke(connection, account.id, at.id, category, change.at):
                because = " (a headteacher holds all)" if held.role == HEADTEACHER else ""
                raise OperatorError(
                    f"{account.username} has no grant of {names[category]} in {at.dfe}{because}: nothing was ended."
                )
            change.record(EventKind.ACCESS_REVOKED, f"account:{account.id}", school=at.id, reason=reason)
        rows = _schools(change.connection, account, change.at)
    table(rows, _SCHOOLS, as_json=as_json, nothing=_NO_SCHOOL)


@click.command(name="totp-reset", cls=HomeCommand)
@click.argument("username")
@json_option
@click.pass_context
def totp_reset(ctx: click.Context, username: str, as_json: bool) -> None:
    """Give a person a new secret for one-time codes, shown once; the old one ends."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_present(change.connection, username)
        if account.kind is Kind.SERVICE:
            raise OperatorError(f"{account.username} is a script's and has no one-time codes: only people have them.")
        issued = Issued(account.username, totp_secret=issue_totp(here.core, change, account))
    print_issued(here.core, issued, as_json=as_json)


def _add_person(
    here: Desk,
    change: Change,
    username: str,
    name: str,
    email: str | None,
    accept_because: str | None,
    layout: str | None,
    staff: Sequence[str],
) -> AccountRow:
    if email is None:
        raise OperatorError("A person has a work address: give --email name.surname@school.example.", exit_status=2)
    account_id = accounts.create_person(
        change.connection,
        username=username,
        email=email,
        name=name,
        at=change.at,
        rules=here.core.addresses,
        accepted_because=accept_because,
        layout=Layout(layout or Layout.SINGLE),
        roles=[StaffRole(role) for role in staff],
        state=AccountState.ACTIVE,
    )
    reason = ", ".join(filter(None, ["person added", *staff, accept_because]))
    change.record(EventKind.ACCOUNT_CHANGED, f"account:{account_id}", reason=reason)
    return _get(change.connection, account_id)


def _add_service(
    change: Change,
    username: str,
    name: str,
    owner: str,
    networks: Sequence[str],
    anywhere_because: str | None,
    until: datetime | None,
) -> AccountRow:
    life = SERVICE_LIFE if networks else SERVICE_LIFE_ANYWHERE
    account_id = accounts.create_service(
        change.connection,
        username=username,
        name=name,
        owner_id=account_named(change.connection, owner).id,
        networks=networks,
        expires_at=until or change.at + life - timedelta(days=1),
        at=change.at,
        anywhere_because=anywhere_because,
    )
    reason = ", ".join(filter(None, ["service account added", *networks, anywhere_because]))
    change.record(EventKind.ACCOUNT_CHANGED, f"account:{account_id}", reason=reason)
    return _get(change.connection, account_id)


def _belong(
    change: Change,
    account: AccountRow,
    school: str,
    role: str | None,
    wanted: Sequence[str],
    until: datetime | None = None,
) -> None:
    """Join the school where a role is given, then grant the categories."""
    if until is not None and not wanted:
        raise OperatorError("--until is the last day of categories: name them with --category.", exit_status=2)
    connection = change.connection
    if account.roles:
        raise OperatorError(f"{account.username} is of the authority, and such accounts belong to no school.")
    at = schools.find(connection, school)
    if role is not None:
        membership.join(connection, account.id, at.id, role, change.at)
        change.record(EventKind.ACCESS_GRANTED, f"account:{account.id}", school=at.id, reason=f"role {role}")
    names = categories.names(connection)
    for category in [categories.find(connection, name) for name in wanted]:
        membership.grant(connection, account.id, at.id, category, change.at, until)
        reason = f"category {names[category]}" + (f" until {last_day(until)}" if until else "")
        change.record(EventKind.ACCESS_GRANTED, f"account:{account.id}", school=at.id, reason=reason)


def _lay_out(change: Change, account: AccountRow, layout: Layout) -> None:
    """Change the shape of an account's tree."""
    held = membership.belongings(change.connection, account.id, change.at)
    if layout is Layout.SINGLE and len(held) > 1:
        raise OperatorError(
            f"{account.username} has {counted(len(held), 'school')}, which need a folder each: revoke the others first."
        )
    accounts.set_layout(change.connection, account.id, layout)
    change.record(EventKind.ACCOUNT_CHANGED, f"account:{account.id}", reason=f"layout {layout}")


def _schools(connection: Connection, account: AccountRow, at: datetime) -> list[Row]:
    return [
        {"dfe": one.dfe, "name": one.school, "role": one.role, "categories": one.categories}
        for one in membership.belongings(connection, account.id, at)
    ]


def _refuse(what: str, **given: object) -> None:
    for option, value in given.items():
        if value:
            raise OperatorError(f"--{option.replace('_', '-')} does not go with {what}.", exit_status=2)


def _get(connection: Connection, account_id: int) -> AccountRow:
    account = accounts.get(connection, account_id)
    assert account is not None, "it was entered just now"
    return account


def _row(account: AccountRow) -> dict[str, object]:
    return {
        "username": account.username,
        "name": account.name,
        "kind": account.kind.value,
        "state": account.state.value,
        "staff": sorted(account.roles),
        "email": account.email,
        "expires_at": account.expires_at,
    }
