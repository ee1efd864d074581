"""The warning that nobody can read a document says for everybody at once what `decide` says of each [R30]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, insert

from auth.models import Account, AccountRole
from auth.principal import AccountState, Door, Factor, Kind, Layout, Principal, StaffRole
from config.database import Base
from policy.access import HEADTEACHER, Action, AudienceOf, Effect, Resource, decide
from policy.holdings import scope_for
from policy.models import Category, Grant, Membership, School
from policy.reach import schools_reached
from policy.schools import SchoolState

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SCHOOLS, CATEGORIES = (1, 2), (1, 2)
MOMENTS = st.sampled_from([None, None, None, AT + timedelta(days=1), AT, AT - timedelta(days=1)])
RARELY = st.sampled_from([False] * 6 + [True])


@dataclass(frozen=True)
class Held:
    """A grant."""

    school: int
    category: int
    expires_at: datetime | None
    revoked: bool


@dataclass(frozen=True)
class Somebody:
    """An account, with its one role in each school that it belongs or belonged to, and when it ends by itself.

    Where it was not `reviewed` these roles are suspended. `acting` are the schools where it also stands in for the
    headteacher, or did.
    """

    kind: Kind
    state: AccountState
    expires_at: datetime | None
    staff: bool
    roles: dict[int, str]
    roles_end: datetime | None
    acting: dict[int, datetime]
    reviewed: bool
    left: frozenset[int]
    grants: tuple[Held, ...]


SOME_ROLE = st.sampled_from([HEADTEACHER, "SENCO", "Office"])
people = st.builds(
    Somebody,
    kind=st.sampled_from([Kind.PERSON, Kind.PERSON, Kind.SERVICE]),
    state=st.sampled_from([AccountState.ACTIVE] * 8 + list(AccountState)),
    expires_at=MOMENTS,
    staff=RARELY,
    roles=st.fixed_dictionaries({1: SOME_ROLE}, optional={2: SOME_ROLE}),
    roles_end=MOMENTS,
    reviewed=st.sampled_from([True] * 4 + [False]),
    acting=st.dictionaries(st.sampled_from(SCHOOLS), st.sampled_from([AT, AT + timedelta(days=1)]), max_size=1),
    left=st.sampled_from([frozenset[int]()] * 4 + [frozenset({1}), frozenset({2})]),
    grants=st.lists(
        st.builds(
            Held,
            school=st.sampled_from(SCHOOLS),
            category=st.sampled_from(CATEGORIES),
            expires_at=MOMENTS,
            revoked=RARELY,
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda held: (held.school, held.category),
    ).map(tuple),
)
audiences = st.sampled_from([None, None]) | st.builds(
    AudienceOf,
    roles=st.frozensets(st.sampled_from(["SENCO", "Governor"])),
    accounts=st.frozensets(st.integers(1, 3)),
)


def enter(connection: Connection, somebody: Somebody, number: int) -> Principal:
    """The rows of `somebody`; who they are once they have signed in."""
    connection.execute(
        insert(Account).values(
            id=number,
            kind=somebody.kind,
            username=f"person.{number}",
            name="A Person",
            layout=Layout.BY_SCHOOL,
            state=somebody.state,
            created_at=AT,
            expires_at=somebody.expires_at,
        )
    )
    roles = frozenset({StaffRole.AUDITOR}) if somebody.staff else frozenset[StaffRole]()
    for role in roles:
        connection.execute(insert(AccountRole).values(account_id=number, role=role))
    for school, school_role in somebody.roles.items():
        ended = AT if school in somebody.left else None
        connection.execute(
            insert(Membership).values(
                account_id=number,
                school_id=school,
                role=school_role,
                since=AT,
                ended_at=ended,
                expires_at=somebody.roles_end,
                suspended_at=None if somebody.reviewed else AT,
            )
        )
    for school, until in somebody.acting.items():
        connection.execute(
            insert(Membership).values(account_id=number, school_id=school, role=HEADTEACHER, since=AT, expires_at=until)
        )
    for held in somebody.grants:
        connection.execute(
            insert(Grant).values(
                account_id=number,
                school_id=held.school,
                category_id=held.category,
                since=AT,
                expires_at=held.expires_at,
                revoked_at=AT if held.revoked else None,
            )
        )
    return Principal(
        account_id=number,
        username=f"person.{number}",
        name="A Person",
        kind=somebody.kind,
        layout=Layout.BY_SCHOOL,
        roles=roles,
        factors=frozenset({Factor.PASSWORD, Factor.TOTP}),
        credential_id=None,
        authenticated_at=AT,
        address="192.0.2.7",
        door=Door.SFTP,
        valid_until=somebody.expires_at,
    )


def a_document(school: int, category: int, audience: AudienceOf | None, not_headteacher: bool) -> Resource:
    """Published a moment ago."""
    return Resource(
        school_id=school,
        category_id=category,
        audience=audience,
        not_headteacher=not_headteacher,
        published_at=AT,
        visible_until=AT + timedelta(days=90),
        withdrawn=False,
    )


@pytest.fixture(scope="module")
def tables() -> Iterator[Engine]:
    """Empty tables; each example rolls back what it entered."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@settings(max_examples=150, deadline=None)
@given(
    everybody=st.lists(people, min_size=1, max_size=3),
    audience=audiences,
    not_headteacher=RARELY,
    state=st.sampled_from([SchoolState.ACTIVE] * 4 + [SchoolState.SUSPENDED]),
    agreement=st.sampled_from([("2026", None)] * 3 + [("2026", AT), ("2026", AT + timedelta(days=1)), (None, None)]),
)
def test_a_school_is_reached_if_and_only_if_somebody_there_may_read(
    tables: Engine,
    everybody: list[Somebody],
    audience: AudienceOf | None,
    not_headteacher: bool,
    state: SchoolState,
    agreement: tuple[str | None, datetime | None],
) -> None:
    with tables.connect() as connection:
        for school in SCHOOLS:
            standing = state if school == 1 else SchoolState.ACTIVE
            version, until = agreement if school == 1 else ("2026", None)
            connection.execute(
                insert(School).values(
                    id=school,
                    dfe=f"830-200{school}",
                    name="A School",
                    state=standing,
                    created_at=AT,
                    agreement=version,
                    agreement_until=until,
                )
            )
        for category in CATEGORIES:
            connection.execute(insert(Category).values(id=category, name=f"Category {category}"))
        principals = [enter(connection, somebody, number) for number, somebody in enumerate(everybody, 1)]
        scopes = [scope_for(connection, principal, AT) for principal in principals]
        judged = {
            (school, category)
            for school, category in product(SCHOOLS, CATEGORIES)
            if any(
                decide(scope, Action.READ, a_document(school, category, audience, not_headteacher), AT).effect
                is Effect.PERMIT
                for scope in scopes
            )
        }
        reached = {
            (school, category)
            for category in CATEGORIES
            for school in schools_reached(
                connection, SCHOOLS, category, audience=audience, not_headteacher=not_headteacher, at=AT
            )
        }
        connection.rollback()
    assert reached == judged
