"""`ladocs init`: a home for real, with its settings file and the first account of the authority."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from auth import accounts
from auth.principal import AccountState, StaffRole
from config.clock import SystemClock
from config.entropy import system_entropy
from config.errors import OperatorError
from gateway import core as cores
from gateway import recovery
from gateway.change import changing
from gateway.cli.credentials import Issued, confirm_codes, print_issued
from gateway.cli.desk import HomeCommand, home_path
from gateway.cli.operators import os_user
from gateway.cli.output import json_option
from gateway.core import Core
from gateway.founding import LOCAL_HOSTS, founding
from gateway.issuing import issue_password, issue_totp, new_recovery_codes
from policy.audit.events import EventKind

_SETTINGS = """\
# The settings of this home. Each one, with its unit and default: docs/settings.md. A change acts at the next start.

[service]
name = {service}

[support]   # stands in every page, refusal and mail
name = {support_name}
phone = {support_phone}
mail = {support_mail}
hours = {support_hours}

[keys]      # a volume of its own, in no backup and no snapshot
dir = {keys_dir}

[serve]
sftp_host = {host}
https_host = {host}

[operators] # users of this machine, and the account as which each gives commands
{user} = {username}
"""
_KEYS_IN_HOME = (
    "The keys lie in the home: a backup that holds both brings destroyed documents back. Leave HOME/keys out of every"
    " backup and snapshot."
)


@click.command(cls=HomeCommand)
@click.option(
    "--keys-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the vault's keys, outside the home: in no backup and no snapshot.",
)
@click.option(
    "--keys-in-home", is_flag=True, help="Keep the keys in HOME/keys, and take the risk of a backup that holds both."
)
@click.option("--username", required=True, help="Short name of the first administrator, who you are from now on.")
@click.option("--name", required=True, help="The administrator's name.")
@click.option("--email", required=True, help="The administrator's own work address.")
@click.option("--service", default="LA Documents", show_default=True, help="What the service is called.")
@click.option("--support-name", required=True, help="Team that people ask.")
@click.option("--support-phone", required=True, help="Its telephone number.")
@click.option("--support-mail", required=True, help="Its mail address.")
@click.option("--support-hours", default="Monday to Friday, 9:00 to 17:00", show_default=True, help="When it answers.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address on which SFTP and HTTPS are served.")
@click.option(
    "--server-name", "server_names", multiple=True, help="Name in the first, self-signed certificate (repeatable)."
)
@json_option
@click.pass_context
def init(
    ctx: click.Context,
    /,
    username: str,
    name: str,
    email: str,
    keys_dir: Path | None,
    keys_in_home: bool,
    server_names: tuple[str, ...],
    as_json: bool,
    **answers: str,
) -> None:
    """Make a home: settings, keys, certificate, databases, and the first administrator.

    Refuses a folder that holds anything. The administrator's password, code secret and recovery codes, and
    the recovery key of backups, are shown once; at a terminal a code confirms that the authenticator works.
    """
    path, user = home_path(ctx), os_user(os.environ)
    answers |= {"keys_dir": _keys_dir(path, keys_dir, keys_in_home), "user": user, "username": username}
    quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in answers.items()}
    text = _SETTINGS.format(**quoted)
    with founding(
        path,
        settings_text=text,
        environ=os.environ,
        clock=SystemClock(),
        entropy=system_entropy,
        hosts=server_names or LOCAL_HOSTS,
    ) as (home, settings):
        core = cores.core(home, settings)
        try:
            issued = _first_administrator(core, username, name, email, user)
            recovery_key = recovery.make(home.path)
        finally:
            core.database.dispose()
    print_issued(core, issued, recovery_key, as_json=as_json)
    if sys.stdin.isatty() and not as_json:
        try:
            confirm_codes(core, issued)
        finally:
            core.database.dispose()
    if keys_in_home:
        click.echo(_KEYS_IN_HOME, err=True)
    click.echo(f"{path} is ready: enter schools ('ladocs school import'), then people, then 'ladocs serve'.", err=True)


def _keys_dir(home: Path, named: Path | None, in_home: bool) -> str:
    """What `keys.dir` says. Raises OperatorError (status 2)."""
    if in_home == (named is not None):
        raise OperatorError(
            "Say where the vault's keys lie: --keys-dir DIR on a volume that is in no backup, or --keys-in-home.",
            exit_status=2,
        )
    if named is None:
        return "keys"
    keys, at = named.resolve(), home.resolve()
    if keys.is_relative_to(at) or at.is_relative_to(keys):
        raise OperatorError(
            f"{named} and the home {home} lie in one another, so a backup of one holds both: give a --keys-dir outside"
            " the home, or accept the risk with --keys-in-home.",
            exit_status=2,
        )
    return str(named.absolute())


def _first_administrator(core: Core, username: str, name: str, email: str, user: str) -> Issued:
    with cores.recording(core) as log, changing(core, log, None, user) as change:
        account_id = accounts.create_person(
            change.connection,
            username=username,
            email=email,
            name=name,
            at=change.at,
            rules=core.addresses,
            roles=[StaffRole.ADMINISTRATOR, StaffRole.OFFICER],
            state=AccountState.ACTIVE,
        )
        change.record(EventKind.ACCOUNT_CHANGED, f"account:{account_id}", reason="first administrator")
        account = accounts.get(change.connection, account_id)
        assert account is not None, "it was entered just now"
        return Issued(
            account_id,
            account.username,
            password=issue_password(core, change, account),
            totp_secret=issue_totp(core, change, account),
            recovery_codes=new_recovery_codes(core, change, account),
        )
