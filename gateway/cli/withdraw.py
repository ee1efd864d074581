"""`ladocs document withdraw`: take back what was misdirected [R26]."""

from __future__ import annotations

import click
from sqlalchemy.exc import SQLAlchemyError

from gateway import withdrawing
from gateway.cli.desk import PUBLISHERS, Desk, HomeCommand, desk
from gateway.cli.output import counted, csv_option, json_option, to_json
from gateway.cli.trace import Said, readers_said
from gateway.documents import as_reference
from policy import schools


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

    Nobody finds it from now on, and what is open of it ends within five seconds. Then it says who had read it.
    """
    with desk(ctx, PUBLISHERS) as here:
        with here.change() as change:
            document = withdrawing.dispatched(change.connection, as_reference(reference))
            named = [schools.find(change.connection, number) for number in numbers]
            wanted = [withdrawing.delivered_to(document, one.id, one.dfe).school_id for one in named] or None
            taken = [one.dfe for one in withdrawing.withdraw(change, document, wanted, because)]
        said = _readers(here, document.reference)
    if as_json:
        click.echo(to_json({"reference": document.reference, "withdrawn_from": taken, **(said.json() if said else {})}))
    else:
        click.echo(
            f"{document.reference} is withdrawn from {counted(len(taken), 'school')}: {', '.join(taken)}.", err=True
        )
    if said is not None and as_csv:
        said.print_csv()
    elif said is not None and not as_json:
        said.print(documents_first=False)
    return 0 if said is not None else 1


def _readers(here: Desk, reference: str) -> Said | None:
    """Who had read it; a record that cannot be read does not undo the withdrawal."""
    try:
        return readers_said(here, reference)
    except (SQLAlchemyError, OSError) as exc:
        click.echo(
            f"{reference} is withdrawn, but who read it cannot be said now ({exc}): ask 'ladocs audit find --reference"
            f" {reference}' again.",
            err=True,
        )
        return None
