"""What ends by itself in schools: standing in for a headteacher, roles, and categories that were given to a day [R33].

Called by `gateway.announcements`, beside `auth.expiring`. Reads within the caller's transaction. Only what holds at the
moment is told of, and of active accounts alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from auth.expiring import Ending, What
from auth.models import Account
from auth.principal import AccountState
from policy.access import HEADTEACHER
from policy.models import Category, Grant, Membership, School


def endings(connection: Connection, since: datetime, until: datetime) -> list[Ending]:
    """The roles and categories that end between the two moments, by school; `name` says what ends and where."""
    roles = (
        select(*_of(Membership), Membership.role.label("what"))
        .join(School, School.id == Membership.school_id)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.ended_at.is_(None), *_ends(Membership.expires_at.expression, since, until))
        .order_by(School.dfe, Membership.id)
    )
    categories = (
        select(*_of(Grant), Category.name.label("what"))
        .join(School, School.id == Grant.school_id)
        .join(Account, Account.id == Grant.account_id)
        .join(Category, Category.id == Grant.category_id)
        .where(Grant.revoked_at.is_(None), *_ends(Grant.expires_at.expression, since, until))
        .order_by(School.dfe, Grant.id)
    )
    return [
        Ending(
            what=kind,
            id=row.id,
            account_id=row.account_id,
            name=f"{'acting ' if row.what == HEADTEACHER else ''}{row.what} at {row.name}",
            begun=row.since,
            ends=row.expires_at,
        )
        for kind, rows in ((What.ROLE, roles), (What.CATEGORY, categories))
        for row in connection.execute(rows)
    ]


def _of(table: type[Membership] | type[Grant]) -> tuple[ColumnElement[Any], ...]:
    columns = (table.id, table.account_id, table.since, table.expires_at, School.name)
    return tuple(column.expression for column in columns)


def _ends(column: ColumnElement[datetime | None], since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return (column >= since, column < until, Account.state == AccountState.ACTIVE)
