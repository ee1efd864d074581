"""`ladocs document list | show`."""

from __future__ import annotations

from typing import Any

import click

from config.errors import OperatorError
from gateway import compose
from gateway.cli.desk import ANYONE, Desk, HomeCommand, desk
from gateway.cli.output import Row, details, json_option, table
from gateway.documents import DocumentFilter, DocumentRow, listing
from policy import categories, schools
from policy.months import Month

_COLUMNS = ("reference", "published_at", "category", "schools", "name", "bytes", "last_day", "destroyed_on")


class _Month(click.ParamType[str]):
    name = "YYYY-MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return Month.from_key(value).key
        except ValueError:
            self.fail(f"'{value}' is no month: write it like 2026-11", param, ctx)


@click.command(name="list", cls=HomeCommand)
@click.option("--school", metavar="DFE", help="Only what went to this school.")
@click.option("--category", help="Only this category.")
@click.option("--month", type=_Month(), help="Only what was published in this month.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many, the newest.")
@json_option
@click.pass_context
def list_(
    ctx: click.Context, school: str | None, category: str | None, month: str | None, limit: int, as_json: bool
) -> None:
    """List documents, the newest first: names and ends, no contents."""
    with desk(ctx, ANYONE) as here:
        with here.reading() as connection:
            wanted = DocumentFilter(
                school_id=schools.find(connection, school).id if school else None,
                category_id=categories.find(connection, category) if category else None,
                month=month,
            )
        rows = _listing(here, wanted, limit)
    table([_row(row) if as_json else _short(row) for row in rows], _COLUMNS, as_json=as_json)


@click.command(cls=HomeCommand)
@click.argument("reference")
@json_option
@click.pass_context
def show(ctx: click.Context, reference: str, as_json: bool) -> None:
    """Show the document with this REFERENCE, like D-7KQ2-M4."""
    with desk(ctx, ANYONE) as here:
        rows = _listing(here, DocumentFilter(reference=reference.strip().upper()), 1)
    if not rows:
        raise OperatorError(f"No document has the reference '{reference}': see 'ladocs document list'.")
    details(_row(rows[0]), as_json=as_json)


def _listing(here: Desk, wanted: DocumentFilter, limit: int) -> list[DocumentRow]:
    with here.reading() as connection:
        return listing(connection, compose.vault(here.core), wanted, limit)


def _row(one: DocumentRow) -> dict[str, object]:
    return {
        "reference": one.reference,
        "category": one.category,
        "published_at": one.published_at,
        "published_by": one.published_by,
        "note": one.note,
        "bytes": one.size,
        "last_day": one.last_day,
        "visible_until": one.visible_until,
        "destroyed_on": one.destroy_day,
        "audience": one.audience,
        "not_headteacher": one.not_headteacher_reason or None,
        "names": one.names,
    }


def _short(one: DocumentRow) -> Row:
    names = set(one.names.values())
    schools = list(one.names)
    return {
        **_row(one),
        "schools": schools[0] if len(schools) == 1 else f"{len(schools)} schools",
        "name": min((name for name in names if name is not None), default=None),
    }
