"""Showing what a person is shown once: a password, the secret of one-time codes."""

from __future__ import annotations

from dataclasses import dataclass, field

import click

from auth.totp import uri
from gateway.cli.output import to_json
from gateway.core import Core


@dataclass(frozen=True, slots=True)
class Issued:
    """What was made for an account, to be shown once."""

    username: str
    password: str | None = field(default=None, repr=False)
    totp_secret: str | None = field(default=None, repr=False)


def print_issued(core: Core, issued: Issued, *, as_json: bool) -> None:
    """Show it, once: the secret of one-time codes as a QR code and as text."""
    address = None
    if issued.totp_secret is not None:
        address = uri(issued.totp_secret, username=issued.username, issuer=core.settings.service.name)
    if as_json:
        secrets = {"password": issued.password, "totp_secret": issued.totp_secret, "totp_uri": address}
        click.echo(to_json({"username": issued.username, **secrets}))
        return
    click.echo(f"account   {issued.username}")
    if issued.password is not None:
        click.echo(f"password  {issued.password}")
    if address is not None and issued.totp_secret is not None:
        click.echo(f"codes     {_grouped(issued.totp_secret)}")
        _print_qr(address)
    if issued.password is not None or address is not None:
        click.echo("This is shown once: hand it over in person or by telephone, never by mail.", err=True)


def _grouped(secret: str) -> str:
    return " ".join(secret[n : n + 4] for n in range(0, len(secret), 4))


def _print_qr(address: str) -> None:
    import segno

    segno.make(address, error="m").terminal(compact=True, border=2)
