"""`ladocs report retention`: what is due to be destroyed, and when, as a table or a page with a chart [R9]."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import click
from rich.filesize import decimal

from config.clock import london_date
from config.errors import OperatorError
from gateway.chart import Bar, stacked
from gateway.cli.desk import ANYONE, HomeCommand, desk
from gateway.cli.output import Row, counted, csv_option, json_option, one_of, table, text, to_csv, to_json
from gateway.retention import Due, Kept, due, sums
from gateway.sheet import Block, Figure, Numbers, Paragraph, Table, page
from policy import schools

_COLUMNS = ("due", "category", "school", "documents", "held", "size")
_WEEK = timedelta(days=7)
_NOTHING = "Nothing is kept."
_HOW = (
    "A document is destroyed, with its key and its name, in the night after its destroy day: the 90th day after it was"
    " published. What is held stays, unseen, until two officers lift the hold."
)


class Period(StrEnum):
    """What stands in one row."""

    DAY = "day"
    WEEK = "week"


@click.command(cls=HomeCommand)
@click.option("--by", type=one_of(Period), default=Period.WEEK.value, show_default=True, help="A row a day or a week.")
@click.option("--school", metavar="DFE", help="Only what this school has.")
@click.option("--per-school", is_flag=True, help="A row for each school; one document may then count for several.")
@click.option("--html", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with a chart.")
@csv_option
@json_option
@click.pass_context
def retention(
    ctx: click.Context,
    by: str,
    school: str | None,
    per_school: bool,
    file: Path | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Say what is due to be destroyed, and when: documents and bytes by category, with what is held.

    A week stands under its Monday. What was due before today and is not held waits for the next night, or for
    'ladocs expire'.
    """
    with desk(ctx, ANYONE) as here:
        now = here.core.clock.now()
        service = here.core.settings.service.name
        with here.reading() as connection:
            wanted = None if school is None else schools.find(connection, school).id
            dues = due(connection, per_school=per_school and file is None, school_id=wanted)
            each = due(connection, per_school=True, school_id=wanted) if file else []
    if file is not None:
        _write(file, page(service, "What is due to be destroyed", _blocks(dues, each, Period(by), now)))
        click.echo(f"{file} holds the report: open it in a browser.", err=True)
        return
    rows = _rows(dues, Period(by))
    if as_csv:
        click.echo(to_csv(rows, _COLUMNS), nl=False)
    elif as_json:
        click.echo(to_json(rows))
    else:
        columns = _COLUMNS if per_school else [name for name in _COLUMNS if name != "school"]
        table([{**row, "size": decimal(row["size"])} for row in rows], columns, as_json=False, nothing=_NOTHING)


def _begin(day: date, by: Period) -> date:
    return day if by is Period.DAY else day - timedelta(days=day.weekday())


def _rows(dues: Sequence[Due], by: Period) -> list[Row]:
    found = sums(dues, lambda one: (_begin(one.day, by), one.category, one.school))
    return [
        {"due": begin, "category": category, "school": school, **_amounts(kept)}
        for (begin, category, school), kept in found.items()
    ]


def _amounts(kept: Kept) -> dict[str, int]:
    return {"documents": kept.documents, "held": kept.held, "size": kept.size}


def _blocks(dues: Sequence[Due], each: Sequence[Due], by: Period, now: datetime) -> list[Block]:
    """The page: the numbers, the chart, and a table each by category, by week and by school."""
    today = london_date(now)
    total = sum((one.kept for one in dues), Kept(0, 0, 0))
    soon = sum((one.kept for one in dues if one.day < today + _WEEK), Kept(0, 0, 0))
    numbers = (
        ("documents kept", f"{total.documents:,}"),
        ("bytes kept", decimal(total.size)),
        ("due within 7 days", f"{soon.documents - soon.held:,}"),
        ("held", f"{total.held:,}"),
    )
    blocks: list[Block] = [Paragraph(f"As it was on {text(now)}."), Numbers(numbers), Paragraph(_HOW)]
    if not dues:
        return [*blocks, Paragraph(_NOTHING)]
    return [
        *blocks,
        Figure(_chart(dues, by)),
        _table("By category", "category", sums(dues, lambda one: one.category)),
        _table(f"By {by}", f"{by} of" if by is Period.WEEK else by, sums(dues, lambda one: str(_begin(one.day, by)))),
        _table("By school", "school", dict(sorted(sums(each, lambda one: one.school or "").items()))),
    ]


def _named(begin: date, by: Period) -> str:
    return begin.isoformat() if by is Period.DAY else f"week of {begin}"


def _chart(dues: Sequence[Due], by: Period) -> str:
    categories = sorted({one.category for one in dues})
    of = sums(dues, lambda one: (_begin(one.day, by), one.category))
    whole = sums(dues, lambda one: _begin(one.day, by))
    none = Kept(0, 0, 0)
    bars = [
        Bar(
            f"{_named(begin, by)}: {counted(kept.documents, 'document')}, {decimal(kept.size)}",
            tuple(of.get((begin, category), none).documents for category in categories),
        )
        for begin, kept in whole.items()
    ]
    return stacked(f"Documents due, by {by}", categories, bars)


def _table(title: str, what: str, rows: dict[str, Kept]) -> Table:
    cells = [(name, f"{kept.documents:,}", f"{kept.held:,}", decimal(kept.size)) for name, kept in rows.items()]
    return Table(title, (what, "documents", "held", "size"), cells)


def _write(file: Path, said: str) -> None:
    try:
        file.write_text(said, encoding="utf-8")
    except OSError as exc:
        raise OperatorError(f"{file} cannot be written ({exc.strerror}): name a file in a folder of yours.") from exc
