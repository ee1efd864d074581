"""Accounts of people who left long ago lose what names them, and keep their number [R37].

Called by `gateway.leavers` and where a short name is given. A short name is never given again [R11]: in its place
stands a pseudonym that the same name makes again, slowly, so that a wanted name can be recognised and a list of names
is not tried in a moment. Functions take the caller's connection; raise sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from auth.models import Account, Device, Link, RecoveryCode, SshKey
from auth.principal import AccountState, Kind

NAME = "somebody who left"
"""What stands for the name of a person."""

_MARK = "~"  # in no short name
_SALT = b"ladocs/v1/former"
_DIGITS = 10


def pseudonym(username: str) -> str:
    """What stands for a short name: `~` and 16 letters and digits."""
    digest = hashlib.scrypt(username.encode(), salt=_SALT, n=2**14, r=8, p=1, dklen=_DIGITS)
    return _MARK + base64.b32encode(digest).decode("ascii").lower()


def is_pseudonym(username: str) -> bool:
    """Whether it stands for a short name that was forgotten."""
    return username.startswith(_MARK)


def was_given(connection: Connection, username: str) -> bool:
    """Whether a person who was forgotten had this short name."""
    if connection.execute(select(Account.id).where(Account.username.startswith(_MARK)).limit(1)).first() is None:
        return False
    return connection.execute(select(Account.id).where(Account.username == pseudonym(username))).first() is not None


def due(connection: Connection, left_before: datetime) -> list[int]:
    """The accounts of people who left before then and are still named; leaving ended their last session."""
    rows = select(Account.id).where(
        Account.kind == Kind.PERSON,
        Account.state == AccountState.LEFT,
        Account.sessions_from < left_before,
        ~Account.username.startswith(_MARK),
    )
    return list(connection.execute(rows.order_by(Account.id)).scalars())


def pseudonymise(connection: Connection, account_id: int) -> None:
    """Forget name, address, short name, and every key, device and link of an account that has left."""
    username = connection.execute(select(Account.username).where(Account.id == account_id)).scalar_one()
    forgotten = {"username": pseudonym(username), "name": NAME, "email": None}
    connection.execute(update(Account).where(Account.id == account_id).values(forgotten))
    for table in (SshKey, Device, Link, RecoveryCode):
        connection.execute(delete(table).where(table.account_id == account_id))
