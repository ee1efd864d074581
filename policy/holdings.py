"""What somebody holds, as it stands in the tables: the one query of policy behind every operation [R5] [R6].

Called by `gateway.scopes` for whoever has signed in, and where it is explained what an account may see. `policy.access`
says what it means. Thread-safe; raises sqlalchemy.exc.SQLAlchemyError alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, select

from auth.principal import Kind, Principal
from auth.standing import Standing, standing
from policy import categories
from policy.access import HEADTEACHER, Holder, Reason, SchoolScope, Scope
from policy.models import Grant, Membership, School, grant_holds, role_holds
from policy.schools import SchoolState, folder_name

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


def _schools_of(
    connection: Connection, holder: Holder, every_category: frozenset[int], at: datetime
) -> dict[int, SchoolScope]:
    """What `holder` holds in each school that it belongs to."""
    memberships = connection.execute(
        select(Membership.role, Membership.since, Membership.expires_at, *School.__table__.columns)
        .join(School, School.id == Membership.school_id)
        .where(Membership.account_id == holder.account_id, role_holds(at))
        .order_by(Membership.since, Membership.id)
    ).all()
    grants = connection.execute(
        select(Grant.school_id, Grant.category_id, Grant.expires_at).where(
            Grant.account_id == holder.account_id, grant_holds(at)
        )
    ).all()
    schools: dict[int, SchoolScope] = {}
    for row in memberships:
        known = schools.get(row.id)
        roles = {**(known.roles if known else {}), row.role: row.expires_at}
        held: dict[int, datetime | None] = {g.category_id: g.expires_at for g in grants if g.school_id == row.id}
        if HEADTEACHER in roles and holder.kind is Kind.PERSON:
            held = _every(every_category, held, roles[HEADTEACHER])
        schools[row.id] = SchoolScope(
            school_id=row.id,
            folder=folder_name(row.dfe, row.name, row.earlier_name, row.renamed_on, at),
            since=known.since if known else row.since,
            roles=MappingProxyType(roles),
            categories=MappingProxyType(held),
            obstacle=None if row.state == SchoolState.ACTIVE else Reason.SCHOOL_SUSPENDED,
        )
    return schools


def _every(
    categories: frozenset[int], granted: Mapping[int, datetime | None], until: datetime | None
) -> dict[int, datetime | None]:
    """A headteacher holds every category while the role lasts, an acting one's own grants beyond it."""

    def end(category: int) -> datetime | None:
        own = granted.get(category, until)
        return None if own is None or until is None else max(own, until)

    return {category: end(category) for category in categories}
