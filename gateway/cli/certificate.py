"""`ladocs certificate list | show | verify`."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.errors import OperatorError
from config.secrets import Secrets
from gateway import core as cores
from gateway.certificate import differences
from gateway.cli.desk import ANYONE, HomeCommand, desk, home_path
from gateway.cli.output import details, json_option, table
from policy.audit.checkpoint import PublicKeys, key_id
from policy.audit.checkpoints import public_keys

_COLUMNS = ("name", "day", "cause", "state", "documents", "keys_gone", "file")
_NAME = re.compile(r"[0-9a-z-]+")


@click.command(name="list", cls=HomeCommand)
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the certificates of destruction, the newest first."""
    with desk(ctx, ANYONE) as here:
        files = sorted(here.core.home.certificates_dir.glob("*.txt"), reverse=True)
    rows = []
    for file in files:
        said = dict(line.partition(" ")[::2] for line in _read(file).decode("ascii", "replace").splitlines())
        rows.append(
            {
                "name": file.stem,
                "day": said.get("day"),
                "cause": said.get("cause"),
                "state": said.get("state"),
                "documents": int(said["documents"]) if said.get("documents", "").isdecimal() else None,
                "keys_gone": _moment(said.get("keys-gone")),
                "file": str(file),
            }
        )
    table(rows, _COLUMNS, as_json=as_json, nothing="Nothing was destroyed yet.")


@click.command(cls=HomeCommand)
@click.argument("name")
@json_option
@click.pass_context
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """Print the certificate called NAME: a destroy day, or as 'ladocs certificate list' has it."""
    with desk(ctx, ANYONE) as here:
        file = here.core.home.certificates_dir / f"{name}.txt"
    if not _NAME.fullmatch(name) or not file.is_file():
        raise OperatorError(f"No certificate is called '{name}': see 'ladocs certificate list'.")
    said = _read(file).decode("ascii", "replace")
    if as_json:
        details({"name": name, "file": str(file), "certificate": said}, as_json=True)
    else:
        click.echo(said, nl=False)


@click.command(cls=HomeCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key", "keys", multiple=True, metavar="HEX", help="Trust this key; no home is needed then (repeatable)."
)
@json_option
@click.pass_context
def verify(ctx: click.Context, file: Path, keys: tuple[str, ...], as_json: bool) -> int:
    """Prove that a certificate is as it was signed, and say what differs. Exit status 1 when something does.

    It needs no server and no operator. 'ladocs audit checkpoint --public-key' prints the keys: keep them elsewhere.
    """
    found = differences(_read(file), trusted_keys(ctx, keys))
    details({"intact": not found, "differs": found}, as_json=as_json)
    return 1 if found else 0


def _moment(said: str | None) -> datetime | None:
    """A time as a certificate has it; None where there is none that reads as one."""
    with suppress(ValueError):
        return None if said is None else datetime.fromisoformat(said)
    return None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        raise OperatorError(f"{file} cannot be read ({exc.strerror}): name the file of a certificate.") from exc


def trusted_keys(ctx: click.Context, keys: tuple[str, ...]) -> PublicKeys:
    """The keys that were named in hex, else all that ever signed for the home. Raises OperatorError."""
    if keys:
        return _named(keys)
    home, _ = cores.open_home(home_path(ctx), os.environ)
    return public_keys(Secrets(home.secrets_dir))


def _named(keys: tuple[str, ...]) -> PublicKeys:
    try:
        made = [Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)) for key in keys]
    except ValueError as exc:
        raise OperatorError("--key takes 64 hex digits, as 'ladocs audit checkpoint --public-key' prints.") from exc
    return {key_id(key): key for key in made}
