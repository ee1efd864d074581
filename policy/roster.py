"""Who belongs to schools, as it is read: an account's schools, a school's people, and who heads what [R5] [R21].

Called by commands, pages and mails. Takes the caller's connection; what is changed stands in `policy.membership`.
Thread-safe; raises sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from auth.models import Account, AccountRole
from auth.principal import Kind, StaffRole
from policy.access import HEADTEACHER
from policy.models import Category, Grant, Membership, School, grant_holds, grant_lasts, role_holds, role_lasts
from policy.staffing import Party

ACTING = Membership.expires_at.is_not(None)
"""Of a headteacher's row of `Membership`: it is an acting one's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Belonging:
    """One school of an account, as the commands show it. A headteacher holds every category without a grant.

    `acting_until`: until when it also has the headteacher's rights there as an acting one.
    """

    school_id: int
    dfe: str
    school: str
    role: str
    acting_until: datetime | None
    categories: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """Somebody of a school, as the commands show them."""

    username: str
    name: str
    state: str
    role: str
    acting_until: datetime | None
    categories: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """One role or category that an account holds in a school: by whom (short name), why, and until when."""

    dfe: str
    what: str
    since: datetime
    until: datetime | None
    given_by: str | None
    why: str


def belongings(connection: Connection, account_id: int, at: datetime) -> list[Belonging]:
    """The schools of an account, the oldest membership first, with the categories that it may read at `at`."""
    rows = connection.execute(
        select(School.id, School.dfe, School.name, Membership.role, Membership.expires_at)
        .join(School, School.id == Membership.school_id)
        .where(Membership.account_id == account_id, role_holds(at))
        .order_by(Membership.since, Membership.id)
    ).all()
    granted = connection.execute(
        select(Grant.school_id, Category.name)
        .join(Category, Category.id == Grant.category_id)
        .where(Grant.account_id == account_id, grant_holds(at))
        .order_by(Category.id)
    ).all()
    every = tuple(connection.execute(select(Category.name).order_by(Category.id)).scalars())
    found: list[Belonging] = []
    for school_id in dict.fromkeys(row.id for row in rows):
        here = [row for row in rows if row.id == school_id]
        acting = next((row.expires_at for row in here if row.role == HEADTEACHER), None)
        beside = [row.role for row in here if row.role != HEADTEACHER]
        heads = len(beside) < len(here)
        found.append(
            Belonging(
                school_id=school_id,
                dfe=here[0].dfe,
                school=here[0].name,
                role=beside[0] if beside else HEADTEACHER,
                acting_until=acting,
                categories=every if heads else tuple(g.name for g in granted if g.school_id == school_id),
            )
        )
    return found


def given(connection: Connection, account_id: int, at: datetime) -> list[Given]:
    """Every role and category of an account at `at`, the oldest first: by whom, why, and until when.

    Also what begins later.
    """
    roles = (
        select(School.dfe, Membership.role.label("what"), *_how(Membership))
        .join(School, School.id == Membership.school_id)
        .outerjoin(Account, Account.id == Membership.given_by)
        .where(Membership.account_id == account_id, role_lasts(at))
        .order_by(Membership.since, Membership.id)
    )
    categories = (
        select(School.dfe, Category.name.label("what"), *_how(Grant))
        .join(School, School.id == Grant.school_id)
        .join(Category, Category.id == Grant.category_id)
        .outerjoin(Account, Account.id == Grant.given_by)
        .where(Grant.account_id == account_id, grant_lasts(at))
        .order_by(Grant.since, Grant.id)
    )
    return [
        Given(
            dfe=row.dfe,
            what=f"{kind} {row.what}",
            since=row.since,
            until=row.expires_at,
            given_by=row.username,
            why=row.why,
        )
        for kind, rows in (("role", roles), ("category", categories))
        for row in connection.execute(rows)
    ]


def every_belonging(connection: Connection, at: datetime) -> dict[int, list[tuple[str, str, tuple[str, ...]]]]:
    """Of each account, per school: DfE number, role, and the categories that were granted and hold at `at`.

    Standing in for a headteacher is left out: it is over before long, and nothing to be entered elsewhere.
    """
    granted: dict[tuple[int, int], list[str]] = {}
    for row in connection.execute(
        select(Grant.account_id, Grant.school_id, Category.name)
        .join(Category, Category.id == Grant.category_id)
        .where(grant_holds(at))
        .order_by(Category.id)
    ):
        granted.setdefault((row.account_id, row.school_id), []).append(row.name)
    found: dict[int, list[tuple[str, str, tuple[str, ...]]]] = {}
    for one in connection.execute(
        select(Membership.account_id, Membership.school_id, School.dfe, Membership.role)
        .join(School, School.id == Membership.school_id)
        .where(role_holds(at), or_(Membership.role != HEADTEACHER, ~ACTING))
        .order_by(Membership.since, Membership.id)
    ):
        names = granted.get((one.account_id, one.school_id), ())
        found.setdefault(one.account_id, []).append((one.dfe, one.role, tuple(names)))
    return found


def members(connection: Connection, school_id: int, at: datetime) -> list[Member]:
    """The people and scripts of a school, by short name, with the categories that they may read at `at`."""
    rows = connection.execute(
        select(Account.id, Account.username, Account.name, Account.state)
        .where(Account.id.in_(select(Membership.account_id).where(Membership.school_id == school_id, role_holds(at))))
        .order_by(Account.username)
    ).all()
    found = []
    for row in rows:
        held = next(b for b in belongings(connection, row.id, at) if b.school_id == school_id)
        found.append(
            Member(
                username=row.username,
                name=row.name,
                state=row.state,
                role=held.role,
                acting_until=held.acting_until,
                categories=held.categories,
            )
        )
    return found


def heads_of(connection: Connection, school_id: int, at: datetime) -> list[int]:
    """The accounts that have the headteacher's rights in a school at `at`, the holder of the post first."""
    return [row.account_id for row in connection.execute(heads(school_id, at))]


def headteachers(connection: Connection) -> dict[str, str]:
    """The short name of each school's headteacher, the holder of the post, by the school's DfE number."""
    heads = (
        select(School.dfe, Account.username)
        .join(Membership, Membership.school_id == School.id)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.role == HEADTEACHER, Membership.ended_at.is_(None), ~ACTING)
    )
    return {row.dfe: row.username for row in connection.execute(heads)}


def staff_of(connection: Connection, head_id: int, at: datetime) -> list[tuple[int, int, str, str]]:
    """Who belongs to the schools that `head_id` heads at `at`: account, school, its name and role, by school and name.

    Whom of them a headteacher may do what to is said by `policy.staffing`.
    """
    headed = select(Membership.school_id).where(
        Membership.account_id == head_id, Membership.role == HEADTEACHER, role_holds(at)
    )
    rows = connection.execute(
        select(Membership.account_id, Membership.school_id, School.name, Membership.role)
        .join(School, School.id == Membership.school_id)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.school_id.in_(headed.correlate(None)), role_holds(at))
        .order_by(School.name, Account.username)
    )
    return [(row.account_id, row.school_id, row.name, row.role) for row in rows]


def party(connection: Connection, account_id: int | None, at: datetime) -> Party:
    """An account as the rules of `policy.staffing` see it at `at`; None is nobody, who may nothing."""
    kind = connection.execute(select(Account.kind).where(Account.id == account_id)).scalar()
    roles = set(connection.execute(select(AccountRole.role).where(AccountRole.account_id == account_id)).scalars())
    held = connection.execute(
        select(Membership.school_id, Membership.role).where(Membership.account_id == account_id, role_holds(at))
    ).all()
    return Party(
        account_id=account_id,
        person=kind == Kind.PERSON,
        of_authority=bool(roles),
        administrator=StaffRole.ADMINISTRATOR in roles,
        belongs=frozenset(row.school_id for row in held),
        heads=frozenset(row.school_id for row in held if row.role == HEADTEACHER),
    )


def heads(school_id: int, at: datetime, until: datetime | None = None) -> Select[int, str, datetime | None]:
    """Who has the headteacher's rights: account, short name, and of an acting one the end; the post's holder first.

    At `at`, or with `until` at any time between the two.
    """
    held = role_holds(at) if until is None else and_(role_lasts(at), Membership.since < until)
    return (
        select(Membership.account_id, Account.username, Membership.expires_at)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.school_id == school_id, Membership.role == HEADTEACHER, held)
        .order_by(ACTING, Membership.id)
    )


def _how(table: type[Membership] | type[Grant]) -> tuple[ColumnElement[Any], ...]:
    return (*(column.expression for column in (table.since, table.expires_at, table.why)), Account.username.expression)
