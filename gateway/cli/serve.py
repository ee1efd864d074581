"""`ladocs serve`: the doors, until stopped."""

from __future__ import annotations

import logging
import os
import sys
import time

import click

from gateway import core as cores
from gateway.cli.desk import HomeCommand, home_path


@click.command(cls=HomeCommand)
@click.pass_context
def serve(ctx: click.Context) -> int:
    """Serve SFTP and WebDAV until stopped. `ready` on standard output says that every door is open.

    SIGTERM or Ctrl-C ends it, with what is being read recorded.
    """
    from gateway import server

    log_to_stderr()
    home, settings = cores.open_home(home_path(ctx), os.environ)
    sockets = server.bind_all(settings)
    return server.run(home, settings, sockets, on_ready=lambda: click.echo("ready"))


def log_to_stderr() -> None:
    """The log of a serving process: one line an event, with its time in UTC."""
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)sZ %(levelname)s %(name)s: %(message)s"
    )
    for noisy in ("asyncssh", "alembic", "wsgidav"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
