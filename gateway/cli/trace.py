"""`ladocs audit find`: who read the letter that is being asked about [R24], [R26]."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from rich.filesize import decimal

from config.errors import OperatorError
from gateway import tracing
from gateway.cli.desk import ANYONE, Desk, HomeCommand, account_named, desk, people_and_schools, reading_record
from gateway.cli.output import Row, counted, csv_option, json_option, table, to_csv, to_json
from gateway.documents import as_reference
from gateway.tracing import Traced
from policy import categories
from policy.audit import readers
from policy.audit.readers import Found, Listing, Read, Reader

_READ = ("account", "school", "reference", "client", "from", "first", "last", "times", "sent", "of", "unconfirmed")
_IN_CSV = ("what", *_READ[:3], "folder", *_READ[3:4], "protocol", *_READ[4:])
_LISTED = ("account", "school", "folder", "client", "from", "first", "last", "times")


@click.command(cls=HomeCommand)
@click.option("--reference", help="Who read this document, like D-7KQ2-M4.")
@click.option("--file", "original", type=click.Path(path_type=Path), help="Who read what has exactly these bytes.")
@click.option("--account", metavar="NAME", help="What this account read.")
@csv_option
@json_option
@click.pass_context
def find(
    ctx: click.Context,
    reference: str | None,
    original: Path | None,
    account: str | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Say who read a document, with bytes, client and times; or what an account read.

    "Read" is what was sent. A program that looks ahead or scans reads too: the client says which it was. "Unconfirmed"
    bytes may have been sent: the session goes on, or the service died before it wrote them down. "Listed" is a folder
    that was opened while the document stood in it, by which its name may have been seen.
    """
    if sum(given is not None for given in (reference, original, account)) != 1:
        raise OperatorError("Say what to find: --reference, --file or --account.", exit_status=2)
    with desk(ctx, ANYONE) as here, ExitStack() as reading:
        main = reading.enter_context(here.reading())
        names, numbers = people_and_schools(main)
        number = account_named(main, account).id if account else None
        documents = [] if account else _asked_about(here, reference, original)
        record = reading.enter_context(reading_record(here.core.settings.record_url(here.core.home.path)))
        if number is not None:
            found = readers.of_account(record, number, None)
            documents = tracing.by_reference(main, {read.reference for read in found.reads})
        else:
            found = tracing.read_by(record, documents)
        kinds = categories.names(main)
    said = Said(documents, found, names, numbers, kinds)
    if as_json:
        click.echo(to_json(said.json()))
    elif as_csv:
        said.print_csv()
    else:
        said.print(documents_first=account is None)


def readers_said(here: Desk, reference: str) -> Said:
    """Who read the document with this reference, to be printed."""
    documents = _asked_about(here, reference, None)
    with here.reading() as main, reading_record(here.core.settings.record_url(here.core.home.path)) as record:
        return Said(documents, tracing.read_by(record, documents), *people_and_schools(main), categories.names(main))


def _asked_about(here: Desk, reference: str | None, original: Path | None) -> list[Traced]:
    with here.reading() as connection:
        if original is not None:
            found = tracing.by_file(connection, original)
            missing = f"Nothing that was published has the bytes of {original}: give the original itself."
        else:
            found = tracing.by_reference(connection, [as_reference(reference or "")])
            missing = f"No document has the reference '{reference}': see 'ladocs document list'."
    if not found:
        raise OperatorError(missing)
    return found


class Said:
    """The answer as people and programs read it."""

    def __init__(
        self,
        documents: list[Traced],
        found: Found,
        names: Mapping[int, str],
        numbers: Mapping[int, str],
        kinds: Mapping[int, str],
    ) -> None:
        self._documents = documents
        self._found = found
        self._names = names
        self._numbers = numbers
        self._kinds = kinds
        self._sizes = {one.reference: one.size for one in documents}

    def json(self) -> dict[str, Any]:
        """All of it: documents, reads, listings, and how many records could not be read."""
        return {
            "documents": [
                {
                    "reference": one.reference,
                    "category": one.category,
                    "size": one.size,
                    "published_at": one.published_at,
                }
                for one in self._documents
            ],
            "read": [
                {**read_row(one, self._names, self._numbers), "of": self._sizes.get(one.reference)}
                for one in self._found.reads
            ],
            "listed": [listing_row(one, self._names, self._numbers, self._kinds) for one in self._found.listings],
            "unreadable": self._found.unreadable,
        }

    def print_csv(self) -> None:
        """Reads and listings as one table for Excel, with times in UTC, in which no cell is a formula."""
        said = self.json()
        rows = [{"what": what, **row} for what in ("read", "listed") for row in said[what]]
        click.echo(to_csv(rows, _IN_CSV), nl=False)
        self._tell_of_unreadable()

    def print(self, *, documents_first: bool) -> None:
        """Two tables; before them the documents, where they were asked for."""
        said = self.json()
        about, reads, listings = said["documents"], said["read"], said["listed"]
        if documents_first:
            shown = [{**row, "size": decimal(row["size"])} for row in about]
            table(shown, ("reference", "category", "size", "published_at"), as_json=False)
        click.echo("Read:")
        short = [
            {**row, "sent": decimal(row["sent"]), "of": row["of"] and decimal(row["of"]),
             "unconfirmed": row["unconfirmed"] and f"up to {decimal(row['unconfirmed'])}"}
            for row in reads
        ]  # fmt: skip
        table(short, _READ, as_json=False, nothing="Nobody, as far as the record goes.")
        click.echo("Listed:")
        table(listings, _LISTED, as_json=False, nothing="Nobody, as far as the record goes.")
        self._tell_of_unreadable()

    def _tell_of_unreadable(self) -> None:
        if self._found.unreadable:
            said = counted(self._found.unreadable, "record")
            click.echo(
                f"{said} of that time cannot be read: pruned by audit.keep, or else see 'audit verify'.", err=True
            )


def read_row(one: Read, names: Mapping[int, str], numbers: Mapping[int, str]) -> dict[str, Any]:
    """What one reader got of one document."""
    return {
        **_who(one.reader, names, numbers),
        "reference": one.reference,
        "first": one.first,
        "last": one.last,
        "times": one.times,
        "sent": one.sent,
        "unconfirmed": one.unconfirmed,
    }


def listing_row(
    one: Listing, names: Mapping[int, str], numbers: Mapping[int, str], kinds: Mapping[int, str]
) -> dict[str, Any]:
    """How often one reader listed one folder. `kinds`: the categories by number."""
    _, month, category = one.folder.split("/")
    folder = f"{month}/{kinds.get(int(category), category)}"
    times = {"first": one.first, "last": one.last, "times": one.times}
    return {**_who(one.reader, names, numbers), "folder": folder, **times}


def _who(reader: Reader, names: Mapping[int, str], numbers: Mapping[int, str]) -> Row:
    return {
        "account": names.get(reader.actor, str(reader.actor)) if reader.actor is not None else None,
        "school": numbers.get(reader.school, str(reader.school)) if reader.school is not None else None,
        "protocol": reader.protocol,
        "client": reader.client or reader.protocol,
        "from": reader.address,
    }
