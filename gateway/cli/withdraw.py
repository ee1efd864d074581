"""`ladocs document withdraw | withdrawals | copies-destroyed`: take back what was misdirected [R26]."""

from __future__ import annotations

from dataclasses import asdict

import click
from sqlalchemy.exc import SQLAlchemyError

from config.outages import in_one_line
from gateway import copies, recalling, withdrawing
from gateway import core as cores
from gateway.cli.desk import ANYONE, PUBLISHERS, Desk, HomeCommand, account_named, desk
from gateway.cli.output import Row, counted, csv_option, details, json_option, table, to_json
from gateway.cli.trace import Said, readers_said
from gateway.copies import Copies
from gateway.documents import as_reference
from policy import schools
from policy.audit.events import RecordUnavailable

_COLUMNS = ("reference", "dfe", "withdrawn_at", "withdrawn_by", "why", "readers", "state", "asked_at", "confirmed_at")


@click.command(cls=HomeCommand)
@click.argument("reference")
@click.option("--school", "numbers", metavar="DFE", multiple=True, help="From this school alone (repeatable).")
@click.option("--because", required=True, help="Why, for the record: no name of a pupil.")
@csv_option
@json_option
@click.pass_context
def withdraw(
    ctx: click.Context, reference: str, numbers: tuple[str, ...], because: str, as_csv: bool, as_json: bool
) -> int:
    """Take the document with this REFERENCE back, from all its schools or some: at once, and for good.

    Nobody finds it from now on, and what is open of it ends within five seconds. Then it says who had read it, and asks
    their headteachers by mail, by reference and never by name, to destroy copies and to confirm that.
    """
    with desk(ctx, PUBLISHERS) as here:
        with here.change() as change:
            document = withdrawing.dispatched(change.connection, as_reference(reference))
            named = [schools.find(change.connection, number) for number in numbers]
            wanted = [withdrawing.delivered_to(document, one.id, one.dfe).school_id for one in named] or None
            taken = [one.dfe for one in withdrawing.withdraw(change, document, wanted, because)]
        said = _readers(here, document.reference)
        asked = ask_for_copies(here) if said is not None else False
        with here.reading() as connection:
            of_copies = [_row(one) for one in copies.listing(connection, reference=document.reference)]
    if as_json:
        readers = said.json() if said else {}
        click.echo(to_json({"reference": document.reference, "withdrawn_from": taken, "copies": of_copies, **readers}))
        return 0 if asked else 1
    click.echo(f"{document.reference} is withdrawn from {counted(len(taken), 'school')}: {', '.join(taken)}.", err=True)
    if said is not None and as_csv:
        said.print_csv()
    elif said is not None:
        said.print(documents_first=False)
        click.echo("Copies:")
        table(of_copies, _COLUMNS, as_json=False)
    return 0 if asked else 1


@click.command(cls=HomeCommand)
@click.argument("reference", required=False)
@click.option("--open", "only_open", is_flag=True, help="Only where copies are not known to be destroyed.")
@json_option
@click.pass_context
def withdrawals(ctx: click.Context, reference: str | None, only_open: bool, as_json: bool) -> None:
    """List what was withdrawn, of this REFERENCE or all, the newest first: why, who had read it, what became of copies.

    State: not looked up yet; nobody read it; asked (the headteacher, by mail); nobody to ask (the post is vacant, or it
    was withheld from the headteacher: ring the school); destroyed (confirmed).
    """
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        wanted = None if reference is None else as_reference(reference)
        rows = [_row(one) for one in copies.listing(connection, reference=wanted, only_open=only_open)]
    table(rows, _COLUMNS, as_json=as_json, nothing="Nothing that fits was withdrawn.")


@click.command(name="copies-destroyed", cls=HomeCommand)
@click.argument("reference")
@click.option("--school", "number", metavar="DFE", required=True, help="The school.")
@click.option("--by", "confirmer", metavar="USERNAME", required=True, help="The headteacher, or who stands in.")
@json_option
@click.pass_context
def copies_destroyed(ctx: click.Context, reference: str, number: str, confirmer: str, as_json: bool) -> None:
    """Record a headteacher's word that a school's copies of the withdrawn document REFERENCE are destroyed."""
    with desk(ctx, PUBLISHERS) as here, here.change() as change:
        document = withdrawing.dispatched(change.connection, as_reference(reference))
        withdrawing.require_say_over(change, document, "confirm copies")
        school = schools.find(change.connection, number)
        account = account_named(change.connection, confirmer)
        copies.confirm(change, document, school.id, school.dfe, account)
        [one] = copies.listing(change.connection, reference=document.reference, school_ids=[school.id])
    details(_row(one), as_json=as_json)


def ask_for_copies(here: Desk) -> bool:
    """Ask the headteachers of those who had read what was withdrawn; False where that waits for the hourly job."""
    at = here.core.clock.now()
    try:
        recalling.look(here.core, at)
        with cores.recording(here.core) as log:
            recalling.ask(here.core, log, at, actor=here.actor.id, client=here.user)
    except (SQLAlchemyError, OSError, RecordUnavailable) as exc:
        click.echo(
            f"Headteachers could not be asked to destroy copies ({in_one_line(exc)}): 'ladocs serve' does it.", err=True
        )
        return False
    return True


def _row(one: Copies) -> Row:
    return {name: value for name, value in asdict(one).items() if name not in ("id", "school_id", "people")}


def _readers(here: Desk, reference: str) -> Said | None:
    """Who had read it; a record that cannot be read does not undo the withdrawal."""
    try:
        return readers_said(here, reference)
    except (SQLAlchemyError, OSError) as exc:
        again = f"'ladocs audit find --reference {reference}' asks again"
        said = f"{reference} is withdrawn, but who read it cannot be said now ({in_one_line(exc)}): {again}."
        click.echo(said, err=True)
        return None
