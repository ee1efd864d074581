"""`ladocs expire`: destroy now what is due, or show what would be."""

from __future__ import annotations

from datetime import datetime

import click

from config.errors import OperatorError
from gateway import compose
from gateway import core as cores
from gateway.cli.desk import ADMINISTRATORS, DAY, Desk, HomeCommand, desk
from gateway.cli.output import Row, counted, json_option, table
from gateway.clockguard import GuardedClock, mark
from gateway.destruction import Confirmed
from gateway.due import Due, due, unusual

_COLUMNS = ("day", "cause", "documents", "schools", "held", "state")
_NOTHING = "Nothing is due."


@click.command(cls=HomeCommand)
@click.option("--dry-run", is_flag=True, help="Only show what is due.")
@click.option("--at", "end", type=DAY, help="With --dry-run: what is due when this day has ended.")
@click.option("--early", is_flag=True, help="Also what was withdrawn from every school today.")
@click.option("--confirm", is_flag=True, help="Destroy also where far more than usual falls due.")
@json_option
@click.pass_context
def expire(ctx: click.Context, dry_run: bool, end: datetime | None, early: bool, confirm: bool, as_json: bool) -> None:
    """Destroy what 'ladocs serve' destroys after each midnight: documents whose destroy day has ended.

    With them go those of a lifted hold, and those that were withdrawn from every school before today. Keys first, then
    bytes and names, then a signed certificate; what was broken off is taken up. For good.
    """
    if end is not None and not dry_run:
        raise OperatorError("Only --dry-run looks ahead: leave --at out to destroy what is due now.", exit_status=2)
    with desk(ctx, ADMINISTRATORS) as here:
        at = end or _confirmed_now(here)
        dues = due(here.core.database, at, early=early)
        if dry_run:
            waits = unusual(here.core.database, dues)
            table([_row(one) for one in dues], _COLUMNS, as_json=as_json, nothing=_NOTHING)
            if waits is not None:
                click.echo(f"It will wait: {waits}.", err=True)
            return
        with cores.recording(here.core) as log:
            destruction = compose.destruction(here.core, compose.vault(here.core), log)
            vouched = Confirmed(here.actor.id, here.user) if confirm else None
            left = destruction.run(
                at,
                early=early,
                confirmed=vouched,
                progress=lambda act, state: click.echo(f"{act}: {state}", err=True),
            )
        if left is not None:
            raise OperatorError(f"Not everything was destroyed: {left}.")
        if due(here.core.database, at, early=early):
            raise OperatorError("Another process destroys at the moment: ask again with --dry-run.")
        behind = {(act.day, act.cause) for act in destruction.pending()}
    rows = [{**_row(one), "state": "pending" if (one.day, one.cause) in behind else "certified"} for one in dues]
    table(rows, _COLUMNS, as_json=as_json, nothing=_NOTHING)
    if dues:
        done = counted(sum(one.documents for one in dues), "document")
        click.echo(f"{done} destroyed; 'ladocs certificate list' has the proof.", err=True)


def _confirmed_now(here: Desk) -> datetime:
    """The present, by a clock that may be believed [R10]."""
    clock = GuardedClock(here.core.clock)
    with here.reading() as connection:
        clock.observe(mark(connection))
    if not clock.confirmed:
        raise OperatorError(
            f"The clock says {here.core.clock.now():%Y-%m-%d}, more than a day past what this home last saw: put it"
            " right, or run 'ladocs clock confirm'."
        )
    return clock.now()


def _row(one: Due) -> Row:
    return {
        "day": one.day,
        "cause": one.cause.value,
        "documents": one.documents,
        "schools": one.schools,
        "held": one.held,
        "state": one.state.value if one.state else "due",
    }
