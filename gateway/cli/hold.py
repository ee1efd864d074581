"""`ladocs document hold | unhold`: keep a document beyond its destroy day, and end that [R9]."""

from __future__ import annotations

import click

from gateway import core as cores
from gateway import holding
from gateway.change import changing
from gateway.cli.approval import approve_option, second_person
from gateway.cli.desk import PUBLISHERS, HomeCommand, desk
from gateway.cli.output import Row, details, json_option
from gateway.documents import as_reference
from gateway.holding import HoldRow


@click.command(cls=HomeCommand)
@click.argument("reference")
@click.option("--because", metavar="REASON", required=True, help="Why, for the record: no name of a pupil.")
@json_option
@click.pass_context
def hold(ctx: click.Context, reference: str, because: str, as_json: bool) -> None:
    """Keep the document with this REFERENCE beyond its destroy day, until two people lift the hold.

    Nobody reads it longer for that: its bytes and its key are kept, not its visibility.
    """
    with desk(ctx, PUBLISHERS) as here, here.change() as change:
        placed = holding.place(change, as_reference(reference), because)
    details(_row(as_reference(reference), placed), as_json=as_json)


@click.command(cls=HomeCommand)
@click.argument("reference")
@click.option("--because", metavar="REASON", required=True, help="Why, for the record: no name of a pupil.")
@click.option(
    "--hold", "number", type=int, help="Which hold, where there are several: 'document show' has their numbers."
)
@approve_option
@json_option
@click.pass_context
def unhold(
    ctx: click.Context, reference: str, because: str, number: int | None, approve_as: str | None, as_json: bool
) -> None:
    """Lift a hold of the document with this REFERENCE, as two people.

    When its last hold is lifted and its destroy day has ended, it is destroyed after the next midnight.
    """
    wanted = as_reference(reference)
    with desk(ctx, PUBLISHERS) as here, cores.recording(here.core) as log:
        second = second_person(here, log, approve_as, "lift a hold", wanted)
        with changing(here.core, log, here.actor.id, here.user) as change:
            lifted = holding.lift(change, wanted, number, because, second.id)
    details(_row(wanted, lifted), as_json=as_json)


def _row(reference: str, one: HoldRow) -> Row:
    return {"reference": reference, "hold": one.number, "since": one.since, "by": one.by, "because": one.because}
