"""`ladocs clock confirm`: somebody has looked at the clock."""

from __future__ import annotations

import click

from gateway.cli.desk import ADMINISTRATORS, HomeCommand, desk
from gateway.cli.output import text
from gateway.clockguard import mark, set_mark
from policy.audit.events import EventKind


@click.command(cls=HomeCommand)
@click.pass_context
def confirm(ctx: click.Context) -> None:
    """Confirm that the machine's clock is right, after it leapt ahead or a home slept for more than a day."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        before = mark(change.connection)
        set_mark(change.connection, change.at)
        change.record(EventKind.CLOCK_CONFIRMED, "clock", reason=f"from {before.isoformat() if before else 'none'}")
    click.echo(f"It is {text(change.at)} in Derbyshire; before, the clock was trusted up to {text(before)}.")
