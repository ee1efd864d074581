"""`ladocs request add | list | decide`: schools ask for a document to be deleted [R26]."""

from __future__ import annotations

from dataclasses import asdict

import click

from gateway import deletion
from gateway.cli.desk import ADMINISTRATORS, ANYONE, HomeCommand, account_named, desk
from gateway.cli.output import Row, details, json_option, table
from gateway.cli.withdraw import ask_for_copies
from gateway.deletion import Decision, Request
from gateway.documents import as_reference
from gateway.withdrawing import dispatched
from policy import schools

_COLUMNS = ("number", "reference", "dfe", "asked_by", "asked_at", "why", "decision", "decided_by", "decided_why")
_DECISIONS = {"accept": Decision.ACCEPTED, "refuse": Decision.REFUSED}


@click.command(cls=HomeCommand)
@click.argument("reference")
@click.option("--school", "number", metavar="DFE", required=True, help="The school that asks.")
@click.option("--asked-by", "asker", metavar="USERNAME", required=True, help="Who of the school asks.")
@click.option("--because", required=True, help="Why, for the record: no name of a pupil.")
@json_option
@click.pass_context
def add(ctx: click.Context, reference: str, number: str, asker: str, because: str, as_json: bool) -> None:
    """Enter that somebody of a school asks for the document with this REFERENCE to be deleted."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        school = schools.find(change.connection, number)
        document = dispatched(change.connection, as_reference(reference))
        account = account_named(change.connection, asker)
        made = deletion.make(change, document, school.id, school.dfe, account, because)
    details(_row(made), as_json=as_json)


@click.command(name="list", cls=HomeCommand)
@click.option("--open", "only_open", is_flag=True, help="Only those that nobody has decided.")
@json_option
@click.pass_context
def list_(ctx: click.Context, only_open: bool, as_json: bool) -> None:
    """List the requests for deletion, the newest first, with what was decided, by whom and why."""
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        rows = [_row(one) for one in deletion.listing(connection, only_open=only_open)]
    table(rows, _COLUMNS, as_json=as_json, nothing="No request waits." if only_open else "No request yet.")


@click.command(cls=HomeCommand)
@click.argument("number", type=click.IntRange(1))
@click.argument("decision", type=click.Choice(tuple(_DECISIONS)))
@click.option("--because", required=True, help="Why, for the record and the school: no name of a pupil.")
@json_option
@click.pass_context
def decide(ctx: click.Context, number: int, decision: str, because: str, as_json: bool) -> None:
    """Accept or refuse request NUMBER, and tell the school by mail. What is accepted is withdrawn from it at once."""
    with desk(ctx, ADMINISTRATORS) as here:
        with here.change() as change:
            made, withdrawn = deletion.decide(here.core, change, number, _DECISIONS[decision], because)
        if withdrawn:
            ask_for_copies(here)
    details({**_row(made), "withdrawn": withdrawn}, as_json=as_json)


def _row(one: Request) -> Row:
    return asdict(one)
