"""`ladocs agreement record | list | show`: which school has signed the information sharing agreement [R23]."""

from __future__ import annotations

from datetime import datetime

import click

from gateway.agreeing import sign
from gateway.cli.desk import ADMINISTRATORS, ANYONE, DAY, HomeCommand, desk, last_day
from gateway.cli.output import details, json_option, table
from policy import agreement, schools
from policy.agreement import Signature


@click.command(cls=HomeCommand)
@click.argument("number")
@click.option("--version", required=True, help="The version that was signed.")
@click.option("--signed-on", "signed", required=True, type=DAY, help="The day on which it was.")
@click.option("--signed-by", required=True, metavar="NAME", help="Whose signature it is: the headteacher's name.")
@json_option
@click.pass_context
def record(ctx: click.Context, number: str, version: str, signed: datetime, signed_by: str, as_json: bool) -> None:
    """Take over what the school with this DfE number or URN has signed. Without it a school has no documents."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        school = schools.find(change.connection, number)
        given = Signature(version=version, signed_on=last_day(signed), signed_by=signed_by)
        kept = sign(change, school.id, given)
    details({"dfe": school.dfe, "name": school.name, **_row(kept)}, as_json=as_json)


@click.command(name="list", cls=HomeCommand)
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the schools with the version that is in force in each."""
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        rows = [
            {"dfe": school.dfe, "name": school.name, "version": school.agreement, "until": school.agreement_until}
            for school in schools.listing(connection)
        ]
    nothing = "No school yet: see 'ladocs school import'."
    table(rows, ("dfe", "name", "version", "until"), as_json=as_json, nothing=nothing)


@click.command(cls=HomeCommand)
@click.option("--school", "number", metavar="DFE", required=True, help="The school's DfE number or URN.")
@json_option
@click.pass_context
def show(ctx: click.Context, number: str, as_json: bool) -> None:
    """Show all that a school has signed, the oldest first."""
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        school = schools.find(connection, number)
        rows = [_row(signed) for signed in agreement.signatures(connection, school.id)]
    nothing = f"{school.dfe} has signed nothing: 'ladocs agreement record' takes it over."
    table(rows, ("version", "signed_on", "signed_by"), as_json=as_json, nothing=nothing)


def _row(signed: Signature) -> dict[str, object]:
    return {"version": signed.version, "signed_on": signed.signed_on, "signed_by": signed.signed_by}
