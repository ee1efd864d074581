"""`ladocs report access`: who could read what on a day [R37]."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import click

from auth import accounts
from config.clock import LONDON, end_of_day, london_date
from config.errors import OperatorError
from gateway.cli.desk import ANYONE, HomeCommand, desk, reading_record
from gateway.cli.output import Row, csv_option, json_option, table, text, to_csv, to_json
from policy import categories, retrospect, schools
from policy.audit.states import states_at
from policy.retrospect import RESTS_ON, Access

_COLUMNS = (
    "school",
    "account",
    "name",
    "role",
    "category",
    "by",
    "since",
    "until",
    "given_by",
    "could_read",
    "because",
)
_SAID = {True: "yes", False: "no", None: "not known"}
_MOMENT = timedelta(microseconds=1)


class _Moment(click.ParamType[datetime]):
    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            if len(value) == len("2026-11-25"):
                return end_of_day(date.fromisoformat(value)) - _MOMENT
            given = datetime.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(f"'{value}' is no time: write 2026-11-25, or 2026-11-25T08:30", param, ctx)
        return given if given.tzinfo else given.replace(tzinfo=LONDON)


@click.command(cls=HomeCommand)
@click.option("--at", "then", type=_Moment(), required=True, help="A day, at its end, or a moment: 2026-11-25T08:30.")
@click.option("--school", metavar="DFE", help="Only this school.")
@click.option("--category", help="Only this category.")
@csv_option
@json_option
@click.pass_context
def access(
    ctx: click.Context, then: datetime, school: str | None, category: str | None, as_csv: bool, as_json: bool
) -> None:
    """Say who could read what at the end of a day, or at a moment, of Europe/London.

    Everybody who held a category in a school, by what and by whom it was given, and whether it could be read: not,
    where account, school or agreement stood in the way, and 'not known', where the record of then is past reading. What
    the answer rests on is printed with it.
    """
    with desk(ctx, ANYONE) as here:
        at = _past(then, here.core.clock.now())
        with here.reading() as connection, reading_record(here.core.settings.record_url(here.core.home.path)) as record:
            present = {one.id: one.state for one in accounts.listing(connection)}
            wanted = None if school is None else schools.find(connection, school).id
            only = None if category is None else categories.find(connection, category)
            found = retrospect.access_at(connection, at, states_at(record, at, present), wanted)
            names = categories.names(connection)
    rows = [_row(one, names) for one in found if only in (None, one.category_id)]
    if as_json:
        click.echo(to_json({"at": at, "rests_on": RESTS_ON, "rows": rows}))
        return
    shown = [{**row, "could_read": _SAID[row["could_read"]]} for row in rows]
    if as_csv:
        click.echo(to_csv(shown, _COLUMNS), nl=False)
    else:
        table(shown, _COLUMNS, as_json=False, nothing="Nobody held anything then.")
    click.echo(f"As it was at {text(at)}. What this rests on:", err=True)
    for line in RESTS_ON:
        click.echo(f"- {line}", err=True)


def _past(then: datetime, now: datetime) -> datetime:
    """`then`, or now where the day is today: what is to come is not known."""
    if then > now and london_date(then) > london_date(now):
        raise OperatorError(f"{london_date(then)} is still to come: give today, or a day before.", exit_status=2)
    return min(then, now)


def _row(one: Access, names: Mapping[int, str]) -> Row:
    return {
        "school": one.dfe,
        "account": one.username,
        "name": one.name,
        "role": one.role,
        "category": names[one.category_id],
        "by": one.by,
        "since": one.since,
        "until": one.until,
        "given_by": one.given_by,
        "could_read": one.could_read,
        "because": one.because or None,
    }
