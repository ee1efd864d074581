"""Who gives a command: the user of the machine, mapped to an account by `[operators]`.

`SUDO_USER` goes first, but only where the process is root: anybody can set a variable.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

from sqlalchemy import Connection

from auth import accounts
from auth.accounts import AccountRow
from auth.principal import AccountState, StaffRole
from config.errors import OperatorError


def os_user(environ: Mapping[str, str]) -> str:
    """The name of the user at the terminal."""
    if os.geteuid() == 0 and environ.get("SUDO_USER"):
        return environ["SUDO_USER"]
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def operator(
    connection: Connection, operators: Mapping[str, str], user: str, allowed: frozenset[StaffRole]
) -> AccountRow:
    """The account that acts. Raises OperatorError for whoever is not mapped, not active or not allowed."""
    username = operators.get(user)
    if username is None:
        raise OperatorError(
            f'You ({user}) may not give commands here: an administrator adds {user} = "SHORT NAME" under [operators]'
            " in ladocs.toml."
        )
    account = accounts.find(connection, username)
    if account is None or account.state is not AccountState.ACTIVE or not account.roles:
        raise OperatorError(
            f"operators.{user} names {username}, which is no active account of the authority: give one that is."
        )
    if not account.roles & allowed:
        raise OperatorError(f"{username} may not do this: it is for {' or '.join(sorted(allowed))}.")
    return account
