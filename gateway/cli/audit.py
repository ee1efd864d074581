"""`ladocs audit list | verify | checkpoint`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from config.errors import OperatorError
from config.schema import Which, check
from config.secrets import Secrets
from gateway import compose
from gateway import core as cores
from gateway.cli.desk import (
    ANYONE,
    DAY,
    HomeCommand,
    account_named,
    day_begins,
    desk,
    home_path,
    people_and_schools,
    reading_record,
)
from gateway.cli.output import Row, counted, details, json_option, limit_option, newest, one_of, table, text
from gateway.documents import as_reference
from policy import schools
from policy.audit import query
from policy.audit.checkpoints import Inconsistent, public_keys
from policy.audit.events import EventKind
from policy.audit.query import Entry, Filter
from policy.audit.testimony import CheckpointFolder, judged, read_all
from policy.audit.verify import Report
from policy.audit.verify import verify as prove

_COLUMNS = ("seq", "at", "event", "result", "actor", "school", "from", "object", "reason")


@click.command(name="list", cls=HomeCommand)
@click.option("--since", type=DAY, help="From this day on.")
@click.option("--until", type=DAY, help="Up to and with this day.")
@click.option("--event", type=one_of(EventKind), help="Only this kind.")
@click.option("--account", help="Only what this account did.")
@click.option("--school", metavar="DFE", help="Only what concerns this school.")
@click.option("--reference", help="Only what concerns this document, like D-7KQ2-M4.")
@limit_option
@json_option
@click.pass_context
def list_(
    ctx: click.Context,
    since: datetime | None,
    until: datetime | None,
    event: str | None,
    account: str | None,
    school: str | None,
    reference: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """List what was recorded, the newest last."""
    with desk(ctx, ANYONE) as here:
        with here.reading() as connection:
            wanted = Filter(
                since=day_begins(since),
                until=until,
                event=EventKind(event) if event else None,
                actor=account_named(connection, account).id if account else None,
                school=schools.find(connection, school).id if school else None,
                reference=as_reference(reference) if reference else None,
            )
            names, numbers = people_and_schools(connection)
        with reading_record(here.core.settings.record_url(here.core.home.path)) as connection:
            entries = newest(partial(query.listing, connection, wanted), limit, as_json=as_json, last=True)
    table([entry_row(entry, names, numbers) for entry in entries], _COLUMNS, as_json=as_json, nothing="No record fits.")


@click.command(cls=HomeCommand)
@click.option(
    "--against",
    "outside",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Checkpoints from outside, one a line, or the foot of a mail (repeatable).",
)
@json_option
@click.pass_context
def verify(ctx: click.Context, outside: tuple[Path, ...], as_json: bool) -> int:
    """Prove that no record was changed, removed or put in between. Exit status 1 when one was.

    The record must also continue every checkpoint that the home keeps, and those --against which it is held: who has
    the whole server can forge the home's own, and not those that had left it. Whoever may read the home's files can
    ask: it needs no operator.
    """
    home, settings = cores.open_home(home_path(ctx), os.environ)
    url = settings.record_url(home.path)
    check(url, Which.AUDIT)
    keys = public_keys(Secrets(home.secrets_dir))
    kept = CheckpointFolder(home.checkpoints_dir).read()  # before the record: what is signed meanwhile lies beyond
    brought = list(read_all(outside))
    with reading_record(url) as connection:
        verdicts = [(one, judged(one, keys, connection)) for one in (*kept, *brought)]
        heads = {one.checkpoint.head for one, verdict in verdicts if one.checkpoint and verdict.signed}
        report = prove(connection, tuple(heads))
    refused = [f"{one.where}: {verdict.fault}" for one, verdict in verdicts if verdict.fault]
    row: dict[str, object] = {
        "intact": report.intact and not refused,
        "fault": str(report.finding) if report.finding else None,
        "batches": report.head.b,
        "records": report.head.records,
        "pruned": report.pruned,
        "head": report.head.link.hex(),
        "checkpoints": {"kept": len(kept), "from_outside": len(brought), "refused": len(refused)},
        "refused": refused,
        "gaps": [{"since": gap.since, "until": gap.until} for gap in report.gaps] if as_json else _silences(report),
    }
    details(row, as_json=as_json)
    return 0 if row["intact"] else 1


@click.command(cls=HomeCommand)
@click.option("--public-key", "only_key", is_flag=True, help="Print the keys that checkpoints are verified with.")
@click.pass_context
def checkpoint(ctx: click.Context, only_key: bool) -> None:
    """Print a signed line of where the record stands now: keep it anywhere but on this server.

    Later, 'ladocs audit verify --against FILE' proves that nothing up to there was changed since. A record that does
    not continue the home's last checkpoint is not signed.
    """
    with desk(ctx, ANYONE) as here:
        if only_key:
            for name, key in public_keys(here.core.secrets).items():
                click.echo(f"{name} {key.public_bytes_raw().hex()}")
            return
        try:
            made = compose.checkpointer(here.core).fresh()
        except Inconsistent as exc:
            raise OperatorError(f"Nothing was signed: {exc}. 'ladocs audit verify' tells where.") from exc
    click.echo(str(made))


def _silences(report: Report) -> str:
    """The gaps for people."""
    if not report.gaps:
        return "none"
    first = report.gaps[0]
    return (
        f"{counted(report.gap_count, 'silence')} that no stop of the service explains, the first from"
        f" {text(first.since)} to {text(first.until)}"
    )


def _thing(named: str, names: Mapping[int, str], numbers: Mapping[int, str]) -> str:
    """`account:7` and `school:3` by the names that people know them by."""
    kind, _, number = named.partition(":")
    known = {"account": names, "school": numbers}.get(kind, {})
    return f"{kind}:{known.get(int(number), number)}" if known and number.isdecimal() else named


def entry_row(entry: Entry, names: Mapping[int, str], numbers: Mapping[int, str]) -> Row:
    """One record as people and programs read it, with the names that they know."""
    event = entry.event
    if event is None:
        return {**dict.fromkeys(_COLUMNS), "seq": entry.seq, "event": "(pruned)"}
    return {
        "seq": entry.seq,
        "at": event.at,
        "event": event.event.value,
        "result": event.result.value,
        "actor": names.get(event.actor, str(event.actor)) if event.actor is not None else None,
        "school": numbers.get(event.school, str(event.school)) if event.school is not None else None,
        "from": event.address or event.client,
        "client": event.client,
        "protocol": event.protocol,
        "session": event.session,
        "object": event.reference or _thing(event.object, names, numbers),
        "id": event.object,
        "ranges": event.ranges,
        "reason": event.reason,
        "count": event.count,
    }
