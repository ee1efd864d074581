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
from gateway.destruction import Confirmed, Day, due, unusual

_COLUMNS = ("day", "documents", "schools", "state")
_NOTHING = "Nothing is due."


@click.command(cls=HomeCommand)
@click.option("--dry-run", is_flag=True, help="Only show what is due.")
@click.option("--at", "end", type=DAY, help="With --dry-run: what is due when this day has ended.")
@click.option("--confirm", is_flag=True, help="Destroy also where far more than usual falls due.")
@json_option
@click.pass_context
def expire(ctx: click.Context, dry_run: bool, end: datetime | None, confirm: bool, as_json: bool) -> None:
    """Destroy the documents whose destroy day has ended: what 'ladocs serve' does after each midnight.

    Keys first, then bytes and names, then a signed certificate; what was broken off is taken up. For good.
    """
    if end is not None and not dry_run:
        raise OperatorError("Only --dry-run looks ahead: leave --at out to destroy what is due now.", exit_status=2)
    with desk(ctx, ADMINISTRATORS) as here:
        at = end or _confirmed_now(here)
        days = due(here.core.database, at)
        if dry_run:
            waits = unusual(here.core.database, days)
            table([_row(one) for one in days], _COLUMNS, as_json=as_json, nothing=_NOTHING)
            if waits is not None:
                click.echo(f"It will wait: {waits}.", err=True)
            return
        with cores.recording(here.core) as log:
            destruction = compose.destruction(here.core, compose.vault(here.core), log)
            vouched = Confirmed(here.actor.id, here.user) if confirm else None
            waits = destruction.run(
                at, confirmed=vouched, progress=lambda day, state: click.echo(f"{day}: {state}", err=True)
            )
        if waits is not None:
            raise OperatorError(f"Nothing was destroyed: {waits}.")
        left = {one.day: one for one in due(here.core.database, at)}
    if left:
        raise OperatorError("Another process destroys at the moment: ask again with --dry-run.")
    table([{**_row(one), "state": "certified"} for one in days], _COLUMNS, as_json=as_json, nothing=_NOTHING)
    if days:
        done = counted(sum(one.documents for one in days), "document")
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


def _row(one: Day) -> Row:
    return {
        "day": one.day,
        "documents": one.documents,
        "schools": one.schools,
        "state": one.state.value if one.state else "due",
    }
