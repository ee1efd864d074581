"""`ladocs serve` with every library telling all that it knows, to see what would be told: run by `tests.abuse`."""

from __future__ import annotations

import logging
import sys

import asyncssh

from gateway.cli import entry, serve


def tell_everything() -> None:
    """The log of a developer in trouble: statements with their values and results, each step of a connection."""
    form = "%(asctime)sZ %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(stream=sys.stderr, level=logging.DEBUG, format=form)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.DEBUG)
    asyncssh.set_log_level(logging.DEBUG)
    asyncssh.set_debug_level(2)


if __name__ == "__main__":
    setattr(serve, "log_to_stderr", tell_everything)  # noqa: B010 - a module's function, in this process alone
    sys.exit(entry.main())
