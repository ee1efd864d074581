"""`ladocs account explain`: why somebody can or cannot see a document, rule by rule."""

from __future__ import annotations

import re

import click

from gateway import compose
from gateway.about import contact, refusals
from gateway.catalogue import Catalogue
from gateway.cli.desk import ANYONE, HomeCommand, account_named, desk
from gateway.cli.output import Row, json_option, table, to_json
from gateway.clockguard import GuardedClock, mark
from gateway.documents import as_reference
from gateway.explaining import VERDICT, Explaining, Explanation

_COLUMNS = ("rule", "outcome", "because")
_REFERENCE = re.compile(r"[Dd]-?[0-9A-Za-z]{4}-?[0-9A-Za-z]{2}")


@click.command(cls=HomeCommand)
@click.argument("username")
@click.argument("path")
@json_option
@click.pass_context
def explain(ctx: click.Context, username: str, path: str, as_json: bool) -> None:
    """Say why an account can or cannot see what is at PATH, or the document with this reference, like D-7KQ2-M4.

    The rules by which doors and drive decide, in their order: ok, in the way, or not reached. PATH is that of the
    person's own tree; a folder may be asked about too. Nothing is opened.
    """
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        clock = GuardedClock(here.core.clock)
        clock.observe(mark(connection))
        account, catalogue = account_named(connection, username), Catalogue(compose.vault(here.core))
        settings = here.core.settings
        told = refusals(contact(settings))
        explaining = Explaining(connection, catalogue, clock, account, refusals=told, about=settings.drive.about)
        if _REFERENCE.fullmatch(path.strip()):
            found = explaining.document(as_reference(path))
        else:
            found = [explaining.path(path)]
    if as_json:
        click.echo(to_json([_row(one) for one in found]))
        return
    for one in found:
        rules = [{"rule": line.rule, "outcome": line.outcome, "because": line.because} for line in one.lines]
        verdict = {"rule": VERDICT, "outcome": "yes" if one.sees else "no", "because": one.verdict}
        table([*rules, verdict], _COLUMNS, as_json=False)


def _row(one: Explanation) -> Row:
    return {
        "school": one.school,
        "sees": one.sees,
        "verdict": one.verdict,
        "rules": [{"rule": line.rule, "outcome": line.outcome, "because": line.because} for line in one.lines],
    }
