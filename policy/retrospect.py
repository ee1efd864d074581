"""Who could read what at a moment that has passed: memberships, grants and account states as they were then [R37].

Called by `ladocs report access`. The tables of memberships and grants keep every row with its beginning and its end;
states of accounts are handed in, from the record. What tables hold of the present alone stands in `RESTS_ON`, for
whoever reads the answer. Takes the caller's connection; raises sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select
from sqlalchemy.orm import aliased

from auth.models import Account, AccountRole
from auth.principal import AccountState, Kind
from policy import categories
from policy.access import HEADTEACHER, Reason
from policy.models import AgreementSigned, Grant, Membership, School
from policy.schools import SchoolState

RESTS_ON = (
    "Roles and categories: the tables, which keep each with its beginning and its end.",
    "Accounts: their state in the record, where it changed since; 'not known' where that is past reading (audit.keep).",
    "Agreements: what was entered as signed up to then; one that ran out and was signed again counts as never out.",
    "As they are today: ends of scripts, what an access review suspends, states of schools, staff of the authority.",
    "Documents for some roles or persons alone, or not for the headteacher, narrow it down.",
)
"""What the answer is made of, and what it cannot know."""

_BARS: Mapping[AccountState, Reason] = {
    AccountState.INVITED: Reason.ACCOUNT_INVITED,
    AccountState.SUSPENDED: Reason.ACCOUNT_SUSPENDED,
    AccountState.LEFT: Reason.ACCOUNT_ENDED,
}
_Role = Row[*tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """One category that an account held in a school; `could_read` is None where that cannot be known.

    `by`: the role or "grant" that gave it. `until`: when it ended, or ends. `because`: what stood in the way.
    """

    username: str
    name: str
    dfe: str
    role: str
    category_id: int
    by: str
    since: datetime
    until: datetime | None
    given_by: str | None
    could_read: bool | None
    because: str


def access_at(
    connection: Connection, at: datetime, states: Mapping[int, AccountState | None], school_id: int | None = None
) -> list[Access]:
    """What everybody held at `at`, by school, short name and category."""
    every = categories.names(connection)
    granted: dict[tuple[int, int], list[_Role]] = {}
    for grant in connection.execute(_grants(at)):
        granted.setdefault((grant.account_id, grant.school_id), []).append(grant)
    of_authority = set(connection.execute(select(AccountRole.account_id)).scalars())
    agreed = _agreed(connection, at)
    roles = _roles(at) if school_id is None else _roles(at).where(Membership.school_id == school_id)
    found = []
    for role in _first_of_each(connection.execute(roles).all()):
        bars = _bars(role, at, states.get(role.account_id), role.school_id in agreed, role.account_id in of_authority)
        unknown = states.get(role.account_id) is None
        could_read = False if bars else None if unknown else True
        because = str(bars[0]) if bars else "state of the account not known" if unknown else ""
        for category_id, by, held in _categories(role, every, granted):
            found.append(_access(role, category_id, by, held, could_read, because))
    return found


def _access(role: _Role, category_id: int, by: str, held: _Role, could_read: bool | None, because: str) -> Access:
    return Access(
        username=role.username,
        name=role.name,
        dfe=role.dfe,
        role=role.role,
        category_id=category_id,
        by=by,
        since=held.since,
        until=held.until,
        given_by=held.given_by,
        could_read=could_read,
        because=because,
    )


def _held(table: type[Membership] | type[Grant], ended: ColumnElement[Any], at: datetime) -> tuple[Any, ...]:
    """Of a row: it had begun at `at`, and neither been ended nor ended by itself."""
    return (table.since <= at, or_(ended.is_(None), ended > at), or_(table.expires_at.is_(None), table.expires_at > at))


def _roles(at: datetime) -> Any:
    giver = aliased(Account)
    ended = Membership.ended_at.expression
    return (
        select(
            *(Membership.account_id, Membership.school_id, Membership.role, Membership.since, Membership.suspended_at),
            func.coalesce(ended, Membership.expires_at).label("until"),
            *(Account.username, Account.name, Account.kind, Account.expires_at),
            *(School.dfe, School.state, School.agreement_until),
            giver.username.label("given_by"),
        )
        .join(Account, Account.id == Membership.account_id)
        .join(School, School.id == Membership.school_id)
        .outerjoin(giver, giver.id == Membership.given_by)
        .where(*_held(Membership, ended, at))
        .order_by(School.dfe, Account.username, Membership.role != HEADTEACHER, Membership.id)
    )


def _grants(at: datetime) -> Any:
    giver = aliased(Account)
    ended = Grant.revoked_at.expression
    return (
        select(
            *(Grant.account_id, Grant.school_id, Grant.category_id, Grant.since),
            func.coalesce(ended, Grant.expires_at).label("until"),
            giver.username.label("given_by"),
        )
        .outerjoin(giver, giver.id == Grant.given_by)
        .where(*_held(Grant, ended, at))
        .order_by(Grant.category_id, Grant.id)
    )


def _first_of_each(roles: Sequence[_Role]) -> Iterator[_Role]:
    """One role for each account and school: the headteacher's before another."""
    seen: set[tuple[int, int]] = set()
    for role in roles:
        if (role.account_id, role.school_id) not in seen:
            seen.add((role.account_id, role.school_id))
            yield role


def _categories(
    role: _Role, every: Mapping[int, str], granted: Mapping[tuple[int, int], list[_Role]]
) -> Iterator[tuple[int, str, _Role]]:
    """Category, by what, and the row that gave it."""
    if role.role == HEADTEACHER and role.kind == Kind.PERSON:
        yield from ((category, HEADTEACHER, role) for category in every)
    else:
        for grant in granted.get((role.account_id, role.school_id), ()):
            yield grant.category_id, "grant", grant


def _agreed(connection: Connection, at: datetime) -> set[int]:
    """The schools of which it was entered up to `at` that they have signed an agreement."""
    signed = select(AgreementSigned.school_id).where(AgreementSigned.recorded_at <= at)
    return set(connection.execute(signed).scalars())


def _bars(role: _Role, at: datetime, state: AccountState | None, agreed: bool, of_authority: bool) -> list[Reason]:
    """All that stood in the way, in the order in which doors and drive judge."""
    rows = (
        (state in _BARS, _BARS.get(state or AccountState.ACTIVE)),
        (role.expires_at is not None and role.expires_at <= at, Reason.ACCOUNT_EXPIRED),
        (of_authority, Reason.STAFF),
        (role.state != SchoolState.ACTIVE, Reason.SCHOOL_SUSPENDED),
        (not agreed or (role.agreement_until is not None and role.agreement_until <= at), Reason.NO_AGREEMENT),
        (role.suspended_at is not None and role.suspended_at <= at, Reason.REVIEW_OVERDUE),
    )
    return [reason for applies, reason in rows if applies and reason is not None]
