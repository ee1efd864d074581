"""Known places [R18]: the address prefixes from which an account signed in within 30 days. Called by the authenticator.

Functions act within the caller's transaction. Thread-safe.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from auth.models import KnownPlace
from auth.networks import inside, prefix_of
from auth.upsert import insert_into

LIFE = timedelta(days=30)


def is_known(
    connection: Connection, account_id: int | None, address: str, at: datetime, networks: Iterable[str] = ()
) -> bool:
    """Did this account sign in from around `address` within 30 days, or does that lie in one of `networks` (CIDR)?

    Raises ValueError for no address.
    """
    return inside(address, networks) or (
        connection.execute(
            select(KnownPlace.last_at).where(
                KnownPlace.account_id == (account_id or 0),
                KnownPlace.prefix == prefix_of(address),
                KnownPlace.last_at > at - LIFE,
            )
        ).first()
        is not None
    )


def remember(connection: Connection, account_id: int, address: str, at: datetime) -> None:
    """Note that the account signed in from `address`; what is older than 30 days goes."""
    row = insert_into(connection, KnownPlace).values(account_id=account_id, prefix=prefix_of(address), last_at=at)
    connection.execute(row.on_conflict_do_update(index_elements=["account_id", "prefix"], set_={"last_at": at}))
    connection.execute(delete(KnownPlace).where(KnownPlace.account_id == account_id, KnownPlace.last_at <= at - LIFE))
