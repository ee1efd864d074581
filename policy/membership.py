"""Who belongs to a school, in which role, and what categories were granted, by whom and why [R5] [R6].

Called by the commands. Functions take the caller's write connection and bump the counter that every process watches.
Raises OperatorError for what a person asked wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Update, and_, insert, or_, select, update

from auth import endings
from auth.models import Account, AccountRole
from auth.principal import Kind, Layout, StaffRole
from config.clock import london_date
from config.errors import OperatorError
from policy import generations
from policy.access import HEADTEACHER, ROLES
from policy.models import Category, Grant, Membership, School, grant_holds, role_holds
from policy.staffing import Party

SERVICE_ROLE = "Service account"


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
    ending = there if role == HEADTEACHER else and_(there, or_(Membership.role != HEADTEACHER, ~_ACTING))
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
    given_by: int | None = None,
    why: str = "",
) -> None:
    """Give a person the headteacher's rights until `until`, beside the role held there; of a school one at a time.

    Given again to the same person it ends by the new `until` instead.
    """
    _refuse_past(until, at)
    if _refuse_second_school(connection, account_id, school_id, at) == Kind.SERVICE:
        raise OperatorError("A script stands in for nobody: an acting headteacher is a person.")
    for other, name, end in connection.execute(_heads(school_id, at)).all():
        if end is None and other == account_id:
            raise OperatorError(f"{name} is the headteacher of this school: nothing is to be added.")
        if end is not None and other != account_id:
            last = london_date(end - timedelta(microseconds=1))
            raise OperatorError(f"This school has an acting headteacher already ({name}, until {last}): end that.")
    if not connection.execute(_roles_of(account_id, school_id, at)).first():
        leave(connection, account_id, school_id, at)  # what ended by itself does not come back with this
    step_back(connection, account_id, school_id, at)
    _enter(connection, account_id, school_id, HEADTEACHER, at, until=until, given_by=given_by, why=why)


def step_back(connection: Connection, account_id: int, school_id: int, at: datetime) -> int:
    """End the standing in of an account for the headteacher; how many ended is returned (0: it did not)."""
    ended = connection.execute(
        update(Membership)
        .where(
            Membership.account_id == account_id,
            Membership.school_id == school_id,
            Membership.role == HEADTEACHER,
            _ACTING,
            role_holds(at),
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
    given_by: int | None = None,
    why: str = "",
) -> None:
    """Let an account read a category of a school that it belongs to; a grant that is there is replaced."""
    if connection.execute(_roles_of(account_id, school_id, at)).first() is None:
        raise OperatorError("This account does not belong to that school: give it a role there first (--role).")
    _refuse_past(expires_at, at)
    revoke(connection, account_id, school_id, category_id, at)
    connection.execute(
        insert(Grant).values(
            account_id=account_id,
            school_id=school_id,
            category_id=category_id,
            since=at,
            expires_at=expires_at,
            given_by=given_by,
            why=why,
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
    """Every role and category that an account holds at `at`, the oldest first: by whom, why, and until when."""
    roles = (
        select(School.dfe, Membership.role.label("what"), *_how(Membership))
        .join(School, School.id == Membership.school_id)
        .outerjoin(Account, Account.id == Membership.given_by)
        .where(Membership.account_id == account_id, role_holds(at))
        .order_by(Membership.since, Membership.id)
    )
    categories = (
        select(School.dfe, Category.name.label("what"), *_how(Grant))
        .join(School, School.id == Grant.school_id)
        .join(Category, Category.id == Grant.category_id)
        .outerjoin(Account, Account.id == Grant.given_by)
        .where(Grant.account_id == account_id, grant_holds(at))
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
        .where(role_holds(at), or_(Membership.role != HEADTEACHER, ~_ACTING))
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
    return [row.account_id for row in connection.execute(_heads(school_id, at))]


def headteachers(connection: Connection) -> dict[str, str]:
    """The short name of each school's headteacher, the holder of the post, by the school's DfE number."""
    heads = (
        select(School.dfe, Account.username)
        .join(Membership, Membership.school_id == School.id)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.role == HEADTEACHER, Membership.ended_at.is_(None), ~_ACTING)
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


_ACTING = Membership.expires_at.is_not(None)  # of a headteacher's row: an acting one's


def _how(table: type[Membership] | type[Grant]) -> tuple[ColumnElement[Any], ...]:
    return (*(column.expression for column in (table.since, table.expires_at, table.why)), Account.username.expression)


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


def _heads(school_id: int, at: datetime) -> Select[int, str, datetime | None]:
    """Who has the headteacher's rights: account, short name, and of an acting one the end; the post's holder first."""
    return (
        select(Membership.account_id, Account.username, Membership.expires_at)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.school_id == school_id, Membership.role == HEADTEACHER, role_holds(at))
        .order_by(_ACTING, Membership.id)
    )


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
            ~_ACTING,
        )
    ).scalar()
    if head is not None:
        raise OperatorError(f"This school has a headteacher already ({head}): end that role first.")


def _changed(connection: Connection, account_id: int) -> None:
    """Every process is told, and a change of access ends trust [R15]."""
    endings.end_trust(connection, account_id)
    generations.bump(connection, generations.ACCESS)


def _live_grants(account_id: int, school_id: int) -> Update:
    return update(Grant).where(Grant.account_id == account_id, Grant.school_id == school_id, Grant.revoked_at.is_(None))
