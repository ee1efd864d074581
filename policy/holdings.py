"""What somebody holds, as it stands in the tables: the one query of policy behind every operation [R5] [R6].

Called by `gateway.scopes` for whoever has signed in, and where it is explained what an account may see. `policy.access`
says what it means. Thread-safe; raises sqlalchemy.exc.SQLAlchemyError alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select

from auth.principal import Kind, Principal
from auth.standing import Standing, standing
from policy import categories
from policy.access import HEADTEACHER, Holder, Reason, SchoolScope, Scope
from policy.models import Grant, Membership, School, grant_holds, role_holds
from policy.schools import SchoolState, folder_name

_Row = Row[*tuple[Any, ...]]

_BELONGING = (
    select(
        Membership.role,
        Membership.since,
        Membership.expires_at,
        Membership.suspended_at,
        *School.__table__.columns,
    )
    .join(School, School.id == Membership.school_id)
    .order_by(Membership.since, Membership.id)
)

_STANDING = {
    Standing.SUSPENDED: Reason.ACCOUNT_SUSPENDED,
    Standing.EXPIRED: Reason.ACCOUNT_EXPIRED,
    Standing.ENDED: Reason.ACCOUNT_ENDED,
    Standing.OTHER_NETWORK: Reason.OTHER_NETWORK,
    Standing.CREDENTIAL_ENDED: Reason.CREDENTIAL_ENDED,
}


def scope_for(connection: Connection, principal: Principal, at: datetime) -> Scope:
    """What `principal` holds at `at`; nothing, where account, network or credential stands in the way."""
    obstacle = _STANDING.get(standing(connection, principal, at))
    if obstacle is None:
        return held_by(connection, principal, at)
    named = categories.names(connection)
    return Scope(principal=principal, categories=named, schools=MappingProxyType({}), obstacle=obstacle)


def obstacles(connection: Connection, account_id: int, at: datetime) -> list[Reason | None]:
    """What stands in the way of every document in each of the account's schools at `at`; None: nothing does."""
    return [_obstacle(rows, at) for rows in _belonging(connection, account_id, at).values()]


def held_by(connection: Connection, holder: Holder, at: datetime) -> Scope:
    """What `holder` holds in schools at `at`, whether or not it could sign in."""
    named = categories.names(connection)
    schools = {} if holder.roles else _schools_of(connection, holder, frozenset(named), at)
    return Scope(
        principal=holder,
        categories=named,
        schools=MappingProxyType(schools),
        obstacle=None if schools or holder.roles else Reason.NO_SCHOOL,
    )


def _belonging(connection: Connection, account_id: int, at: datetime) -> dict[int, list[_Row]]:
    """The roles that the account has at `at`, by school, the oldest first."""
    found: dict[int, list[_Row]] = {}
    for row in connection.execute(_BELONGING.where(Membership.account_id == account_id, role_holds(at))):
        found.setdefault(row.id, []).append(row)
    return found


def _obstacle(roles: Sequence[_Row], at: datetime) -> Reason | None:
    """What stands in the way of whoever has these roles in a school: the first row that applies."""
    school = roles[0]
    ended = school.agreement_until is not None and at >= school.agreement_until
    rows = (
        (school.state != SchoolState.ACTIVE, Reason.SCHOOL_SUSPENDED),
        (school.agreement is None or ended, Reason.NO_AGREEMENT),
        (all(role.suspended_at is not None for role in roles), Reason.REVIEW_OVERDUE),
    )
    return next((reason for applies, reason in rows if applies), None)


def in_order(at: datetime) -> ColumnElement[bool]:
    """`_obstacle` said in SQL: of `School` and one role there, nothing stands in the way at `at`."""
    return and_(School.state == SchoolState.ACTIVE, agreed(at), Membership.suspended_at.is_(None))


def agreed(at: datetime) -> ColumnElement[bool]:
    """Of `School`: it has an agreement in force at `at` [R23]."""
    return and_(School.agreement.is_not(None), or_(School.agreement_until.is_(None), School.agreement_until > at))


def _schools_of(
    connection: Connection, holder: Holder, every_category: frozenset[int], at: datetime
) -> dict[int, SchoolScope]:
    """What `holder` holds in each school that it belongs to."""
    granted: dict[int, dict[int, datetime | None]] = {}
    for row in connection.execute(
        select(Grant.school_id, Grant.category_id, Grant.expires_at).where(
            Grant.account_id == holder.account_id, grant_holds(at)
        )
    ):
        held = granted.setdefault(row.school_id, {})
        held[row.category_id] = _later(held.get(row.category_id, row.expires_at), row.expires_at)
    return {
        school_id: _school(rows, granted.get(school_id, {}), holder, every_category, at)
        for school_id, rows in _belonging(connection, holder.account_id, at).items()
    }


def _school(
    rows: Sequence[_Row],
    granted: Mapping[int, datetime | None],
    holder: Holder,
    every_category: frozenset[int],
    at: datetime,
) -> SchoolScope:
    school, obstacle = rows[0], _obstacle(rows, at)
    roles = {row.role: row.expires_at for row in rows if row.suspended_at is None or obstacle is Reason.REVIEW_OVERDUE}
    if HEADTEACHER in roles and holder.kind is Kind.PERSON:
        granted = _every(every_category, granted, roles[HEADTEACHER])
    return SchoolScope(
        school_id=school.id,
        folder=folder_name(school.dfe, school.name, school.earlier_name, school.renamed_on, at),
        since=school.since,
        roles=MappingProxyType(roles),
        categories=MappingProxyType(dict(granted)),
        obstacle=obstacle,
        agreement_until=school.agreement_until,
    )


def _every(
    categories: frozenset[int], granted: Mapping[int, datetime | None], until: datetime | None
) -> dict[int, datetime | None]:
    """A headteacher holds every category while the role lasts, an acting one's own grants beyond it."""
    return {category: _later(granted.get(category, until), until) for category in categories}


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two ends, None being the latest."""
    return None if one is None or other is None else max(one, other)
