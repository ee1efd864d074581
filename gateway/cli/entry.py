"""Where `ladocs` begins, and where every error ends as one line on standard error.

Exit status: 0 done, 1 refused or failed in part, 2 could not begin (usage, settings, a broken home), 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from config.errors import OperatorError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is returned."""
    from gateway.cli.commands import ladocs

    try:
        result = ladocs.main(arguments, prog_name="ladocs", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as exc:
        exc.show()
        return 2
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads: nothing more to say
        return 1
    except (KeyboardInterrupt, click.exceptions.Abort):
        click.echo("ladocs: interrupted", err=True)
        return 130
    except Exception as exc:  # noqa: BLE001 - the one place where an unforeseen fault becomes a line
        message, status = explain(exc)
        click.echo(f"ladocs: {_printable(' '.join(message.split()))}", err=True)
        return status


def _printable(message: str) -> str:
    """What was typed comes back in a message, and must not move the terminal."""
    from gateway.cli.output import text

    return text(message)


def explain(exc: Exception) -> tuple[str, int]:
    """What to say of `exc`, and the exit status."""
    if isinstance(exc, OperatorError):
        return str(exc), exc.exit_status
    if isinstance(exc, click.UsageError):
        where = exc.ctx.command_path if exc.ctx else "ladocs"
        return f"{exc.format_message().rstrip('.')}: see '{where} --help'.", 2
    if isinstance(exc, click.ClickException):
        return exc.format_message(), exc.exit_code
    return _fault(exc)


def _fault(exc: Exception) -> tuple[str, int]:
    """Faults of what lies below; imported here, because an error is never in a hurry."""
    from sqlalchemy.exc import SQLAlchemyError

    from gateway.errors import FSError
    from policy.audit.events import RecordUnavailable

    if os.environ.get("LADOCS_DEBUG"):
        raise exc
    if isinstance(exc, RecordUnavailable):
        return "The record cannot be written, so nothing was done: look at its database and the room on the disk.", 1
    if isinstance(exc, SQLAlchemyError):
        return f"The database refused ({getattr(exc, 'orig', None) or exc}): look at it and try again.", 1
    if isinstance(exc, FSError):
        return f"{exc} ({exc.__cause__ or type(exc).__name__}).", 1
    if isinstance(exc, OSError):
        return f"{exc.filename or 'The system'}: {exc.strerror or exc}: check it and try again.", 1
    return f"An unexpected fault ({type(exc).__name__}: {exc}): LADOCS_DEBUG=1 shows where.", 1
