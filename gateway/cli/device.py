"""`ladocs device add | list | revoke`: device passwords, for drives over WebDAV [R16]."""

from __future__ import annotations

from datetime import datetime

import click

from auth import devices
from auth.devices import DeviceRow
from gateway.cli.desk import ADMINISTRATORS, ANYONE, DAY, HomeCommand, account_named, account_present, desk
from gateway.cli.output import json_option, table, to_json
from gateway.giving import end_device, give_device

_COLUMNS = ("id", "name", "networks", "expires_at", "last_used_at", "last_address", "last_client", "revoked_at")


@click.command(cls=HomeCommand)
@click.argument("username")
@click.option("--name", required=True, help="The device, like 'Office PC'.")
@click.option("--network", "networks", metavar="CIDR", multiple=True, help="Only from this network (repeatable).")
@click.option("--until", type=DAY, help="Its last day: at most 400 days from now.")
@json_option
@click.pass_context
def add(
    ctx: click.Context, username: str, name: str, networks: tuple[str, ...], until: datetime | None, as_json: bool
) -> None:
    """Make a device password for an account, shown once. It is good for WebDAV alone."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_present(change.connection, username)
        shown, device = give_device(here.core, change, account, name, networks, until)
    if as_json:
        click.echo(to_json({"username": account.username, "device_password": shown, **_row(device)}))
        return
    click.echo(f"user name        {account.username}")
    click.echo(f"device password  {shown}")
    click.echo("This is shown once: type it on the device itself.", err=True)


@click.command(name="list", cls=HomeCommand)
@click.argument("username")
@json_option
@click.pass_context
def list_(ctx: click.Context, username: str, as_json: bool) -> None:
    """List the device passwords of an account, revoked ones too."""
    with desk(ctx, ANYONE) as here, here.reading() as connection:
        found = devices.listing(connection, account_named(connection, username).id)
    table([_row(device) for device in found], _COLUMNS, as_json=as_json)


@click.command(cls=HomeCommand)
@click.argument("username")
@click.argument("number", type=int)
@click.pass_context
def revoke(ctx: click.Context, username: str, number: int) -> None:
    """End the device password with this NUMBER. Its drive notices within 5 seconds."""
    with desk(ctx, ADMINISTRATORS) as here, here.change() as change:
        account = account_named(change.connection, username)
        end_device(change, account.id, number)
    click.echo(f"Device password {number} of {account.username} has ended.")


def _row(device: DeviceRow) -> dict[str, object]:
    return {
        "id": device.id,
        "name": device.name,
        "networks": device.networks,
        "created_at": device.created_at,
        "expires_at": device.expires_at,
        "last_used_at": device.last_used_at,
        "last_address": device.last_address,
        "last_client": device.last_client,
        "revoked_at": device.revoked_at,
    }
