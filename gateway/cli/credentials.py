"""Showing what the first administrator is shown once: a password, the secret of one-time codes, recovery codes."""

from __future__ import annotations

from dataclasses import dataclass, field

import click

from auth.totp import spend, step_for, uri
from gateway.cli.output import text, to_json
from gateway.core import Core


@dataclass(frozen=True, slots=True)
class Issued:
    """What was made for an account, to be shown once."""

    account_id: int
    username: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)
    recovery_codes: tuple[str, ...] = field(repr=False)


def print_issued(core: Core, issued: Issued, recovery_key: str, *, as_json: bool) -> None:
    """Show it, once: the secret of one-time codes as a QR code and as text. `recovery_key`: of the home's backups."""
    address = uri(issued.totp_secret, username=issued.username, issuer=core.settings.service.name)
    if as_json:
        shown = {
            "username": issued.username,
            "password": issued.password,
            "totp_secret": issued.totp_secret,
            "totp_uri": address,
            "recovery_codes": issued.recovery_codes,
            "recovery_key": recovery_key,
        }
        click.echo(to_json(shown))
        return
    click.echo(f"account   {issued.username}")
    click.echo(f"password  {issued.password}")
    click.echo(f"codes     {_grouped(issued.totp_secret)}")
    _print_qr(address)
    click.echo("recovery  each good once, at the pages, when the authenticator is lost:")
    for first, second in zip(issued.recovery_codes[::2], issued.recovery_codes[1::2], strict=True):
        click.echo(f"          {first}   {second}")
    click.echo("backups   the line below, alone in a file offline, opens the secrets in backups:")
    click.echo(f"          {recovery_key}")
    click.echo("This is shown once: keep it apart from this machine.", err=True)


def confirm_codes(core: Core, issued: Issued) -> None:
    """Ask at the terminal for a code of the new secret, until one is right: so it has arrived in an authenticator."""
    while True:
        typed = click.prompt("Scan the code above, then type the six digits of your authenticator", err=True)
        at = core.clock.now()
        step = step_for(issued.totp_secret, typed, at)
        if step is not None:
            with core.database.write() as connection:
                spend(connection, issued.account_id, step)
            click.echo("Right: the authenticator is set up.", err=True)
            return
        click.echo(f"Not right: it is {text(at)} here; compare the clock of the authenticator and try again.", err=True)


def _grouped(secret: str) -> str:
    return " ".join(secret[n : n + 4] for n in range(0, len(secret), 4))


def _print_qr(address: str) -> None:
    import segno

    segno.make(address, error="m").terminal(compact=True, border=2)
