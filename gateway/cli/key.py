"""`ladocs key add | list | remove`: SSH public keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from auth import keys
from auth.keys import KeyRow
from config.errors import OperatorError
from gateway.cli.desk import ADMINISTRATORS, ANYONE, DAY, HomeCommand, account_named, account_present, desk
from gateway.cli.output import json_option, table, text
from gateway.giving import end_key, give_key

_COLUMNS = (
    *("id", "name", "fingerprint", "networks", "expires_at"),
    *("last_used_at", "last_address", "last_client", "removed_at"),
)
_LARGEST = 65536


@click.command(cls=HomeCommand)
@click.argument("username")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--name", required=True, help="Where the key lives, like 'Office PC'.")
@click.option("--network", "networks", metavar="CIDR", multiple=True, help="Only from this network (repeatable).")
@click.option("--until", type=DAY, help="Its last day.")
@click.option("--partial", is_flag=True, help="Of several keys, add the good ones where others are bad.")
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    username: str,
    file: Path,
    name: str,
    networks: tuple[str, ...],
    until: datetime | None,
    partial: bool,
    as_json: bool,
) -> int:
    """Add the OpenSSH public keys in FILE (- reads standard input), one a line, to an account.

    Of several keys, all or none are added; what is wrong with a line is said.
    """
    lines = _lines(file)
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_present(change.connection, username)
        added: list[KeyRow] = []
        bad: list[tuple[int, str]] = []
        for number, line in lines:
            called = name if len(lines) == 1 else f"{name} {len(added) + len(bad) + 1}"
            try:
                added.append(give_key(here.core, change, account, line, called, networks, until))
            except OperatorError as exc:
                bad.append((number, str(exc)))
        if bad and len(lines) == 1:
            raise OperatorError(bad[0][1])
        _say(bad)
        if bad and not (partial and added):
            raise OperatorError("No key was added: mend these lines, or add the good ones with --partial.")
    table([_row(key) for key in added], _COLUMNS, as_json=as_json)
    return 1 if bad else 0


@click.command(name="list", cls=HomeCommand)
@click.argument("username")
@json_option
@click.pass_context
def list_(ctx: click.Context, username: str, as_json: bool) -> None:
    """List the keys of an account, removed ones too."""
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        found = keys.listing(connection, account_named(connection, username).id)
    table([_row(key) for key in found], _COLUMNS, as_json=as_json)


@click.command(cls=HomeCommand)
@click.argument("username")
@click.argument("number", type=int)
@click.pass_context
def remove(ctx: click.Context, username: str, number: int) -> None:
    """End the key with this NUMBER for good. Open sessions notice within 5 seconds."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_named(change.connection, username)
        end_key(change, account.id, number)
    click.echo(f"Key {number} of {account.username} has ended.")


def _lines(file: Path) -> list[tuple[int, str]]:
    """The lines that could be keys, with their numbers; of a private key, which is refused, the first alone."""
    try:
        with click.open_file(str(file), "rb") as stream:
            data: bytes = stream.read(_LARGEST + 1)
        numbered = list(enumerate(data.decode().splitlines(), 1))
    except OSError as exc:
        raise OperatorError(f"{file} cannot be read ({exc.strerror}): give the file that ends in .pub.") from exc
    except UnicodeDecodeError as exc:
        raise OperatorError(f"{file} is no text: give an OpenSSH public key, the file that ends in .pub.") from exc
    if len(data) > _LARGEST:
        raise OperatorError(f"{file} is larger than a file of keys: give the file that ends in .pub.")
    lines = [(number, line) for number, line in numbered if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise OperatorError(f"{file} holds no key: give the file that ends in .pub.")
    return lines[:1] if "PRIVATE KEY" in lines[0][1] else lines


def _say(bad: Sequence[tuple[int, str]]) -> None:
    for number, message in bad:
        click.echo(text(f"line {number}: {message}"), err=True)


def _row(key: KeyRow) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "fingerprint": key.fingerprint,
        "networks": key.networks,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "last_address": key.last_address,
        "last_client": key.last_client,
        "removed_at": key.revoked_at,
    }
