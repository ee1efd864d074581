"""What commands print: tables for people, JSON for programs. Times for people are Europe/London, in JSON UTC."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

import click

from config.clock import LONDON

Row = Mapping[str, Any]
_Command = TypeVar("_Command", bound=Callable[..., Any])
_Item = TypeVar("_Item")
_IN_A_TABLE = 100
_WIDE = 10_000  # where nobody's terminal cuts a line, nothing else should


def json_option(command: _Command) -> _Command:
    """The option of every command that prints a table."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def limit_option(command: _Command) -> _Command:
    """The option of commands that list what grows without end."""
    said = f"How many, the newest.  [default: {_IN_A_TABLE} in a table, all with --json]"
    return click.option("--limit", type=click.IntRange(1), help=said)(command)


def newest(found: Callable[[int | None], list[_Item]], limit: int | None, *, as_json: bool, last: bool) -> list[_Item]:
    """What `found` gives for a limit; a table without one is cut, and says so. `last`: the newest stand at the end."""
    if limit is not None or as_json:
        return found(limit)
    rows = found(_IN_A_TABLE + 1)
    if len(rows) <= _IN_A_TABLE:
        return rows
    click.echo(f"These are the newest {_IN_A_TABLE}: --limit 1000 shows more, --json all.", err=True)
    return rows[1:] if last else rows[:-1]


def one_of(choices: type[StrEnum]) -> click.Choice[str]:
    """The type of an option that takes one of `choices`, typed as the record writes it."""
    return click.Choice([choice.value for choice in choices])


def counted(number: int, noun: str) -> str:
    """`1 school`, `2 schools`: for nouns that take an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def table(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool, nothing: str = "None.") -> None:
    """Print `rows`: all of each in JSON, the named `columns` in a table, or `nothing` where there is no row."""
    if as_json:
        click.echo(to_json(list(rows)))
        return
    if not rows:
        click.echo(nothing)
        return
    _print_table([[text(row[column]) for column in columns] for row in rows], columns)


def csv_option(command: _Command) -> _Command:
    """The option of reports that go into a spreadsheet."""
    return click.option("--csv", "as_csv", is_flag=True, help="Print CSV for Excel.")(command)


def details(row: Row, *, as_json: bool) -> None:
    """Print one thing, a line for each of its values."""
    if as_json:
        click.echo(to_json(row))
        return
    width = max(len(key) for key in row)
    for key, value in row.items():
        click.echo(f"{key.replace('_', ' '):<{width}}  {text(value)}")


def to_json(value: Any) -> str:
    """`value` on one line; times as RFC 3339 in UTC."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def text(value: Any) -> str:
    """A value as people read it. What a terminal would obey is left out."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(LONDON).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list | tuple):
        return "; ".join(text(inner) for inner in value) if value else "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {text(inner)}" for key, inner in value.items())
    return "".join(c if c.isprintable() else "�" for c in str(value))


def to_csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """The named `columns` of `rows` as CSV that Excel opens rightly and in which no cell is a formula; times in UTC."""
    from gateway.rollfile import harmless

    buffer = io.StringIO("\ufeff")
    buffer.seek(0, io.SEEK_END)
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([harmless(_cell(row.get(column))) for column in columns] for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ";".join(map(_cell, value))
    return "" if value is None else _plain(value) if isinstance(value, date) else str(value)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _print_table(cells: Sequence[Sequence[str]], columns: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDE)
    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column.replace("_", " "), overflow="fold")
    for row in cells:
        made.add_row(*[Text(cell) for cell in row])
    console.print(made)
