"""`ladocs account invite | activate | suspend | leave | hand-over | unlock | password-reset | totp-reset`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click
from sqlalchemy import Connection

from auth import accounts
from auth.accounts import AccountRow
from auth.principal import AccountState, Kind
from config.clock import london_date
from config.errors import OperatorError
from gateway import staffing
from gateway.cli.desk import ADMINISTRATORS, DAY, Desk, HomeCommand, account_named, account_present, desk
from gateway.cli.output import Row, counted, details, json_option, table
from gateway.staffing import Orphan
from policy import roster, schools

_INVITED = ("username", "name", "email")
_ORPHANS = ("script", "last_day", "headteachers_told", "without_headteacher")


@click.command(cls=HomeCommand)
@click.argument("usernames", nargs=-1)
@click.option("--school", metavar="DFE", help="Everybody of this school who was not invited yet.")
@click.option("--all", "everybody", is_flag=True, help="Everybody who was not invited yet.")
@click.option("--again", is_flag=True, help="With --school or --all: also those whose invitation was not used.")
@click.option("--limit", type=click.IntRange(1), help="How many at most: the next call goes on from there.")
@json_option
@click.pass_context
def invite(
    ctx: click.Context,
    usernames: tuple[str, ...],
    school: str | None,
    everybody: bool,
    again: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    """Mail people a link to activate their account, good for 14 days. Whom USERNAMES name is mailed again.

    Somebody who has left and is named comes back, without schools and credentials.
    """
    if sum((bool(usernames), school is not None, everybody)) != 1:
        raise OperatorError("Say whom to invite: short names, --school DFE or --all.", exit_status=2)
    with desk(ctx, ADMINISTRATORS) as here:
        with here.reading() as connection:
            if usernames:
                wanted = [account_named(connection, name) for name in dict.fromkeys(usernames)]
            else:
                wanted = _not_active(connection, school, here.core.clock.now(), again=again)
        chosen = wanted if limit is None else wanted[:limit]
        for batch in _batches(chosen):
            _invite(here, batch)
    rows = [{"username": one.username, "name": one.name, "email": one.email} for one in chosen]
    table(rows, _INVITED, as_json=as_json, nothing="Nobody waits for an invitation.")
    left = len(wanted) - len(chosen)
    said = f"{counted(len(chosen), 'invitation')} will be mailed by 'ladocs serve'."
    if chosen:
        click.echo(said + (f" {left:,} more wait: give the command again." if left else ""), err=True)


@click.command(cls=HomeCommand)
@click.argument("username")
@json_option
@click.pass_context
def activate(ctx: click.Context, username: str, as_json: bool) -> None:
    """Let somebody who was suspended in again. Who never finished an invitation needs another one."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_named(change.connection, username)
        state = staffing.activate(here.core, change, account)
    details({"username": account.username, "state": state.value}, as_json=as_json)
    if state is AccountState.INVITED:
        hint = f"The invitation was never finished: 'ladocs account invite {account.username}' sends another."
        click.echo(hint, err=True)


@click.command(cls=HomeCommand)
@click.argument("username")
@click.option("--because", metavar="REASON", required=True, help="Why, for the record.")
@json_option
@click.pass_context
def suspend(ctx: click.Context, username: str, because: str, as_json: bool) -> None:
    """Keep somebody out until 'ladocs account activate'. Open sessions end within 5 seconds; nothing is lost."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_named(change.connection, username)
        staffing.suspend(here.core, change, account, because)
    details({"username": account.username, "state": AccountState.SUSPENDED.value}, as_json=as_json)


@click.command(cls=HomeCommand)
@click.argument("username")
@json_option
@click.pass_context
def leave(ctx: click.Context, username: str, as_json: bool) -> None:
    """End all of somebody who has left, at once: credentials, schools, sessions, links and mails that wait.

    Scripts of the person end after 14 days unless they are handed over; the headteachers of their schools are told.
    """
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_named(change.connection, username)
        orphans = [_orphan(one) for one in staffing.leave(here.core, change, account)]
    row = {"username": account.username, "state": AccountState.LEFT.value}
    if as_json:
        details({**row, "scripts": orphans}, as_json=True)
        return
    details(row, as_json=False)
    if orphans:
        table(orphans, _ORPHANS, as_json=False)
        hint = "These scripts have no owner now: 'ladocs account hand-over SCRIPT OWNER --until DAY' keeps one going."
        click.echo(hint, err=True)


@click.command(name="hand-over", cls=HomeCommand)
@click.argument("script")
@click.argument("owner")
@click.option("--until", type=DAY, help="Its new last day; without one it ends when it would have ended.")
@json_option
@click.pass_context
def hand_over(ctx: click.Context, script: str, owner: str, until: datetime | None, as_json: bool) -> None:
    """Give a script another OWNER, who answers for it."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        given, person = account_present(change.connection, script), account_named(change.connection, owner)
        staffing.hand_over(here.core, change, given, person, until)
        now = account_named(change.connection, given.username)
    details({"username": now.username, "owner": person.username, "expires_at": now.expires_at}, as_json=as_json)


@click.command(cls=HomeCommand)
@click.argument("username")
@json_option
@click.pass_context
def unlock(ctx: click.Context, username: str, as_json: bool) -> None:
    """Forgive the wrong guesses of an account, so that its owner may try again at once."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_named(change.connection, username)
        forgiven = staffing.unlock(here.core, change, account)
    details({"username": account.username, "guesses_forgiven": forgiven}, as_json=as_json)


@click.command(name="password-reset", cls=HomeCommand)
@click.argument("username")
@json_option
@click.pass_context
def password_reset(ctx: click.Context, username: str, as_json: bool) -> None:
    """End a person's password and mail a link to choose another, good for 24 hours. Nobody else ever knows it."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_present(change.connection, username)
        staffing.reset_password(here.core, change, account)
    _mailed(account, as_json=as_json)


@click.command(name="totp-reset", cls=HomeCommand)
@click.argument("username")
@json_option
@click.pass_context
def totp_reset(ctx: click.Context, username: str, as_json: bool) -> None:
    """End a person's one-time codes and mail a link to set up an authenticator anew, good for 24 hours.

    The link asks for the account's password too. Recovery codes and sessions end with the old secret.
    """
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_present(change.connection, username)
        staffing.reset_codes(here.core, change, account)
    _mailed(account, as_json=as_json)


def _mailed(account: AccountRow, *, as_json: bool) -> None:
    details({"username": account.username, "link_mailed_to": account.email}, as_json=as_json)


def _not_active(connection: Connection, school: str | None, at: datetime, *, again: bool) -> list[AccountRow]:
    """Who has the state INVITED, and without `again` was mailed no invitation that could still be used or sent."""
    found = [one for one in accounts.listing(connection) if one.state is AccountState.INVITED]
    found = [one for one in found if one.kind is Kind.PERSON]
    if school is not None:
        members = roster.members(connection, schools.find(connection, school).id, at)
        theirs = {member.username for member in members}
        found = [one for one in found if one.username in theirs]
    invited = set() if again else staffing.invited_since(connection, at)
    return [one for one in found if one.id not in invited]


def _batches(people: Sequence[AccountRow]) -> list[Sequence[AccountRow]]:
    """So that a county's invitations hold nobody's sign-in up."""
    return [people[n : n + staffing.BATCH] for n in range(0, len(people), staffing.BATCH)]


def _invite(here: Desk, batch: Sequence[AccountRow]) -> None:
    with here.change() as change:
        for account in batch:
            staffing.invite(here.core, change, account)


def _orphan(one: Orphan) -> Row:
    return {
        "script": one.script.username,
        "last_day": london_date(one.ends),
        "headteachers_told": one.told,
        "without_headteacher": one.untold,
    }
