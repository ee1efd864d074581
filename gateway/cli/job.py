"""`ladocs job list`: what the clock does by itself, when it did it last, and how far it has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from sqlalchemy import select

from gateway.cli.desk import ANYONE, HomeCommand, desk
from gateway.cli.output import Row, json_option, limit_option, newest, table
from gateway.jobrunner import newest as latest
from gateway.jobrunner import state_of
from gateway.jobs import TIMETABLE
from gateway.models import JobRun

_COLUMNS = ("job", "due_at", "state", "begun_at", "ended_at", "attempts", "done", "total", "trouble")


@click.command(name="list", cls=HomeCommand)
@click.argument("name", required=False, type=click.Choice(sorted(TIMETABLE)))
@limit_option
@json_option
@click.pass_context
def list_(ctx: click.Context, name: str | None, limit: int | None, as_json: bool) -> None:
    """List the last run of every job, or the runs of the job NAME in the last 30 days."""
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        runs = select(JobRun.__table__).where(JobRun.job == name).order_by(JobRun.due_at.desc())

        def found(most: int | None) -> list[Any]:
            if name is None:
                return sorted(latest(connection).values(), key=lambda run: run.job)[:most]
            return list(connection.execute(runs.limit(most)))

        rows = newest(found, limit, as_json=as_json, last=False)
    table([_row(run, here.core.clock.now()) for run in rows], _COLUMNS, as_json=as_json, nothing="None has run yet.")


def _row(run: Any, at: datetime) -> Row:
    return {column: state_of(run, at).value if column == "state" else getattr(run, column) for column in _COLUMNS}
