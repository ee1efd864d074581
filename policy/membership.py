"""Who belongs to a school, in which role, and what categories were granted [R5] [R6].

Called by the commands. Functions take the caller's write connection and bump the counter that every process watches.
Raises OperatorError for what a person asked wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Update, insert, or_, select, update

from auth import endings
from auth.models import Account
from auth.principal import Kind, Layout
from config.errors import OperatorError
from policy import generations
from policy.access import HEADTEACHER, ROLES
from policy.models import Category, Grant, Membership, School

SERVICE_ROLE = "Service account"


@dataclass(frozen=True, kw_only=True, slots=True)
class Belonging:
    """One school of an account, as the commands show it. A headteacher holds every category without a grant."""

    school_id: int
    dfe: str
    school: str
    role: str
    categories: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """Somebody of a school, as the commands show them."""

    username: str
    name: str
    state: str
    role: str
    categories: tuple[str, ...]


def join(connection: Connection, account_id: int, school_id: int, role: str, at: datetime) -> None:
    """Make an account belong to a school as `role`; another role that it held there ends, with its grants [R5]."""
    if role not in (*ROLES, SERVICE_ROLE):
        raise OperatorError(f"'{role}' is not a role: there are {', '.join(ROLES)}.")
    held = connection.execute(
        select(Membership.school_id, Membership.role).where(
            Membership.account_id == account_id, Membership.ended_at.is_(None)
        )
    ).all()
    if (school_id, role) in [tuple(row) for row in held]:
        return
    account = connection.execute(select(Account.kind, Account.layout).where(Account.id == account_id)).one()
    if account.kind == Kind.SERVICE and role != SERVICE_ROLE:
        raise OperatorError("A script has no role of a person in a school: leave --role out, and give categories.")
    if account.layout == Layout.SINGLE and any(row.school_id != school_id for row in held):
        raise OperatorError(
            "This account shows one school without a folder of its own: give --layout by-school to add another."
        )
    if role == HEADTEACHER:
        _refuse_second_headteacher(connection, school_id)
    leave(connection, account_id, school_id, at)
    connection.execute(insert(Membership).values(account_id=account_id, school_id=school_id, role=role, since=at))
    _changed(connection, account_id)


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
) -> None:
    """Let an account read a category of a school that it belongs to; a grant that is there is replaced."""
    member = connection.execute(
        select(Membership.id).where(
            Membership.account_id == account_id, Membership.school_id == school_id, Membership.ended_at.is_(None)
        )
    ).first()
    if member is None:
        raise OperatorError("This account does not belong to that school: give it a role there first (--role).")
    if expires_at is not None and expires_at <= at:
        raise OperatorError("This grant would have ended before it began: give a later day.")
    revoke(connection, account_id, school_id, category_id, at)
    connection.execute(
        insert(Grant).values(
            account_id=account_id, school_id=school_id, category_id=category_id, since=at, expires_at=expires_at
        )
    )


def revoke(connection: Connection, account_id: int, school_id: int, category_id: int, at: datetime) -> int:
    """End a grant; how many ended is returned (0: there was none)."""
    ended = connection.execute(
        _live_grants(account_id, school_id).where(Grant.category_id == category_id).values(revoked_at=at)
    )
    _changed(connection, account_id)
    return ended.rowcount


def belongings(connection: Connection, account_id: int, at: datetime) -> list[Belonging]:
    """The schools of an account, the oldest membership first, with the categories that it may read at `at`."""
    rows = connection.execute(
        select(School.id, School.dfe, School.name, Membership.role)
        .join(School, School.id == Membership.school_id)
        .where(Membership.account_id == account_id, Membership.ended_at.is_(None))
        .order_by(Membership.since, Membership.id)
    ).all()
    granted = connection.execute(
        select(Grant.school_id, Category.name)
        .join(Category, Category.id == Grant.category_id)
        .where(
            Grant.account_id == account_id,
            Grant.revoked_at.is_(None),
            or_(Grant.expires_at.is_(None), Grant.expires_at > at),
        )
        .order_by(Category.id)
    ).all()
    every = tuple(connection.execute(select(Category.name).order_by(Category.id)).scalars())
    return [
        Belonging(
            school_id=row.id,
            dfe=row.dfe,
            school=row.name,
            role=row.role,
            categories=every if row.role == HEADTEACHER else tuple(g.name for g in granted if g.school_id == row.id),
        )
        for row in rows
    ]


def every_belonging(connection: Connection, at: datetime) -> dict[int, list[tuple[str, str, tuple[str, ...]]]]:
    """Of each account, per school: DfE number, role, and the categories that were granted and hold at `at`."""
    granted: dict[tuple[int, int], list[str]] = {}
    live = or_(Grant.expires_at.is_(None), Grant.expires_at > at)
    for row in connection.execute(
        select(Grant.account_id, Grant.school_id, Category.name)
        .join(Category, Category.id == Grant.category_id)
        .where(Grant.revoked_at.is_(None), live)
        .order_by(Category.id)
    ):
        granted.setdefault((row.account_id, row.school_id), []).append(row.name)
    found: dict[int, list[tuple[str, str, tuple[str, ...]]]] = {}
    for one in connection.execute(
        select(Membership.account_id, Membership.school_id, School.dfe, Membership.role)
        .join(School, School.id == Membership.school_id)
        .where(Membership.ended_at.is_(None))
        .order_by(Membership.since, Membership.id)
    ):
        names = granted.get((one.account_id, one.school_id), ())
        found.setdefault(one.account_id, []).append((one.dfe, one.role, tuple(names)))
    return found


def members(connection: Connection, school_id: int, at: datetime) -> list[Member]:
    """The people and scripts of a school, by short name, with the categories that they may read at `at`."""
    rows = connection.execute(
        select(Account.id, Account.username, Account.name, Account.state, Membership.role)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.school_id == school_id, Membership.ended_at.is_(None))
        .order_by(Account.username)
    ).all()
    return [
        Member(
            username=row.username,
            name=row.name,
            state=row.state,
            role=row.role,
            categories=next(b.categories for b in belongings(connection, row.id, at) if b.school_id == school_id),
        )
        for row in rows
    ]


def headteacher(connection: Connection, school_id: int) -> int | None:
    """The account of a school's headteacher; None where there is none."""
    return connection.execute(select(Membership.account_id).where(*_heads(school_id))).scalar()


def headteachers(connection: Connection) -> dict[str, str]:
    """The short name of each school's headteacher, by the school's DfE number."""
    heads = (
        select(School.dfe, Account.username)
        .join(Membership, Membership.school_id == School.id)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.role == HEADTEACHER, Membership.ended_at.is_(None))
    )
    return {row.dfe: row.username for row in connection.execute(heads)}


def staff_of(connection: Connection, head_id: int) -> list[tuple[int, str, str]]:
    """Whom the headteacher `head_id` answers for: account, school's name and role, by school and role.

    Never the headteacher, never another one, never a script, and nobody of the authority, who belongs to no school.
    """
    headed = select(Membership.school_id).where(
        Membership.account_id == head_id, Membership.role == HEADTEACHER, Membership.ended_at.is_(None)
    )
    heads = select(Membership.account_id).where(Membership.role == HEADTEACHER, Membership.ended_at.is_(None))
    rows = connection.execute(
        select(Membership.account_id, School.name, Membership.role)
        .join(School, School.id == Membership.school_id)
        .join(Account, Account.id == Membership.account_id)
        .where(
            Membership.school_id.in_(headed),
            Membership.ended_at.is_(None),
            Membership.account_id.not_in(heads),
            Account.kind == Kind.PERSON,
        )
        .order_by(School.name, Account.username)
    )
    return [(row.account_id, row.name, row.role) for row in rows]


def _heads(school_id: int) -> tuple[ColumnElement[bool], ...]:
    return (Membership.school_id == school_id, Membership.role == HEADTEACHER, Membership.ended_at.is_(None))


def _refuse_second_headteacher(connection: Connection, school_id: int) -> None:
    head = connection.execute(
        select(Account.username).join(Membership, Membership.account_id == Account.id).where(*_heads(school_id))
    ).scalar()
    if head is not None:
        raise OperatorError(f"This school has a headteacher already ({head}): end that role first.")


def _changed(connection: Connection, account_id: int) -> None:
    """Every process is told, and a change of access ends trust [R15]."""
    endings.end_trust(connection, account_id)
    generations.bump(connection, generations.ACCESS)


def _live_grants(account_id: int, school_id: int) -> Update:
    return update(Grant).where(Grant.account_id == account_id, Grant.school_id == school_id, Grant.revoked_at.is_(None))
