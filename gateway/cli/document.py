"""`ladocs document list | show`."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import click
from rich.filesize import decimal

from config.errors import OperatorError
from gateway import compose
from gateway.cli.desk import ANYONE, Desk, HomeCommand, desk
from gateway.cli.output import Row, counted, details, json_option, limit_option, newest, table
from gateway.documents import DocumentFilter, DocumentRow, as_reference, listing
from policy import categories, schools

_COLUMNS = ("reference", "name", "schools", "category", "size", "published_at", "last_day", "state")
_NOTHING = "No document fits."
_SCHOOLS_NAMED = 3
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class _Month(click.ParamType[str]):
    name = "YYYY-MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _MONTH.fullmatch(value):
            self.fail(f"'{value}' is no month: write it like 2026-11", param, ctx)
        return str(value)


@click.command(name="list", cls=HomeCommand)
@click.option("--school", metavar="DFE", help="Only what went to this school.")
@click.option("--category", help="Only this category.")
@click.option("--month", type=_Month(), help="Only what was published in this month.")
@limit_option
@json_option
@click.pass_context
def list_(
    ctx: click.Context, school: str | None, category: str | None, month: str | None, limit: int | None, as_json: bool
) -> None:
    """List documents, the newest first: names and last days, no contents.

    State: visible; withdrawn (from every school); expired (past its last day); destroyed. Only what is visible is read.
    What is held is not destroyed.
    """
    with desk(ctx, ANYONE) as here:
        with here.reading() as connection:
            wanted = DocumentFilter(
                school_id=schools.find(connection, school).id if school else None,
                category_id=categories.find(connection, category) if category else None,
                month=month,
            )
        rows = newest(partial(_listing, here, wanted), limit, as_json=as_json, last=False)
    table([_row(row) if as_json else _short(row) for row in rows], _COLUMNS, as_json=as_json, nothing=_NOTHING)


@click.command(cls=HomeCommand)
@click.argument("reference")
@json_option
@click.pass_context
def show(ctx: click.Context, reference: str, as_json: bool) -> None:
    """Show the document with this REFERENCE, like D-7KQ2-M4."""
    with desk(ctx, ANYONE) as here:
        rows = _listing(here, DocumentFilter(reference=as_reference(reference)), 1)
    if not rows:
        raise OperatorError(f"No document has the reference '{reference}': see 'ladocs document list'.")
    details(_whole(rows[0]) if as_json else {**_whole(rows[0]), "size": decimal(rows[0].size)}, as_json=as_json)


def _listing(here: Desk, wanted: DocumentFilter, limit: int | None) -> list[DocumentRow]:
    with here.reading() as connection:
        return listing(connection, compose.vault(here.core), wanted, limit, here.core.clock.now())


def _row(one: DocumentRow) -> Row:
    return {
        "reference": one.reference,
        "name": one.name,
        "schools": list(one.names),
        "category": one.category,
        "month": one.month.key,
        "size": one.size,
        "published_at": one.published_at,
        "last_day": one.last_day,
        "state": one.state.value,
    }


def _short(one: DocumentRow) -> Row:
    many = len(one.names) > _SCHOOLS_NAMED
    state = f"{one.state}, held" if one.holds else one.state.value
    row = {**_row(one), "size": decimal(one.size), "state": state}
    return {**row, "schools": counted(len(one.names), "school")} if many else row


def _whole(one: DocumentRow) -> Row:
    return {
        **_row(one),
        "destroyed_on": one.destroy_day,
        "published_by": one.published_by,
        "note": one.note,
        "audience": one.audience,
        "not_headteacher": one.not_headteacher_reason or None,
        "names": one.names,
        "withdrawn": one.withdrawn,
        "holds": [f"{hold.number}: {hold.by}, {hold.since:%Y-%m-%d}: {hold.because}" for hold in one.holds],
    }
