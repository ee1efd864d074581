"""`ladocs publish`: files go out to schools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import Connection

from config.errors import OperatorError
from gateway import compose
from gateway import core as cores
from gateway.cli.desk import PUBLISHERS, Desk, HomeCommand, account_named, desk
from gateway.cli.output import json_option, text, to_json
from gateway.publishing import Failed, Item, Progress, Published, Publisher, Restriction
from policy import categories, schools
from policy.access import ROLES


@click.command(cls=HomeCommand)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--category", required=True, help="The category, like SEND.")
@click.option("--school", "numbers", metavar="DFE", multiple=True, help="A school, like 830-2001 (repeatable).")
@click.option("--all-schools", is_flag=True, help="Every school.")
@click.option("--to", "roles", type=click.Choice(ROLES, case_sensitive=False), multiple=True, help="This role alone.")
@click.option("--person", "people", metavar="USERNAME", multiple=True, help="This person alone (repeatable).")
@click.option("--not-headteacher", metavar="REASON", help="Withhold from headteachers, for this reason.")
@click.option("--fix-names", is_flag=True, help="Mend file names that Windows cannot carry.")
@click.option("--note", default="", help="A note to this act, for the authority.")
@click.option("--dry-run", is_flag=True, help="Say what is wrong, and publish nothing.")
@json_option
@click.pass_context
def publish(
    ctx: click.Context,
    files: tuple[Path, ...],
    category: str,
    numbers: tuple[str, ...],
    all_schools: bool,
    roles: tuple[str, ...],
    people: tuple[str, ...],
    not_headteacher: str | None,
    fix_names: bool,
    note: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Publish FILES to schools, at once.

    Each file is published whole to all its schools, or not at all; those with a fault are named, with the mend, and
    the exit status is 1.
    """
    with desk(ctx, PUBLISHERS) as here:
        with here.reading() as connection:
            restriction = Restriction(
                roles=frozenset(roles),
                accounts=frozenset(account_named(connection, one).id for one in people),
                not_headteacher_reason=not_headteacher,
            )
            category_id = categories.find(connection, category)
            known = _schools(connection, numbers, all_schools)
        items = [
            Item(source=file, schools=tuple(known), category_id=category_id, restriction=restriction) for file in files
        ]
        with _publisher(here, fix_names) as publisher:
            if dry_run:
                return _try(publisher, items, as_json=as_json)
            with _progress(items, quiet=as_json) as progress:
                verdicts = publisher.publish(items, actor=here.actor.id, user=here.user, note=note, progress=progress)
    return _report(verdicts, known, as_json=as_json)


def _schools(connection: Connection, numbers: Sequence[str], all_schools: bool) -> dict[int, str]:
    """Ids of the schools meant, with their DfE numbers."""
    if all_schools == bool(numbers):
        raise OperatorError("Say to whom: --school 830-2001 (repeatable), or --all-schools.", exit_status=2)
    found = schools.listing(connection) if all_schools else [schools.find(connection, number) for number in numbers]
    if not found:
        raise OperatorError("There is no school yet: enter them with 'ladocs school import'.")
    return {school.id: school.dfe for school in found}


@contextmanager
def _publisher(here: Desk, fix_names: bool) -> Iterator[Publisher]:
    vault = compose.vault(here.core)
    vault.check(here.core.database)
    with cores.recording(here.core) as log:
        yield compose.publisher(here.core, vault, log, fix_names=fix_names)


def _try(publisher: Publisher, items: Sequence[Item], *, as_json: bool) -> int:
    faults = [fault for item in items if (fault := publisher.check(item)) is not None]
    if as_json:
        click.echo(to_json({"would_publish": len(items) - len(faults), "faults": faults}))
    else:
        _say(faults)
        click.echo(f"{len(items) - len(faults)} of {len(items)} files would be published; nothing was done.")
    return 1 if faults else 0


def _report(verdicts: Sequence[Published | Failed], known: dict[int, str], *, as_json: bool) -> int:
    done = [verdict for verdict in verdicts if isinstance(verdict, Published)]
    failed = [verdict for verdict in verdicts if isinstance(verdict, Failed)]
    if as_json:
        click.echo(
            to_json({"published": [_row(one, known) for one in done], "failed": [_fault(one) for one in failed]})
        )
    else:
        for one in done:
            click.echo(f"{one.reference}  {text(one.names[0][1])}  to {_to(one, known)}")
        _say([f"{one.reference}: {warning}" for one in done for warning in one.warnings])
        _say([one.message for one in failed])
        click.echo(f"{len(done)} of {len(verdicts)} documents published.")
    return 1 if failed else 0


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(text(line), err=True)


def _to(one: Published, known: dict[int, str]) -> str:
    return f"{len(one.names)} schools" if len(one.names) > 3 else ", ".join(known[school] for school, _ in one.names)


def _row(one: Published, known: dict[int, str]) -> dict[str, object]:
    return {
        "file": str(one.source),
        "reference": one.reference,
        "size": one.size,
        "schools": {known[school]: name for school, name in one.names},
        "warnings": one.warnings,
    }


def _fault(one: Failed) -> dict[str, str]:
    return {"file": str(one.source), "message": one.message}


@contextmanager
def _progress(items: Sequence[Item], *, quiet: bool) -> Iterator[Progress]:
    """A bar with rate and time left, on a terminal alone."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("publishing", total=sum(_size(item.source) for item in items))
        yield lambda item, taken: bar.update(task, advance=taken, description=text(item.source.name))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
