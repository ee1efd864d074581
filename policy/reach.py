"""Whom a document would reach: `policy.access.decide`, said for everybody of a school at once [R30].

Called by publishing, which tells of documents that nobody can read. Raises sqlalchemy.exc.SQLAlchemyError alone.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, and_, exists, or_, select, true, tuple_

from auth.models import Account, AccountRole
from auth.principal import AccountState, Kind
from policy.access import HEADTEACHER, AudienceOf
from policy.holdings import in_order
from policy.models import Grant, Membership, School, grant_holds, role_holds


def schools_reached(
    connection: Connection,
    schools: Collection[int],
    category_id: int,
    *,
    audience: AudienceOf | None,
    not_headteacher: bool,
    at: datetime,
) -> set[int]:
    """Those of `schools` in which somebody, person or script, can read such a document at `at`.

    It says what `decide` says, for everybody at once: in the others the document would lie unread [R30].
    """
    is_head = Membership.role == HEADTEACHER
    granted = exists().where(
        Grant.account_id == Membership.account_id,
        Grant.school_id == Membership.school_id,
        Grant.category_id == category_id,
        grant_holds(at),
    )
    heading = (
        select(Membership.account_id, Membership.school_id)
        .where(is_head, role_holds(at), Membership.suspended_at.is_(None))
        .correlate(None)
    )
    addressed = (
        true()
        if audience is None
        else or_(is_head, Membership.role.in_(audience.roles), Membership.account_id.in_(audience.accounts))
    )
    found = connection.execute(
        select(Membership.school_id)
        .distinct()
        .join(School, School.id == Membership.school_id)
        .join(Account, Account.id == Membership.account_id)
        .where(
            Membership.school_id.in_(schools),
            role_holds(at),
            in_order(at),
            Account.state == AccountState.ACTIVE,
            or_(Account.expires_at.is_(None), Account.expires_at > at),
            ~exists().where(AccountRole.account_id == Account.id),
            or_(and_(is_head, Account.kind == Kind.PERSON), granted),
            tuple_(Membership.account_id, Membership.school_id).not_in(heading) if not_headteacher else true(),
            addressed,
        )
    )
    return set(found.scalars())
