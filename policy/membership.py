"""Changing who belongs to a school, in which role, and what categories are granted, by whom and why [R5] [R6].

Called by the commands and the pages; read by `policy.roster`. Functions take the caller's write connection and bump the
counter that every process watches. Raises OperatorError for what a person asked wrongly.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, Update, and_, insert, or_, select, update

from auth import endings
from auth.models import Account
from auth.principal import Kind, Layout
from config.clock import london_date
from config.errors import OperatorError
from policy import generations
from policy.access import HEADTEACHER, ROLES
from policy.models import Grant, Membership, role_holds, role_lasts
from policy.roster import ACTING, heads

SERVICE_ROLE = "Service account"


def join(
    connection: Connection,
    account_id: int,
    school_id: int,
    role: str,
    at: datetime,
    *,
    until: datetime | None = None,
    given_by: int | None = None,
    why: str = "",
) -> None:
    """Make an account belong to a school as `role`; another role that it held there ends, with its grants [R5].

    The same role with another end keeps its grants; standing in for the headteacher goes on beside a new role.
    """
    if role not in (*ROLES, SERVICE_ROLE):
        raise OperatorError(f"'{role}' is not a role: there are {', '.join(ROLES)}.")
    _refuse_past(until, at)
    if role == HEADTEACHER and until is not None:
        raise OperatorError("A headteacher for a time is an acting one, beside the holder of the post: give --acting.")
    held = connection.execute(
        select(Membership.school_id, Membership.role, Membership.expires_at).where(
            Membership.account_id == account_id, role_holds(at)
        )
    ).all()
    if (school_id, role, until) in [tuple(row) for row in held]:
        return
    kind = _refuse_second_school(connection, account_id, school_id, at)
    if kind == Kind.SERVICE and role != SERVICE_ROLE:
        raise OperatorError("A script has no role of a person in a school: leave --role out, and give categories.")
    if role == HEADTEACHER:
        _refuse_second_headteacher(connection, school_id)
    there = and_(Membership.account_id == account_id, Membership.school_id == school_id)
    same = any((row.school_id, row.role) == (school_id, role) for row in held) and role != HEADTEACHER
    ending = there if role == HEADTEACHER else and_(there, or_(Membership.role != HEADTEACHER, ~ACTING))
    connection.execute(update(Membership).where(ending, Membership.ended_at.is_(None)).values(ended_at=at))
    if not same:
        connection.execute(_live_grants(account_id, school_id).values(revoked_at=at))
    _enter(connection, account_id, school_id, role, at, until=until, given_by=given_by, why=why)


def stand_in(
    connection: Connection,
    account_id: int,
    school_id: int,
    at: datetime,
    *,
    until: datetime,
    begins_at: datetime | None = None,
    given_by: int | None = None,
    why: str = "",
) -> None:
    """Give a person the headteacher's rights until `until`, beside the role held there; of a school one at a time.

    They begin at `begins_at`, None: now. Given again to the same person these take the place of the earlier ones.
    """
    since = _beginning(begins_at, at)
    _refuse_past(until, since)
    if _refuse_second_school(connection, account_id, school_id, at) == Kind.SERVICE:
        raise OperatorError("A script stands in for nobody: an acting headteacher is a person.")
    for other, name, end in connection.execute(heads(school_id, since, until)).all():
        if end is None and other == account_id:
            raise OperatorError(f"{name} is the headteacher of this school: nothing is to be added.")
        if end is not None and other != account_id:
            last = london_date(end - timedelta(microseconds=1))
            raise OperatorError(f"This school has an acting headteacher already ({name}, until {last}): end that.")
    if not connection.execute(_roles_of(account_id, school_id, at)).first():
        leave(connection, account_id, school_id, at)  # what ended by itself does not come back with this
    step_back(connection, account_id, school_id, at)
    _enter(connection, account_id, school_id, HEADTEACHER, since, until=until, given_by=given_by, why=why)


def step_back(connection: Connection, account_id: int, school_id: int, at: datetime) -> int:
    """End the standing in of an account for the headteacher; how many ended is returned (0: it did not)."""
    ended = connection.execute(
        update(Membership)
        .where(
            Membership.account_id == account_id,
            Membership.school_id == school_id,
            Membership.role == HEADTEACHER,
            ACTING,
            role_lasts(at),
        )
        .values(ended_at=at)
    )
    _changed(connection, account_id)
    return ended.rowcount


def leave(connection: Connection, account_id: int, school_id: int, at: datetime) -> None:
    """End every role and grant of an account in a school."""
    connection.execute(
        update(Membership)
        .where(Membership.account_id == account_id, Membership.school_id == school_id, Membership.ended_at.is_(None))
        .values(ended_at=at)
    )
    connection.execute(_live_grants(account_id, school_id).values(revoked_at=at))
    _changed(connection, account_id)


def grant(
    connection: Connection,
    account_id: int,
    school_id: int,
    category_id: int,
    at: datetime,
    expires_at: datetime | None = None,
    *,
    begins_at: datetime | None = None,
    given_by: int | None = None,
    why: str = "",
) -> None:
    """Let an account read a category of a school that it belongs to, from `begins_at` on, None: from now.

    It takes the place of a grant that is there; one that begins later, of those that begin later.
    """
    if connection.execute(_roles_of(account_id, school_id, at)).first() is None:
        raise OperatorError("This account does not belong to that school: give it a role there first (--role).")
    since = _beginning(begins_at, at)
    _refuse_past(expires_at, since)
    replaced = _live_grants(account_id, school_id).where(Grant.category_id == category_id)
    connection.execute((replaced if begins_at is None else replaced.where(Grant.since > at)).values(revoked_at=at))
    connection.execute(
        insert(Grant).values(
            account_id=account_id,
            school_id=school_id,
            category_id=category_id,
            since=since,
            expires_at=expires_at,
            given_by=given_by,
            why=why,
        )
    )
    _changed(connection, account_id)


def revoke(connection: Connection, account_id: int, school_id: int, category_id: int, at: datetime) -> int:
    """End a grant; how many ended is returned (0: there was none)."""
    ended = connection.execute(
        _live_grants(account_id, school_id).where(Grant.category_id == category_id).values(revoked_at=at)
    )
    _changed(connection, account_id)
    return ended.rowcount


def _enter(
    connection: Connection,
    account_id: int,
    school_id: int,
    role: str,
    at: datetime,
    *,
    until: datetime | None,
    given_by: int | None,
    why: str,
) -> None:
    connection.execute(
        insert(Membership).values(
            account_id=account_id,
            school_id=school_id,
            role=role,
            since=at,
            expires_at=until,
            given_by=given_by,
            why=why,
        )
    )
    _changed(connection, account_id)


def _roles_of(account_id: int, school_id: int, at: datetime) -> Select[int]:
    return select(Membership.id).where(
        Membership.account_id == account_id, Membership.school_id == school_id, role_holds(at)
    )


def _beginning(begins_at: datetime | None, at: datetime) -> datetime:
    if begins_at is not None and begins_at <= at:
        raise OperatorError("This grant would have begun already: give a later day, or none to begin now.")
    return begins_at or at


def _refuse_past(until: datetime | None, at: datetime) -> None:
    if until is not None and until <= at:
        raise OperatorError("This grant would have ended before it began: give a later day.")


def _refuse_second_school(connection: Connection, account_id: int, school_id: int, at: datetime) -> str:
    """The account's kind; raises where its tree has no room for one more school."""
    account = connection.execute(select(Account.kind, Account.layout).where(Account.id == account_id)).one()
    others = select(Membership.id).where(
        Membership.account_id == account_id, Membership.school_id != school_id, role_holds(at)
    )
    if account.layout == Layout.SINGLE and connection.execute(others).first() is not None:
        raise OperatorError(
            "This account shows one school without a folder of its own: give --layout by-school to add another."
        )
    return str(account.kind)


def _refuse_second_headteacher(connection: Connection, school_id: int) -> None:
    head = connection.execute(
        select(Account.username)
        .join(Membership, Membership.account_id == Account.id)
        .where(
            Membership.school_id == school_id,
            Membership.role == HEADTEACHER,
            Membership.ended_at.is_(None),
            ~ACTING,
        )
    ).scalar()
    if head is not None:
        raise OperatorError(f"This school has a headteacher already ({head}): end that role first.")


def _changed(connection: Connection, account_id: int) -> None:
    """Every process is told, and a change of access ends trust [R15]."""
    generations.bump(connection, generations.ACCESS)  # first: its row lets one change pass at a time
    endings.end_trust(connection, account_id)


def _live_grants(account_id: int, school_id: int) -> Update:
    return update(Grant).where(Grant.account_id == account_id, Grant.school_id == school_id, Grant.revoked_at.is_(None))
