"""`ladocs report person`: all that is held about somebody, for whoever asks what is known of them [R37]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import click

from auth.accounts import AccountRow
from auth.principal import StaffRole
from gateway import core as cores
from gateway import dossier
from gateway.cli.audit import entry_row
from gateway.cli.desk import Desk, HomeCommand, account_named, desk, people_and_schools, reading_record
from gateway.cli.output import Row, counted, details, json_option, table, to_json
from gateway.cli.trace import listing_row, read_row
from policy import categories
from policy.audit import person as recorded
from policy.audit import readers
from policy.audit.events import Event, EventKind, Result

_ALLOWED = frozenset({StaffRole.ADMINISTRATOR, StaffRole.AUDITOR})
_ACT = ("at", "event", "result", "actor", "school", "from", "object", "reason", "count")

Names = Mapping[int, str]


@click.command(cls=HomeCommand)
@click.argument("address")
@json_option
@click.pass_context
def person(ctx: click.Context, address: str, as_json: bool) -> None:
    """Print all that is held about the person or script with this ADDRESS or short name, who may have left.

    From the tables: account, roles, categories, keys, device passwords, places, links, mails and decisions. From the
    record: sign-ins, refusals, what was read, and what was done to and by the account. No password, key or secret is
    printed, and of documents the references alone. The record notes first that it was printed, and by whom.
    """
    with desk(ctx, _ALLOWED) as here:
        with here.reading() as connection:
            account = account_named(connection, address)
        _record(here, account)
        parts, unreadable = _gathered(here, account)
    months = here.core.settings.audit.keep
    if as_json:
        click.echo(to_json({**parts, "unreadable": unreadable, "record_kept_months": months}))
        return
    _print(parts)
    if unreadable:
        said = counted(unreadable, "record")
        click.echo(
            f"{said} cannot be read any more: what was recorded goes after {months} months (audit.keep).",
            err=True,
        )


def _record(here: Desk, account: AccountRow) -> None:
    """Durable, or nothing is printed."""
    event = Event(
        event=EventKind.PERSON_EXPORTED,
        at=here.core.clock.now(),
        result=Result.PERMIT,
        actor=here.actor.id,
        client=here.user,
        protocol="command",
        object=f"account:{account.id}",
    )
    with cores.recording(here.core) as log:
        log.record(event)


def _gathered(here: Desk, account: AccountRow) -> tuple[dict[str, list[Row]], int]:
    with ExitStack() as reading:
        main = reading.enter_context(here.reading())
        names, numbers = people_and_schools(main)
        kinds = categories.names(main)
        parts: dict[str, list[Row]] = {name: list(rows) for name, rows in dossier.held(main, account.id).items()}
        record = reading.enter_context(reading_record(here.core.settings.record_url(here.core.home.path)))
        acts = recorded.of_person(record, account.id)
        found = readers.of_account(record, account.id, None)
    for section, entries in acts.by_section.items():
        parts[section.value] = [entry_row(entry, names, numbers) for entry in entries]
    parts["read"] = [read_row(one, names, numbers) for one in found.reads]
    parts["listed"] = [listing_row(one, names, numbers, kinds) for one in found.listings]
    return parts, acts.unreadable


def _print(parts: Mapping[str, Sequence[Row]]) -> None:
    empty = [name.replace("_", " ") for name, rows in parts.items() if not rows]
    for name, rows in parts.items():
        if name == "account":
            details(rows[0], as_json=False)
        elif rows:
            click.echo(f"\n{name.replace('_', ' ').capitalize()}:")
            table(rows, _columns(rows[0]), as_json=False)
    click.echo(f"\nNothing is held of: {', '.join(empty)}.")


def _columns(row: Mapping[str, Any]) -> Sequence[str]:
    """Of a record what a line has room for; the rest stands in JSON."""
    return _ACT if "event" in row else tuple(row)
