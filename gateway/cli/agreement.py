"""`ladocs agreement record | list | show`: which school has signed which version of the agreement [R23]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from config.errors import OperatorError
from gateway import signatures
from gateway.agreeing import enter_texts, sign
from gateway.cli.desk import ADMINISTRATORS, ANYONE, DAY, Desk, HomeCommand, desk, last_day
from gateway.cli.output import counted, details, json_option, one_of, table, text, to_json
from gateway.signatures import Found
from policy import agreement, agreement_texts, order, schools
from policy.agreement import Signature
from policy.agreement_texts import Text
from policy.order import SchoolOrder


@click.command(cls=HomeCommand)
@click.argument("number", required=False)
@click.option("--version", help="The version that was signed.")
@click.option("--signed-on", "signed", type=DAY, help="The day on which it was.")
@click.option("--signed-by", metavar="NAME", help="Whose signature it is: the headteacher's name.")
@click.option(
    "--csv", "file", type=click.Path(path_type=Path), help="Many at once: columns dfe, version, signed_on, signed_by."
)
@click.option("--dry-run", is_flag=True, help="Of a file: say what is wrong and what would be done, and do nothing.")
@click.option("--skip-bad", is_flag=True, help="Of a file: record the rows that have no fault.")
@json_option
@click.pass_context
def record(
    ctx: click.Context,
    number: str | None,
    version: str | None,
    signed: datetime | None,
    signed_by: str | None,
    file: Path | None,
    dry_run: bool,
    skip_bad: bool,
    as_json: bool,
) -> int:
    """Take over what the school with this DfE number or URN has signed, or what the schools of a CSV file have.

    Without an agreement in force a school has no documents. What is recorded already is left as it is; with a fault in
    any row of a file nothing is recorded.
    """
    one = (number, version, signed, signed_by)
    if file is not None and any(given is not None for given in one):
        raise OperatorError("A file says it all: give --csv FILE, or a school with its signature.", exit_status=2)
    if file is None and (dry_run or skip_bad):
        raise OperatorError("--dry-run and --skip-bad go with --csv FILE.", exit_status=2)
    with desk(ctx, ADMINISTRATORS) as here:
        enter_texts(here.core)
        if file is not None:
            return _record_file(here, file, dry_run=dry_run, skip_bad=skip_bad, as_json=as_json)
        if number is None or version is None or signed is None or signed_by is None:
            raise OperatorError("Say which school, and --version, --signed-on and --signed-by.", exit_status=2)
        given = Signature(version=version, signed_on=last_day(signed), signed_by=signed_by)
        with here.change() as change:
            school = schools.find(change.connection, number)
            rules = agreement.rules(change.connection, here.core.settings, change.at)
            kept = sign(change, rules, school.id, given)
            now = order.orders(change.connection, change.at)[school.id]
    details({"dfe": school.dfe, "name": school.name, **asdict(kept), "order": str(now)}, as_json=as_json)
    return 0


@click.command(name="list", cls=HomeCommand)
@click.option("--order", "wanted", type=one_of(SchoolOrder), help="Only schools that stand so.")
@json_option
@click.pass_context
def list_(ctx: click.Context, wanted: str | None, as_json: bool) -> None:
    """List the schools: the version that is in force in each, until when, and how the school stands."""
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        standing = order.orders(connection, here.core.clock.now())
        rows = [
            {
                "dfe": school.dfe,
                "name": school.name,
                "version": school.agreement,
                "last_day": None if school.agreement_until is None else last_day(school.agreement_until),
                "order": str(standing[school.id]),
            }
            for school in schools.listing(connection)
            if wanted is None or standing[school.id].state == wanted
        ]
    nothing = "No school yet: see 'ladocs school import'." if wanted is None else "None."
    table(rows, ("dfe", "name", "version", "last_day", "order"), as_json=as_json, nothing=nothing)


@click.command(cls=HomeCommand)
@click.argument("version", required=False)
@click.option("--school", "number", metavar="DFE", help="What the school with this DfE number or URN has signed.")
@json_option
@click.pass_context
def show(ctx: click.Context, version: str | None, number: str | None, as_json: bool) -> None:
    """Print the text of a version, by default of the one in force; or all that a school has signed."""
    if version is not None and number is not None:
        raise OperatorError("Give a version, or --school DFE.", exit_status=2)
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        if number is not None:
            school = schools.find(connection, number)
            rows = [asdict(signed) for signed in agreement.signatures(connection, school.id)]
            nothing = f"{school.dfe} has signed nothing: 'ladocs agreement record' takes it over."
            table(rows, ("version", "signed_on", "signed_by"), as_json=as_json, nothing=nothing)
            return
        rules = agreement.rules(connection, here.core.settings, here.core.clock.now())
        shown = _text(agreement_texts.texts(here.core.settings.agreement), version or rules.current)
    if as_json:
        click.echo(to_json({**asdict(shown), "sha256": shown.sha256.hex()}))
    else:
        click.echo(shown.text.rstrip("\n"))


def _text(listed: Sequence[Text], version: str | None) -> Text:
    for text_ in listed:
        if text_.version == version:
            return text_
    known = ", ".join(text_.version for text_ in listed)
    if version is None:
        raise OperatorError(f"No version of the agreement is in force yet: 'ladocs agreement show {known}'.")
    raise OperatorError(f"There is no version '{version}' of the agreement: agreement.versions has {known}.")


def _record_file(here: Desk, file: Path, *, dry_run: bool, skip_bad: bool, as_json: bool) -> int:
    with here.reading() as connection:
        rules = agreement.rules(connection, here.core.settings, here.core.clock.now())
        every = schools.listing(connection)
        numbers = {number: school for school in every for number in (school.dfe, school.urn) if number}
        found = signatures.read(file, numbers, agreement.every_signature(connection), rules)
    signed = () if found.faults and not skip_bad else found.signed
    if signed and not dry_run:
        with here.change() as change:
            for school, signature in signed:
                sign(change, rules, school.id, signature)
    _say(file, found, len(signed), dry_run=dry_run, as_json=as_json)
    return 1 if found.faults else 0


def _say(file: Path, found: Found, recorded: int, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        rows = [{"row": one.line, "column": one.column, "message": one.message} for one in found.faults]
        done = {"dry_run": dry_run, "encoding": found.encoding, "recorded": recorded, "already": found.already}
        click.echo(to_json({**done, "faults": rows}))
        return
    for fault in found.faults:
        click.echo(text(str(fault)), err=True)
    there = f" {found.already:,} were recorded already." if found.already else ""
    click.echo(f"{counted(recorded, 'signature')} {'would be recorded' if dry_run else 'recorded'}.{there}")
    if found.faults:
        faults = counted(len(found.faults), "fault")
        click.echo(f"{faults}: mend the file, or record the others with --skip-bad.", err=True)
    if found.encoding != "UTF-8":
        click.echo(f"{file} was read as {found.encoding}: check that names with accents came out right.", err=True)
