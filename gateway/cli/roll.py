"""`ladocs account import | export`: a county's people as a CSV file [R11]."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import Connection

from auth import accounts
from auth.accounts import AccountRow
from auth.principal import AccountState, Layout
from config.clock import LONDON
from gateway import roll, rollfile
from gateway.admission import belong, enter_person
from gateway.cli.desk import ADMINISTRATORS, ANYONE, Desk, HomeCommand, desk
from gateway.cli.output import counted, json_option, text, to_json
from gateway.roll import Fault, Known, RollPerson
from gateway.staffing import BATCH, invite
from policy import categories, roster, schools

Advance = Callable[[int], None]


@click.command(name="import", cls=HomeCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what is wrong and what would be done, and do nothing.")
@click.option("--skip-bad", is_flag=True, help="Enter the people whose rows have no fault.")
@click.option("--invite/--no-invite", "inviting", default=False, help="Mail each of them an invitation, or none yet.")
@json_option
@click.pass_context
def import_(ctx: click.Context, file: Path, dry_run: bool, skip_bad: bool, inviting: bool, as_json: bool) -> int:
    """Enter the people of a CSV FILE with the columns username, name, email, school, role, categories, staff.

    Categories are separated by semicolons; somebody with several schools has a row for each. People who are there
    already stay as they are. With a fault in any row nobody is entered.
    """
    with desk(ctx, ADMINISTRATORS) as here:
        with here.reading() as connection:
            found = roll.read(file, _known(here, connection))
        for fault in found.faults if not as_json else ():
            click.echo(text(str(fault)), err=True)
        people = () if found.faults and not skip_bad else found.people
        if not dry_run:
            with _progress(len(people), quiet=as_json) as advance:
                _enter(here, people, advance, inviting=inviting)
    if as_json:
        done = {"people": len(people), "already": found.already, "invited": len(people) if inviting else 0}
        rows = [{"row": fault.line, "column": fault.column, "message": fault.message} for fault in found.faults]
        click.echo(to_json({"dry_run": dry_run, "encoding": found.encoding, **done, "faults": rows}))
    else:
        _say(found.faults, len(people), found.already, dry_run=dry_run, inviting=inviting)
    if found.encoding != "UTF-8":
        click.echo(f"{file} was read as {found.encoding}: check that names with accents came out right.", err=True)
    return 1 if found.faults else 0


@click.command(cls=HomeCommand)
@json_option
@click.pass_context
def export(ctx: click.Context, as_json: bool) -> None:
    """Print all accounts as CSV that Excel opens, a row for each school: what 'account import' takes, and more.

    A cell that a spreadsheet would calculate has an apostrophe before it.
    """
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        at = here.core.clock.now()
        every = accounts.listing(connection)
        names = {account.id: account.username for account in every}
        held = roster.every_belonging(connection, at)
        rows = [_row(account, names, place) for account in every for place in (held.get(account.id) or (("", "", ()),))]
    click.echo(to_json(rows) if as_json else rollfile.written(rows), nl=as_json)


def _known(here: Desk, connection: Connection) -> Known:
    every = accounts.listing(connection)
    numbers = {school.dfe: school.dfe for school in schools.listing(connection)}
    numbers |= {school.urn: school.dfe for school in schools.listing(connection) if school.urn}
    return Known(
        emails={account.username: account.email or "" for account in every},
        left=frozenset(account.username for account in every if account.state is AccountState.LEFT),
        schools=numbers,
        categories={name.casefold(): name for name in categories.names(connection).values()},
        headed=roster.headteachers(connection),
        addresses=here.core.addresses,
    )


def _enter(here: Desk, people: Sequence[RollPerson], advance: Advance, *, inviting: bool) -> None:
    """In batches, so that a county's import holds nobody's sign-in up; one that was broken off is given again."""
    for first in range(0, len(people), BATCH):
        batch = people[first : first + BATCH]
        with here.change() as change:
            for person in batch:
                account = enter_person(
                    here.core,
                    change,
                    username=person.username,
                    name=person.name,
                    email=person.email,
                    layout=Layout.BY_SCHOOL if len(person.places) > 1 else Layout.SINGLE,
                    staff=person.staff,
                )
                for place in person.places:
                    belong(change, account, place.dfe, place.role, place.categories)
                if inviting:
                    invite(here.core, change, account)
        advance(len(batch))


def _say(faults: Sequence[Fault], entered: int, already: int, *, dry_run: bool, inviting: bool) -> None:
    verb = "would be entered" if dry_run else "entered"
    there = f" {already:,} were there already." if already else ""
    click.echo(f"{counted(entered, 'account')} {verb}.{there}")
    if faults:
        click.echo(f"{counted(len(faults), 'fault')}: mend the file, or enter the others with --skip-bad.", err=True)
    elif entered and not inviting and not dry_run:
        click.echo("Nobody was invited yet: 'ladocs account invite --all --limit 500' does, in batches.", err=True)


def _row(account: AccountRow, names: Mapping[int, str], place: tuple[str, str, tuple[str, ...]]) -> dict[str, str]:
    dfe, role, granted = place
    ends = account.expires_at
    return {
        rollfile.USERNAME: account.username,
        rollfile.NAME: account.name,
        rollfile.EMAIL: account.email or "",
        rollfile.SCHOOL: dfe,
        rollfile.ROLE: role,
        rollfile.CATEGORIES: ";".join(granted),
        rollfile.STAFF: ";".join(sorted(account.roles)),
        "kind": account.kind.value,
        "state": account.state.value,
        "owner": names.get(account.owner_id or 0, ""),
        "networks": ";".join(account.networks),
        "expires_at": "" if ends is None else ends.astimezone(LONDON).isoformat(timespec="minutes"),
    }


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Advance]:
    """A bar with the time left, on a terminal alone."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Bar(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("entering people", total=total)
        yield lambda done: bar.update(task, advance=done)
