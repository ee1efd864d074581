"""`ladocs keys replicate | list | forget`: the folders that hold the vault's keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from config.errors import OperatorError
from gateway import compose
from gateway import core as cores
from gateway.cli.desk import ADMINISTRATORS, ANYONE, Desk, HomeCommand, desk
from gateway.cli.output import Row, details, json_option, table
from gateway.vault.holders import Holder, Standing
from policy.audit.events import Event, EventKind, Result

_COLUMNS = ("folder", "state", "generation", "reached_at", "added_at", "because")
_FOLDER = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


@click.command(cls=HomeCommand)
@_FOLDER
@json_option
@click.pass_context
def replicate(ctx: click.Context, folder: Path, as_json: bool) -> None:
    """Make DIR a second live holder of the vault's keys, which takes part in every rotation from now on.

    It belongs on another disk, in no backup and no snapshot. Where keys.dir is lost, keys.dir pointed at DIR goes on.
    """
    path = folder.resolve()
    with desk(ctx, ADMINISTRATORS) as here:
        if path.is_relative_to(here.core.home.path.resolve()):
            raise OperatorError(f"{path} lies in the home, whose backups would hold the keys: name one outside it.")
        with _recorded(here, EventKind.KEYS_REPLICATED, path):
            made = compose.key_box(here.core).replicate(path)
        same_disk = path.stat().st_dev == here.core.home.keys_dir.stat().st_dev
    details(_row(made, Standing.IN_STEP), as_json=as_json)
    if same_disk:
        click.echo(f"{path} lies on the same disk as keys.dir, and would be lost with it.", err=True)


@click.command(name="list", cls=HomeCommand)
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the folders that hold the vault's keys: one is in use, others are in step with it, behind or given up."""
    with desk(ctx, ANYONE) as here:
        box = compose.key_box(here.core)
        known, generation, folder = box.holders(), box.generation(), here.core.home.keys_dir
    if known is None:
        alone = {"folder": str(folder), "state": Standing.IN_USE.value, "generation": generation}
        table([{**dict.fromkeys(_COLUMNS), **alone}], _COLUMNS, as_json=as_json)
    else:
        rows = [_row(one, known.standing(one, generation)) for one in known.holders]
        table(rows, _COLUMNS, as_json=as_json)


@click.command(cls=HomeCommand)
@_FOLDER
@click.option("--because", metavar="REASON", default="", help="What became of one that cannot be reached.")
@json_option
@click.pass_context
def forget(ctx: click.Context, folder: Path, because: str, as_json: bool) -> None:
    """Destroy the keys in DIR, another holder, which takes part in no rotation any more.

    One that is lost is given up instead: what it held may still be read by whoever has it.
    """
    with desk(ctx, ADMINISTRATORS) as here, _recorded(here, EventKind.KEYS_FORGOTTEN, folder.resolve(), because):
        one = compose.key_box(here.core).forget(folder, because)
    standing = {"state": Standing.GIVEN_UP.value if one.given_up_at else "destroyed"}
    details({**_row(one, Standing.GIVEN_UP), **standing}, as_json=as_json)


@contextmanager
def _recorded(here: Desk, kind: EventKind, folder: Path, because: str = "") -> Iterator[None]:
    """The act of the block, in the record before it is done, and once more where it fails."""

    def event(result: Result) -> Event:
        return Event(
            event=kind,
            at=here.core.clock.now(),
            result=result,
            actor=here.actor.id,
            client=here.user,
            protocol="command",
            object=str(folder),
            reason=because,
        )

    with cores.recording(here.core) as log:
        log.record(event(Result.PERMIT))
        try:
            yield
        except (OSError, OperatorError):
            log.record(event(Result.ERROR))
            raise


def _row(one: Holder, standing: Standing) -> Row:
    return {
        "folder": str(one.folder),
        "state": standing.value,
        "generation": one.generation,
        "reached_at": one.reached_at,
        "added_at": one.added_at,
        "because": one.given_up_because,
    }
