"""`ladocs school add | import | list | show | network`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from config.errors import OperatorError
from gateway.cli.desk import ADMINISTRATORS, ANYONE, HomeCommand, desk, role_shown
from gateway.cli.output import counted, details, json_option, table
from policy import roster, schools
from policy.audit.events import EventKind
from policy.order import orders
from policy.register import Act, Plan, plan, read
from policy.schools import SchoolRow

_COLUMNS = ("dfe", "urn", "name", "state", "order")


@click.command(cls=HomeCommand)
@click.argument("dfe")
@click.option("--name", required=True, help="Name of the school.")
@click.option("--urn", help="Its URN.")
@json_option
@click.pass_context
def add(ctx: click.Context, dfe: str, name: str, urn: str | None, as_json: bool) -> None:
    """Enter the school with the number DFE, like 830-2001."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        school = schools.add(change.connection, dfe=dfe, name=name, urn=urn, at=change.at)
        change.record(EventKind.SCHOOL_CHANGED, f"school:{school.id}", school=school.id, reason="added")
    details(_row(school), as_json=as_json)


@click.command(name="import", cls=HomeCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--la", metavar="CODE", help="Only schools of this local authority, like 830.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
@click.pass_context
def import_(ctx: click.Context, file: Path, la: str | None, dry_run: bool, as_json: bool) -> None:
    """Enter the open schools of FILE, a CSV file of the DfE register, and take over changed names and URNs.

    Columns: URN, LA (code), EstablishmentNumber, EstablishmentName, EstablishmentStatus (name). With a fault in any
    row nothing is done.
    """
    with desk(ctx, ADMINISTRATORS) as here:
        register = read(file, la)
        for fault in register.faults:
            click.echo(f"{file}: {fault}", err=True)
        if register.faults:
            faults = counted(len(register.faults), "fault")
            raise OperatorError(f"{faults} in {file}, so nothing was entered: mend the file and import it again.")
        with here.reading() as connection:
            found = plan(register.rows, schools.listing(connection))
        if found.steps and not dry_run:
            with here.change() as change:
                found = plan(register.rows, schools.listing(change.connection))
                for act, school in found.carry_out(change.connection, change.at):
                    reason = f"register: {act.value}"
                    change.record(EventKind.SCHOOL_CHANGED, f"school:{school.id}", school=school.id, reason=reason)
    _report(found, register.skipped, dry_run=dry_run, as_json=as_json)


@click.command(name="list", cls=HomeCommand)
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the schools, by number."""
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        standing = orders(connection, here.core.clock.now())
        rows = [{**_row(school), "order": str(standing[school.id])} for school in schools.listing(connection)]
    table(rows, _COLUMNS, as_json=as_json, nothing="No school yet: see 'ladocs school import'.")


@click.command(cls=HomeCommand)
@click.argument("number")
@json_option
@click.pass_context
def show(ctx: click.Context, number: str, as_json: bool) -> None:
    """Show the school with this DfE number or URN, and its people."""
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        at = here.core.clock.now()
        school = schools.find(connection, number)
        people = [
            {
                "username": one.username,
                "name": one.name,
                "role": role_shown(one),
                "state": one.state,
                "categories": one.categories,
            }
            for one in roster.members(connection, school.id, at)
        ]
        row = {
            **_row(school),
            "order": str(orders(connection, at)[school.id]),
            "agreement": school.agreement,
            "networks": schools.networks(connection, school.id),
        }
    if as_json:
        details({**row, "people": people}, as_json=True)
        return
    details(row, as_json=False)
    table(
        people,
        ("username", "name", "role", "state", "categories"),
        as_json=False,
        nothing="Nobody belongs to this school yet: see 'ladocs account add'.",
    )


@click.command(cls=HomeCommand)
@click.argument("number")
@click.option("--add", "added", metavar="CIDR", multiple=True, help="A network of the school (repeatable).")
@click.option("--remove", "removed", metavar="CIDR", multiple=True, help="One that is not any more (repeatable).")
@json_option
@click.pass_context
def network(ctx: click.Context, number: str, added: tuple[str, ...], removed: tuple[str, ...], as_json: bool) -> None:
    """Enter the networks from which the people of a school come; the address of its router is enough.

    Sign-ins from there wait behind no stranger's guesses. Nobody gets in by a network alone.
    """
    if not added and not removed:
        raise OperatorError("Say which network: --add 192.0.2.0/24 or --remove 192.0.2.0/24.", exit_status=2)
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        school = schools.find(change.connection, number)
        for act, given in ((schools.remove_network, removed), (schools.add_network, added)):
            for one in given:
                reason = f"{act.__name__.replace('_', ' ')} {act(change.connection, school.id, one)}"
                change.record(EventKind.SCHOOL_CHANGED, f"school:{school.id}", school=school.id, reason=reason)
        networks = schools.networks(change.connection, school.id)
    details({"dfe": school.dfe, "name": school.name, "networks": networks}, as_json=as_json)


def _row(school: SchoolRow) -> dict[str, object]:
    return {"dfe": school.dfe, "urn": school.urn, "name": school.name, "state": school.state.value}


def _report(found: Plan, skipped: int, *, dry_run: bool, as_json: bool) -> None:
    steps = [
        {"act": step.act.value, "dfe": step.row.dfe, "urn": step.row.urn, "name": step.row.name} for step in found.steps
    ]
    table(steps, ("act", "dfe", "urn", "name"), as_json=as_json, nothing="Nothing to change.")
    done = Counter(step.act for step in found.steps)
    verb = "Would be done" if dry_run else "Done"
    click.echo(
        f"{verb}: {counted(done[Act.ADD], 'school')} added, {done[Act.RENAME]} renamed, {done[Act.NEW_URN]} with a new"
        f" URN. As they were: {found.unchanged}. Left out: {counted(skipped, 'row')} of schools that are not open or"
        " have no number.",
        err=True,
    )
