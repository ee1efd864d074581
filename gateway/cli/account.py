"""`ladocs account add | list | show | grant | revoke`: who there is, and who may what, by whom and why."""

from __future__ import annotations

from datetime import datetime

import click
from sqlalchemy import Connection

from auth import accounts, devices, keys, recovery, trust
from auth.accounts import AccountRow
from auth.principal import Kind, Layout, StaffRole
from config.errors import OperatorError
from gateway.admission import belong, enter_person, enter_service, lay_out, part, stand_in, step_back, withdraw
from gateway.cli.desk import (
    ADMINISTRATORS,
    ANYONE,
    DAY,
    Desk,
    HomeCommand,
    account_named,
    account_present,
    day_begins,
    desk,
    last_day,
    role_shown,
)
from gateway.cli.output import Row, details, json_option, one_of, table
from gateway.staffing import end_trust, invite
from policy import roster, schools
from policy.access import ROLES
from policy.membership import SERVICE_ROLE

_COLUMNS = ("username", "name", "kind", "state", "staff", "email", "expires_at")
_SCHOOLS = ("dfe", "name", "role", "categories")
_GIVEN = ("dfe", "what", "since", "until", "given_by", "because")
_TRUST = ("place", "by", "since", "until")
_NO_SCHOOL = "This account belongs to no school."
_school_option = click.option("--school", metavar="DFE", help="A school that it belongs to, like 830-2001.")
_category_option = click.option("--category", "wanted", multiple=True, help="A category that it may read (repeatable).")

_because_option = click.option("--because", metavar="REASON", help="Why, for the record and 'account show'.")


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
@_because_option
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
    because: str | None,
    as_json: bool,
) -> None:
    """Enter a person, who is mailed an invitation, or with --service a script.

    The person chooses the password and sets up one-time codes by the link in the mail. A script then needs a key
    ('ladocs key add') or a device password ('ladocs device add'). Further schools: 'ladocs account grant'.
    """
    if school is not None and owner is None and role is None:
        raise OperatorError("Somebody of a school has a role there: give --role, like SENCO.", exit_status=2)
    if school is None and (role or wanted or because):
        raise OperatorError(
            "A role, categories and --because belong to a school: give --school, like 830-2001.", exit_status=2
        )
    if school is not None and staff:
        raise OperatorError(
            "Somebody of the authority belongs to no school: leave --school or --staff out.", exit_status=2
        )
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        if owner is not None:
            _refuse("--service", email=email, role=role, staff=staff, layout=layout, accept_because=accept_because)
            account = enter_service(
                change,
                username=username,
                name=name,
                owner=account_named(change.connection, owner),
                networks=networks,
                anywhere_because=anywhere_because,
                until=until,
            )
        else:
            _refuse("a person", network=networks, anywhere_because=anywhere_because, until=until)
            if email is None:
                raise OperatorError("A person has a work address: give --email name@school.example.", exit_status=2)
            account = enter_person(
                here.core,
                change,
                username=username,
                name=name,
                email=email,
                accept_because=accept_because,
                layout=Layout(layout or Layout.SINGLE),
                staff=[StaffRole(one) for one in staff],
            )
        if school is not None:
            belong(change, account, school, SERVICE_ROLE if owner else role, wanted, because=because or "")
        if owner is None:
            invite(here.core, change, account)
    row = {"username": account.username, "state": account.state.value, "invitation": account.email}
    details(row, as_json=as_json)
    if owner is None:
        click.echo("The invitation is mailed within a minute by 'ladocs serve'; it is good for 14 days.", err=True)


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
            wanted = {member.username for member in roster.members(connection, at.id, here.core.clock.now())}
            found = [account for account in found if account.username in wanted]
    table([_row(account) for account in found], _COLUMNS, as_json=as_json)


@click.command(cls=HomeCommand)
@click.argument("username")
@json_option
@click.pass_context
def show(ctx: click.Context, username: str, as_json: bool) -> None:
    """Show an account: schools and categories, by whom they were given, why and until when; what it signs in with.

    Last the places from which no code is asked for.
    """
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
            "recovery_codes_left": recovery.left(connection, account.id),
            "terms_accepted_at": account.terms_accepted_at,
            "keys": sum(key.revoked_at is None for key in keys.listing(connection, account.id)),
            "devices": sum(device.revoked_at is None for device in devices.listing(connection, account.id)),
            "last_sign_in_at": accounts.last_seen(connection, account.id),
        }
        scripts = [script.username for script in accounts.scripts_of(connection, account.id)]
        at = here.core.clock.now()
        belonging, given = _schools(connection, account, at), _given(connection, account, at)
        trusted = _trusted(here, connection, account)
    if as_json:
        details({**row, "scripts": scripts, "schools": belonging, "given": given, "trust": trusted}, as_json=True)
        return
    details({**row, "scripts": scripts}, as_json=False)
    table(belonging, _SCHOOLS, as_json=False, nothing=_NO_SCHOOL)
    if given:
        table(given, _GIVEN, as_json=False)
    table(trusted, _TRUST, as_json=False, nothing="It is asked for a code everywhere.")


@click.command(cls=HomeCommand)
@click.argument("username")
@click.option("--school", metavar="DFE", required=True, help="The school, like 830-2001.")
@click.option("--role", type=click.Choice(ROLES, case_sensitive=False), help="The role in it; another one there ends.")
@_category_option
@click.option("--acting", is_flag=True, help="The headteacher's rights for a time, beside the role held there.")
@click.option("--from", "first", type=DAY, help="First day of what is given, unless that is today.")
@click.option("--until", type=DAY, help="Last day of what is given.")
@_because_option
@click.option("--layout", type=one_of(Layout), help="Change the shape of the tree: drives must be connected anew.")
@json_option
@click.pass_context
def grant(
    ctx: click.Context,
    username: str,
    school: str,
    role: str | None,
    wanted: tuple[str, ...],
    acting: bool,
    first: datetime | None,
    until: datetime | None,
    because: str | None,
    layout: str | None,
    as_json: bool,
) -> None:
    """Give an account a role or categories in a school. A headteacher holds all categories.

    With --acting --until DAY --because REASON somebody stands in for the headteacher up to that day, and then holds
    again what was held before. A role begins at once; categories and standing in may begin on a later day.
    """
    if not (role or wanted or layout or acting):
        raise OperatorError("Say what to grant: --role, --category, --acting or --layout.", exit_status=2)
    if acting and (role or wanted or until is None or not (because or "").strip()):
        raise OperatorError(
            "Whoever stands in for a headteacher does so to a day and for a reason, with all categories:"
            " give --acting --until DAY --because REASON alone.",
            exit_status=2,
        )
    if (until or because) and not (role or wanted or acting):
        raise OperatorError("--until and --because go with --role, --category or --acting.", exit_status=2)
    if first is not None and (role or not (wanted or acting)):
        raise OperatorError(
            "A role begins at once: --from goes with --category or --acting, without --role.", exit_status=2
        )
    begins_at = day_begins(first)
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_present(change.connection, username)
        if layout is not None:
            lay_out(here.core, change, account, Layout(layout))
        if acting and until is not None:
            stand_in(change, account, school, until=until, because=because or "", begins_at=begins_at)
        else:
            belong(
                change,
                account,
                school,
                SERVICE_ROLE if role is None and account.kind is Kind.SERVICE else role,
                wanted,
                role_until=until if role else None,
                begins_at=begins_at,
                until=until,
                because=because or "",
            )
        rows = _schools(change.connection, account, change.at)
    table(rows, _SCHOOLS, as_json=as_json, nothing=_NO_SCHOOL)


@click.command(cls=HomeCommand)
@click.argument("username")
@click.option("--school", metavar="DFE", help="The school, like 830-2001.")
@click.option("--category", "wanted", multiple=True, help="End this category alone (repeatable).")
@click.option("--acting", is_flag=True, help="End standing in for the headteacher alone.")
@click.option("--trust", "trusted", is_flag=True, help="Instead: ask for a one-time code everywhere again.")
@json_option
@click.pass_context
def revoke(
    ctx: click.Context,
    username: str,
    school: str | None,
    wanted: tuple[str, ...],
    acting: bool,
    trusted: bool,
    as_json: bool,
) -> None:
    """End categories of a school, or without --category everything there. Open sessions notice within 5 seconds.

    With --trust the places end from which no code is asked for, and no access.
    """
    if trusted == (school is not None) or (trusted and (wanted or acting)) or (wanted and acting):
        raise OperatorError(
            "Say what to end: --school DFE, with or without --category or --acting, or --trust.", exit_status=2
        )
    if school is None:
        _revoke_trust(ctx, username, as_json=as_json)
        return
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account, at = account_named(change.connection, username), schools.find(change.connection, school)
        if acting:
            step_back(change, account, at)
        elif wanted:
            withdraw(change, account, at, wanted)
        else:
            part(change, account, at)
        rows = _schools(change.connection, account, change.at)
    table(rows, _SCHOOLS, as_json=as_json, nothing=_NO_SCHOOL)


def _revoke_trust(ctx: click.Context, username: str, *, as_json: bool) -> None:
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_named(change.connection, username)
        ended = end_trust(here.core, change, account)
    details({"username": account.username, "places_forgotten": ended}, as_json=as_json)


def _trusted(here: Desk, connection: Connection, account: AccountRow) -> list[Row]:
    return [
        {"place": one.place, "by": one.by.value, "since": one.since, "until": one.until}
        for one in trust.listing(connection, account.id, here.core.clock.now())
    ]


def _schools(connection: Connection, account: AccountRow, at: datetime) -> list[Row]:
    return [
        {"dfe": one.dfe, "name": one.school, "role": role_shown(one), "categories": one.categories}
        for one in roster.belongings(connection, account.id, at)
    ]


def _given(connection: Connection, account: AccountRow, at: datetime) -> list[Row]:
    return [
        {
            "dfe": one.dfe,
            "what": one.what,
            "since": one.since,
            "until": None if one.until is None else last_day(one.until),
            "given_by": one.given_by,
            "because": one.why,
        }
        for one in roster.given(connection, account.id, at)
    ]


def _refuse(what: str, **given: object) -> None:
    for option, value in given.items():
        if value:
            raise OperatorError(f"--{option.replace('_', '-')} does not go with {what}.", exit_status=2)


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
