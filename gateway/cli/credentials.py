"""Making what a person is shown once: password, secret of one-time codes. Neither is kept in clear or recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

import click

from auth import accounts
from auth.accounts import AccountRow
from auth.totp import uri
from gateway.change import Change
from gateway.cli.output import to_json
from gateway.core import Core
from policy.audit.events import EventKind


@dataclass(frozen=True, slots=True)
class Issued:
    """What was made for an account, to be shown once."""

    username: str
    password: str | None = field(default=None, repr=False)
    totp_secret: str | None = field(default=None, repr=False)


def issue_password(core: Core, change: Change, account: AccountRow) -> str:
    """A new password of three random words."""
    password = core.passwords.three_words(staff=bool(account.roles))
    accounts.set_password_hash(change.connection, account.id, core.passwords.hash(password))
    change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason="password")
    return password


def issue_totp(core: Core, change: Change, account: AccountRow) -> str:
    """A new secret for one-time codes; the one before ends."""
    secret = core.totp.new_secret()
    accounts.set_totp_sealed(change.connection, account.id, core.totp.seal(account.id, secret))
    change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason="one-time codes")
    return secret


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
