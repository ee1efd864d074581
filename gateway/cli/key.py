"""`ladocs key add | list | remove`: SSH public keys."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from auth import keys
from auth.keys import KeyRow
from config.errors import OperatorError
from gateway.cli.desk import ADMINISTRATORS, ANYONE, DAY, HomeCommand, account_named, account_present, desk
from gateway.cli.output import details, json_option, table
from policy.audit.events import EventKind

_COLUMNS = ("id", "name", "fingerprint", "networks", "expires_at", "last_used_at", "removed_at")
_LARGEST = 65536


@click.command(cls=HomeCommand)
@click.argument("username")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--name", required=True, help="Where the key lives, like 'Office PC'.")
@click.option("--network", "networks", metavar="CIDR", multiple=True, help="Only from this network (repeatable).")
@click.option("--until", type=DAY, help="Its last day.")
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    username: str,
    file: Path,
    name: str,
    networks: tuple[str, ...],
    until: datetime | None,
    as_json: bool,
) -> None:
    """Add the OpenSSH public key in FILE (- reads standard input) to an account."""
    line = _line(file)
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_present(change.connection, username)
        key = keys.add(change.connection, account.id, line, name, at=change.at, bound_to=networks, expires_at=until)
        reason = f"key {key.id} {key.fingerprint}"
        change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason=reason)
    details(_row(key), as_json=as_json)


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
        keys.remove(change.connection, account.id, number, change.at)
        change.record(EventKind.CREDENTIAL_REMOVED, f"account:{account.id}", reason=f"key {number}")
    click.echo(f"Key {number} of {account.username} has ended.")


def _line(file: Path) -> str:
    try:
        with click.open_file(str(file), "rb") as stream:
            data: bytes = stream.read(_LARGEST)
        lines = [line for line in data.decode().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    except OSError as exc:
        raise OperatorError(f"{file} cannot be read ({exc.strerror}): give the file that ends in .pub.") from exc
    except UnicodeDecodeError as exc:
        raise OperatorError(f"{file} is no text: give an OpenSSH public key, the file that ends in .pub.") from exc
    if "PRIVATE KEY" in "".join(lines[:1]):
        return lines[0]
    if len(lines) != 1:
        raise OperatorError(f"{file} holds {len(lines)} lines: give a file with one public key.")
    return lines[0]


def _row(key: KeyRow) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "fingerprint": key.fingerprint,
        "networks": key.networks,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "removed_at": key.revoked_at,
    }
