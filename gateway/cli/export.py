"""`ladocs audit export`: the record for other programs, as JSON Lines with ECS names, or as CSV for Excel [R24]."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from itertools import islice
from typing import Any

import click

from gateway.cli.desk import ANYONE, DAY, HomeCommand, day_begins, desk, people_and_schools, reading_record
from gateway.cli.output import counted
from gateway.rollfile import harmless
from policy import schools
from policy.audit import ecs, query
from policy.audit.query import Entry, Filter

_TOGETHER = 500

Fields = Mapping[str, Any]
Advance = Callable[[int], None]


@click.command(cls=HomeCommand)
@click.option("--csv", "as_csv", is_flag=True, help="CSV for Excel instead of JSON Lines.")
@click.option("--since", type=DAY, help="From this day on.")
@click.option("--until", type=DAY, help="Up to and with this day.")
@click.option("--school", metavar="DFE", help="Only what concerns this school.")
@click.pass_context
def export(
    ctx: click.Context, as_csv: bool, since: datetime | None, until: datetime | None, school: str | None
) -> None:
    """Print the record, the oldest first: a line of JSON for each, with the field names of the Elastic Common Schema.

    What cannot be read, because it was pruned, is left out and counted at the end. With --csv a cell that a spreadsheet
    would calculate has an apostrophe before it.
    """
    with desk(ctx, ANYONE) as here, ExitStack() as reading:
        main = reading.enter_context(here.reading())
        people, _ = people_and_schools(main)
        known = {one.id: (one.dfe, one.name) for one in schools.listing(main)}
        number = schools.find(main, school).id if school else None
        wanted = Filter(since=day_begins(since), until=until, school=number)
        record = reading.enter_context(reading_record(here.core.settings.record_url(here.core.home.path)))
        within = query.span(record, wanted)
        advance = reading.enter_context(_progress(within))
        unread = _Unread()
        entries = reading.enter_context(closing(query.stream(record, wanted)))
        told = (
            ecs.document(entry.seq, entry.batch, entry.event, people, known)
            for entry in unread.passed(entries, advance)
            if entry.event is not None
        )
        _print(_csv(told) if as_csv else (f"{json.dumps(fields, ensure_ascii=False)}\n" for fields in told))
    if unread.count:
        left_out = counted(unread.count, "record")
        click.echo(f"{left_out} left out, past reading: pruned by audit.keep, or else see 'audit verify'.", err=True)


class _Unread:
    """Counts what has no event: pruned, or of no form that this version reads."""

    def __init__(self) -> None:
        self.count = 0

    def passed(self, entries: Iterable[Entry], advance: Advance) -> Iterator[Entry]:
        for entry in entries:
            self.count += entry.event is None
            if entry.seq % _TOGETHER == 0:
                advance(entry.seq)
            yield entry


def _print(lines: Iterator[str]) -> None:
    """In blocks: a line at a time would be a system call each."""
    while block := "".join(islice(lines, _TOGETHER)):
        click.echo(block, nl=False)


def _csv(told: Iterable[Fields]) -> Iterator[str]:
    yield "\ufeff" + _row(ecs.COLUMNS)
    for fields in told:
        cells = dict(ecs.flat(fields))
        yield _row([harmless(cells.get(column, "")) for column in ecs.COLUMNS])


def _row(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()


@contextmanager
def _progress(within: range) -> Iterator[Advance]:
    """A bar with the time left, where a terminal watches and the record goes elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    watched = console.is_terminal and not sys.stdout.isatty()
    with Progress(*columns, console=console, disable=not watched) as bar:
        task = bar.add_task("exporting records", total=len(within))
        yield lambda seq: bar.update(task, completed=seq - within.start + 1)
        bar.update(task, completed=len(within))
