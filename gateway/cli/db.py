"""`ladocs db upgrade`: brings the tables to this version."""

from __future__ import annotations

import os

import click

from config import schema
from config.schema import Which
from gateway import core as cores
from gateway.cli.desk import HomeCommand, home_path
from gateway.cli.output import json_option, table


@click.command(cls=HomeCommand)
@json_option
@click.pass_context
def upgrade(ctx: click.Context, as_json: bool) -> None:
    """Bring the tables of both databases up to date. Each is one transaction: it happened or it did not."""
    home, settings = cores.open_home(home_path(ctx), os.environ)
    rows = []
    for which, url in ((Which.MAIN, settings.main_url(home.path)), (Which.AUDIT, settings.record_url(home.path))):
        before, after = schema.upgrade(url, which)
        rows.append({"database": which.value, "before": before, "after": after, "changed": before != after})
    table(rows, ("database", "before", "after", "changed"), as_json=as_json)
