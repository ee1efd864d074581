"""One rule, two readings: what `decide` permits and what SQL selects are one set, whatever people hold [R5]."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, insert, select

from auth.principal import Door, Factor, Kind, Layout, Principal, StaffRole
from config.database import Base
from gateway.catalogue import readable
from gateway.models import Audience, Delivery
from policy.access import (
    HEADTEACHER,
    Action,
    AudienceOf,
    Effect,
    Reason,
    Resource,
    Rule,
    SchoolScope,
    Scope,
    decide,
    judged,
)

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SCHOOLS = (1, 2)
CATEGORIES = MappingProxyType({1: "General", 2: "SEND"})
MOMENTS = st.sampled_from([AT - timedelta(days=1), AT - timedelta(microseconds=1), AT, AT + timedelta(days=1)])
ROLES = st.sampled_from([HEADTEACHER, "SENCO", "Office"])
ME = 10

audiences = st.none() | st.builds(
    AudienceOf,
    roles=st.frozensets(ROLES, max_size=2),
    accounts=st.frozensets(st.sampled_from([ME, 11]), max_size=2),
)
resources = st.builds(
    Resource,
    school_id=st.sampled_from(SCHOOLS),
    category_id=st.sampled_from(sorted(CATEGORIES)),
    audience=audiences,
    not_headteacher=st.booleans(),
    published_at=MOMENTS,
    visible_until=MOMENTS,
    withdrawn=st.sampled_from([False, False, False, True]),
)
obstacles = st.sampled_from([None, None, None, Reason.SCHOOL_SUSPENDED])
school_scopes = st.builds(
    SchoolScope,
    school_id=st.just(0),
    folder=st.just("a school"),
    since=st.just(AT),
    roles=st.dictionaries(ROLES, st.none() | MOMENTS, min_size=1, max_size=2),
    categories=st.dictionaries(st.sampled_from(sorted(CATEGORIES)), st.none() | MOMENTS),
    obstacle=obstacles,
    agreement_until=st.none() | MOMENTS,
)


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    """What one account holds in none, one or both of the schools."""
    held = {}
    for number in draw(st.sets(st.sampled_from(SCHOOLS))):
        held[number] = replace(draw(school_scopes), school_id=number)
    principal = Principal(
        account_id=ME,
        username="j.smith",
        name="J Smith",
        kind=Kind.PERSON,
        layout=Layout.BY_SCHOOL,
        roles=frozenset[StaffRole](),
        factors=frozenset({Factor.PASSWORD, Factor.TOTP}),
        credential_id=None,
        authenticated_at=AT,
        address="192.0.2.1",
        door=Door.SFTP,
        valid_until=draw(st.none() | MOMENTS),
    )
    obstacle = draw(st.sampled_from([None, None, None, Reason.ACCOUNT_SUSPENDED]))
    return Scope(principal=principal, categories=CATEGORIES, schools=MappingProxyType(held), obstacle=obstacle)


def enter(connection: Connection, number: int, resource: Resource) -> None:
    """One delivery as publishing would leave it, as far as listing looks at it."""
    connection.execute(
        insert(Delivery).values(
            id=number.to_bytes(16, "big"),
            document_id=number,
            object_id=b"o",
            school_id=resource.school_id,
            month="2026-11",
            category_id=resource.category_id,
            kek_id=b"k",
            name_sealed=b"n",
            token=number.to_bytes(16, "big"),
            size=1,
            published_at=resource.published_at,
            visible_until=resource.visible_until,
            restricted=resource.audience is not None,
            not_headteacher=resource.not_headteacher,
            withdrawn_at=AT if resource.withdrawn else None,
        )
    )
    if resource.audience is not None:
        for role in resource.audience.roles:
            connection.execute(insert(Audience).values(document_id=number, role=role))
        for account in resource.audience.accounts:
            connection.execute(insert(Audience).values(document_id=number, account_id=account))


@settings(max_examples=150, deadline=None)
@given(scopes(), st.lists(resources, min_size=1, max_size=12))
def test_a_document_is_listed_if_and_only_if_it_opens(scope: Scope, documents: list[Resource]) -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        Base.metadata.create_all(connection)
        for number, resource in enumerate(documents, 1):
            enter(connection, number, resource)
        listed = {
            document_id
            for school in scope.schools.values()
            for document_id in connection.execute(
                select(Delivery.document_id).where(readable(scope, school, AT))
            ).scalars()
        }
    engine.dispose()
    opened = {
        number
        for number, resource in enumerate(documents, 1)
        if decide(scope, Action.READ, resource, AT).effect is Effect.PERMIT
    }
    assert listed == opened


@given(scopes(), resources)
def test_a_permit_never_outlasts_document_grant_role_agreement_or_credential(scope: Scope, resource: Resource) -> None:
    decision = decide(scope, Action.READ, resource, AT)
    if decision.effect is not Effect.PERMIT:
        assert decision.valid_until is None
        return
    school = scope.schools[resource.school_id]
    held = school.categories[resource.category_id]
    roles = [end for end in school.roles.values() if end is not None and end > AT]
    ends = [resource.visible_until, held, scope.principal.valid_until, school.agreement_until, *roles]
    assert decision.valid_until == min(end for end in ends if end is not None)
    assert decision.valid_until > AT


@given(scopes(), resources)
def test_the_rules_are_shown_up_to_the_one_that_decides(scope: Scope, resource: Resource) -> None:
    shown = list(judged(scope, resource, AT))
    decision = decide(scope, Action.READ, resource, AT)
    assert all(reason is None for _, reason in shown[:-1])
    assert shown[-1][1] == (None if decision.effect is Effect.PERMIT else decision.reason)
    assert [rule for rule, _ in shown] == list(Rule)[: len(shown)]
    assert decision.effect is Effect.DENY or len(shown) == len(Rule)
