"""`ladocs backup` and `ladocs restore`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from sqlalchemy.exc import SQLAlchemyError

from config.errors import OperatorError
from config.files import write_durably
from gateway import core as cores
from gateway import recovery
from gateway.backup import Made, Tell, back_up, refuse_inside
from gateway.cli.desk import ADMINISTRATORS, Desk, HomeCommand, desk, home_path
from gateway.cli.operators import os_user
from gateway.cli.output import details, json_option
from gateway.restoring import restore as restore_home
from policy.audit.events import Event, EventKind, Result

_PLACE = click.Path(path_type=Path)
_NEXT = """\
Restored, as it was when the backup was made. What to do next:
  1. Whoever lost access since then has it again, and what was withdrawn is back: end that again before 'serve'.
  2. 'ladocs audit verify --against FILE', with a checkpoint from outside, says how much of the record is missing.
  3. Documents destroyed since then stay destroyed, as their keys are gone; those published since are not here: publish
     them again. Keys of theirs that are left over open nothing.
  4. 'ladocs doctor', then 'ladocs clock confirm', then 'ladocs serve'."""


@click.command(cls=HomeCommand)
@click.argument("target", metavar="DIR", type=_PLACE)
@click.option(
    "--new-recovery-key", type=_PLACE, metavar="FILE", help="Make a new recovery key first, and write it to FILE."
)
@json_option
@click.pass_context
def backup(ctx: click.Context, target: Path, new_recovery_key: Path | None, as_json: bool) -> None:
    """Copy the home to DIR, a new folder, while it is served or not.

    The vault's keys are never in it. The secrets and settings are sealed to the recovery key, whose private half
    'init' has shown once: keep it offline, away from the backups.
    """
    with desk(ctx, ADMINISTRATORS) as here:
        if new_recovery_key is not None:
            _new_key(here, new_recovery_key)
        recovery.public_key(here.core.home.path)
        made = _recorded(here, target, _Progress(), "new recovery key" if new_recovery_key else "")
    row = {"folder": str(target.absolute()), "files": made.files, "bytes": made.size, "documents": made.documents}
    details({**row, "missing": made.missing}, as_json=as_json)


def _new_key(here: Desk, file: Path) -> None:
    refuse_inside(file, here.core.home.path, here.core.home.keys_dir)
    if file.exists():
        raise OperatorError(f"{file} is there already: name a file that is not.", exit_status=2)
    write_durably(file, f"{recovery.make(here.core.home.path)}\n".encode())
    click.echo(f"{file} opens the secrets in backups from now on: move it offline, away from them.", err=True)


def _recorded(here: Desk, target: Path, tell: Tell, reason: str) -> Made:
    """The backup, in the record before it is made, and once more where it fails."""

    def event(result: Result) -> Event:
        return Event(
            event=EventKind.BACKUP_MADE,
            at=here.core.clock.now(),
            result=result,
            actor=here.actor.id,
            client=here.user,
            protocol="command",
            object=str(target.absolute()),
            reason=reason,
        )

    with cores.recording(here.core) as log:
        log.record(event(Result.PERMIT))
        try:
            return back_up(here.core, target, tell)
        except (OSError, SQLAlchemyError, OperatorError):
            log.record(event(Result.ERROR))
            raise


class _Progress:
    """Bytes of documents copied so far, at a terminal alone."""

    def __init__(self) -> None:
        self._done = 0

    def __call__(self, more: int) -> None:
        self._done += more
        if sys.stderr.isatty():
            click.echo(f"\r{self._done / 1e6:,.1f} MB of documents copied", err=True, nl=more == 0)


@click.command(cls=HomeCommand)
@click.argument("source", metavar="BACKUP", type=_PLACE)
@click.option("--keys-dir", required=True, type=_PLACE, metavar="DIR", help="Where the vault's keys lie today.")
@click.option("--recovery-key", required=True, type=_PLACE, metavar="FILE", help="File with the recovery key.")
@json_option
@click.pass_context
def restore(ctx: click.Context, source: Path, keys_dir: Path, recovery_key: Path, as_json: bool) -> None:
    """Make the home of a backup, in a folder that is empty or missing; a changed byte in the backup is refused.

    Databases of PostgreSQL are put back before, with pg_restore. All sessions and mailed links have ended then.
    """
    path = home_path(ctx)
    files = restore_home(
        source, path, keys_dir=keys_dir, recovery_key=recovery_key, user=os_user(os.environ), environ=os.environ
    )
    details({"home": str(path), "files": files}, as_json=as_json)
    click.echo(_NEXT, err=True)
