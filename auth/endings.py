"""Ending what is open when something changes [R15] [R19] [R20]: sessions, trust and mailed links of an account.

Called by whatever changes a credential or takes access away. Functions act within the caller's transaction, which also
bumps the counter that every process watches. Thread-safe.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, update

from auth.models import Account, Link, PageSession, Trust


def end_sessions(connection: Connection, account_id: int, at: datetime) -> None:
    """End every session that was opened before `at`, of SFTP and of the pages, with trust and links.

    Device passwords and keys of scripts have a life of their own: `auth.standing` leaves their sessions alone.
    """
    connection.execute(update(Account).where(Account.id == account_id).values(sessions_from=at))
    connection.execute(delete(PageSession).where(PageSession.account_id == account_id))
    end_links(connection, account_id, at)
    end_trust(connection, account_id)


def end_trust(connection: Connection, account_id: int) -> int:
    """Ask for a code everywhere again; how many places were trusted."""
    return connection.execute(delete(Trust).where(Trust.account_id == account_id)).rowcount


def end_links(connection: Connection, account_id: int, at: datetime) -> None:
    """No link that was mailed before opens anything."""
    live = update(Link).where(Link.account_id == account_id, Link.ended_at.is_(None))
    connection.execute(live.values(ended_at=at))
