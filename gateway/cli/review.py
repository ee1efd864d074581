"""`ladocs review list | show | confirm | extend | remind | verify`: the headteachers' access reviews [R22]."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from config.clock import LONDON, london_date
from config.errors import OperatorError
from config.files import write_durably
from gateway import core as cores
from gateway import reviewfile, reviewing, reviewpage, statement
from gateway.cli.certificate import trusted_keys
from gateway.cli.desk import ADMINISTRATORS, ANYONE, DAY, Desk, HomeCommand, account_named, desk, last_day
from gateway.cli.output import Row, counted, details, json_option, table, text
from gateway.reviewing import FORM, Shown
from gateway.reviews import Reviews
from policy import review, schools
from policy.audit.checkpoints import public_keys
from policy.review import ReviewRow, term_named

_COLUMNS = ("dfe", "school", "term", "state", "due_on", "suspends_on", "confirmed_at", "confirmed_by")
_ITEMS = ("decision", "item", "name", "roles", "categories", "last_used_at", "ends", "suspended_at")
_STEPS = ("act", "dfe", "whom", "what")
_MORNING = 7


@click.command(name="list", cls=HomeCommand)
@click.option("--term", metavar="TERM", help="Of this term alone, like autumn-2026.")
@click.option("--open", "waiting", is_flag=True, help="Only those that wait to be confirmed.")
@json_option
@click.pass_context
def list_(ctx: click.Context, term: str | None, waiting: bool, as_json: bool) -> None:
    """List the access reviews of all schools: how each stands, when it is due, by whom and when it was confirmed."""
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        found = review.listing(connection, None if term is None else term_named(term))
        today = london_date(here.core.clock.now())
    rows = [_row(one, today) for one in found if one.confirmed_at is None or not waiting]
    table(rows, _COLUMNS, as_json=as_json, nothing="No access review: each opens on the first day of a term.")


@click.command(cls=HomeCommand)
@click.argument("number", metavar="DFE")
@click.option("--term", metavar="TERM", help="The review of this term, like autumn-2026; else the one that is open.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the open review as CSV, for somebody to fill in.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page to print to FILE.")
@click.option("--signed", "as_signed", is_flag=True, help="Print the signed result, for 'review verify'.")
@json_option
@click.pass_context
def show(
    ctx: click.Context,
    number: str,
    term: str | None,
    as_csv: bool,
    html: Path | None,
    as_signed: bool,
    as_json: bool,
) -> None:
    """Show what a school's headteacher reviews, or what was confirmed in a term.

    Of an open review that is every account, key and device password of the school, and under 'seen' what names
    exactly this list: it goes with 'review confirm'.
    """
    if sum((as_csv, html is not None, as_signed, as_json)) > 1:
        raise OperatorError("Give one of --csv, --html, --signed and --json.", exit_status=2)
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        school = schools.find(connection, number)
        at = here.core.clock.now()
        asked = review.listing(connection, _term(term), school.id)
        if term is not None and not asked:
            raise OperatorError(f"{school.dfe} has no access review of {term}: see 'ladocs review list'.")
        done = [one for one in asked if one.signed]
        if done and (term is not None or not review.open_reviews(connection, school.id)):
            _show_result(here, done[-1], html=html, as_signed=as_signed, as_csv=as_csv, as_json=as_json)
            return
        if as_signed:
            raise OperatorError("This review is open: a result is signed when it is confirmed.")
        found = reviewing.shown(connection, school, at)
    said = reviewing.waiting(here.core, found)
    if as_csv:
        click.echo(reviewfile.written(found.items, {one["item"]: _cells(one) for one in said["items"]}), nl=False)
    elif html is not None:
        _write_page(html, reviewpage.page(said))
    else:
        today = london_date(at)
        states = [one.state(today).value for one in found.reviews]
        head = {**_head(said), "state": states, "suspends": [one.suspends_on for one in found.reviews]}
        _print({**head, "seen": found.seen}, said, as_json=as_json)


@click.command(cls=HomeCommand)
@click.argument("number", metavar="DFE")
@click.option("--on-behalf-of", "head", metavar="USERNAME", required=True, help="The headteacher who reviewed.")
@click.option("--because", metavar="REASON", required=True, help="How the review reached you, like 'letter of 3 May'.")
@click.option("--seen", metavar="NAME", help="What 'review show' gave under 'seen' for the list that was reviewed.")
@click.option("--remove", "removed", metavar="ITEM", multiple=True, help="An account, key:7 or device:3 (repeatable).")
@click.option("--csv", "file", type=click.Path(path_type=Path), metavar="FILE", help="Instead: the file, filled in.")
@json_option
@click.pass_context
def confirm(
    ctx: click.Context,
    number: str,
    head: str,
    because: str,
    seen: str | None,
    removed: tuple[str, ...],
    file: Path | None,
    as_json: bool,
) -> None:
    """Record a headteacher's review: what is named is removed, everything else that was shown is confirmed.

    Only the headteacher of the school, or whoever acts as one, reviews it. Where the school's access has changed since
    the list was shown, nothing is done. What was suspended because the review was overdue comes back.
    """
    if (file is None) == (seen is None) or (file is not None and removed):
        raise OperatorError("Say what was reviewed: --seen NAME with each --remove, or --csv FILE.", exit_status=2)
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        school, by = schools.find(change.connection, number), account_named(change.connection, head)
        gone = frozenset(removed)
        if file is not None:
            found = reviewing.shown(change.connection, school, change.at)
            gone, seen = _decided(file, found), found.seen
        done = reviewing.confirm(here.core, change, school, by=by, seen=seen or "", removed=gone, because=because)
    row = {"dfe": school.dfe, "terms": done.terms, "confirmed": done.confirmed, "removed": done.removed}
    details({**row, "sha256": sha256(done.signed.encode()).hexdigest()}, as_json=as_json)


@click.command(cls=HomeCommand)
@click.argument("number", metavar="DFE")
@click.option("--until", type=DAY, required=True, help="The day on which it is due instead.")
@click.option("--because", metavar="REASON", required=True, help="Why, for the record.")
@json_option
@click.pass_context
def extend(ctx: click.Context, number: str, until: datetime, because: str, as_json: bool) -> None:
    """Give a school longer for its open review. What was suspended because it was overdue comes back."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        school = schools.find(change.connection, number)
        found = reviewing.extend(here.core, change, school, last_day(until), because)
        today = london_date(change.at)
    table([_row(one, today) for one in found], _COLUMNS, as_json=as_json)


@click.command(cls=HomeCommand)
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--at", "end", type=DAY, help="With --dry-run: what would be done on this day, as things stand now.")
@json_option
@click.pass_context
def remind(ctx: click.Context, dry_run: bool, end: datetime | None, as_json: bool) -> None:
    """Open the reviews of a new term, suspend access where one is far overdue, and remind: what 'ladocs serve' does.

    It does so each day at 07:00. Nobody is reminded of the same twice.
    """
    if end is not None and not dry_run:
        raise OperatorError("Only --dry-run looks ahead: leave --at out to remind now.", exit_status=2)
    with desk(ctx, ADMINISTRATORS) as here, cores.recording(here.core) as log:
        reviews = Reviews(here.core, log, actor=here.actor.id, user=here.user)
        if dry_run:
            at = here.core.clock.now() if end is None else _morning(last_day(end))
            steps = reviews.planned(at)
        else:
            steps = reviews.turn()
    rows = [{"act": one.act, "dfe": one.dfe, "whom": one.whom, "what": one.what} for one in steps]
    table(rows, _STEPS, as_json=as_json, nothing="Nothing is due.")


@click.command(cls=HomeCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key", "keys", multiple=True, metavar="HEX", help="Trust this key; no home is needed then (repeatable)."
)
@json_option
@click.pass_context
def verify(ctx: click.Context, file: Path, keys: tuple[str, ...], as_json: bool) -> int:
    """Prove that a signed review is as it was signed, and say what differs. Exit status 1 when something does.

    FILE is what 'review show --signed' printed. It needs no server and no operator. 'ladocs audit checkpoint
    --public-key' prints the keys: keep them elsewhere.
    """
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise OperatorError(f"{file} cannot be read ({exc.strerror}): name the file of a signed review.") from exc
    found = statement.differences(data, FORM, trusted_keys(ctx, keys))
    details({"intact": not found, "differs": found}, as_json=as_json)
    return 1 if found else 0


def _show_result(
    here: Desk, one: ReviewRow, *, html: Path | None, as_signed: bool, as_csv: bool, as_json: bool
) -> None:
    if as_csv:
        raise OperatorError(f"The review of {one.name} is confirmed: --csv is for one that is open.")
    if as_signed:
        click.echo(one.signed, nl=False)
        return
    differs = statement.differences(one.signed.encode(), FORM, public_keys(here.core.secrets))
    if differs:
        raise OperatorError(f"The kept result is not as it was signed: {differs[0]}. Put it back from the backup.")
    said, digest = statement.said(one.signed), sha256(one.signed.encode()).hexdigest()
    if html is not None:
        _write_page(html, reviewpage.page(said, digest))
    else:
        _print({**_head(said), "sha256": digest}, said, as_json=as_json)


def _head(said: Mapping[str, Any]) -> dict[str, Any]:
    by, recorded = said["confirmed_by"], said["recorded_by"]
    head = {**said["school"], "terms": said["terms"], "due": said["due"]}
    if by is None:
        return head
    head |= {"confirmed_at": datetime.fromisoformat(said["confirmed_at"]), "confirmed_by": by["username"]}
    return head | {
        "recorded_by": recorded and recorded["username"],
        "because": recorded and recorded["because"],
    }


def _print(head: Row, said: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        details({**head, "items": said["items"]}, as_json=True)
        return
    details(head, as_json=False)
    table([{**one, **_cells(one)} for one in said["items"]], _ITEMS, as_json=False, nothing="Nobody is here.")


def _cells(one: Mapping[str, Any]) -> dict[str, str]:
    """An item as cells of a table, and of the CSV file: times in Europe/London, lists with semicolons."""
    times = {name: reviewpage.local(one[name]) for name in ("last_used_at", "ends", "suspended_at")}
    lists = {name: "; ".join(one[name]) for name in ("roles", "categories", "networks")}
    return {**one, **times, **lists}


def _row(one: ReviewRow, today: date) -> Row:
    by = statement.said(one.signed)["confirmed_by"]["username"] if one.signed else None
    return {
        "dfe": one.dfe,
        "school": one.school,
        "term": one.name,
        "state": one.state(today).value,
        "opened_at": one.opened_at,
        "due_on": one.due_on,
        "suspends_on": one.suspends_on,
        "suspended_at": one.suspended_at,
        "confirmed_at": one.confirmed_at,
        "confirmed_by": by,
    }


def _decided(file: Path, found: Shown) -> frozenset[str]:
    decisions = reviewfile.read(file, found.items)
    for fault in decisions.faults:
        click.echo(text(str(fault)), err=True)
    if decisions.faults:
        faults = counted(len(decisions.faults), "fault")
        raise OperatorError(f"{faults} in {file}, so nothing was confirmed: mend it, or show the review again.")
    return decisions.removed


def _term(term: str | None) -> date | None:
    return None if term is None else term_named(term)


def _morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, _MORNING, tzinfo=LONDON)


def _write_page(file: Path, page: str) -> None:
    try:
        write_durably(file, page.encode())
    except OSError as exc:
        raise OperatorError(f"{file} cannot be written ({exc.strerror}): name a file in a folder of yours.") from exc
    click.echo(f"{file} was written: open it in a browser, and print it from there.", err=True)
