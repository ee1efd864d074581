"""`ladocs doctor`: what is wrong with a home, and how to mend it."""

from __future__ import annotations

import os

import click

from gateway.cli.desk import HomeCommand, home_path
from gateway.cli.output import json_option, table

_COLUMNS = ("check", "state", "found", "mend")


@click.command(cls=HomeCommand)
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> int:
    """Look a home and its service over, and say what to mend. Changes nothing; needs no account.

    Exit status: 1 where something is wrong; warnings leave it 0.
    """
    from config.clock import SystemClock
    from gateway.doctor import State, examine
    from gateway.server import is_running

    path = home_path(ctx)
    found = examine(path, os.environ, SystemClock(), running=is_running(path))
    rows = [{column: getattr(finding, column) for column in _COLUMNS} for finding in found]
    table(rows, _COLUMNS, as_json=as_json)
    return 1 if any(finding.state is State.WRONG for finding in found) else 0
