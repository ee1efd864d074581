"""The table of `decide`, row by row, and which reasons are told as absence and which as an error [R5] [R32]."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from auth.principal import Door, Factor, Kind, Layout, Principal, StaffRole
from policy.access import (
    HEADTEACHER,
    OBSTACLES,
    Action,
    AudienceOf,
    Decision,
    Effect,
    Reason,
    Resource,
    SchoolScope,
    Scope,
    decide,
)

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SOON, LATER = AT + timedelta(hours=1), AT + timedelta(days=90)
ME, SCHOOL, GENERAL, SEND = 10, 1, 1, 2

PRINCIPAL = Principal(
    account_id=ME,
    username="o.office",
    name="O Office",
    kind=Kind.PERSON,
    layout=Layout.SINGLE,
    roles=frozenset(),
    factors=frozenset({Factor.DEVICE_PASSWORD}),
    credential_id=1,
    authenticated_at=AT,
    address="192.0.2.7",
    door=Door.WEBDAV,
    valid_until=None,
)
OFFICE = SchoolScope(
    school_id=SCHOOL,
    folder="830-2001 Alder Primary",
    since=AT,
    roles=MappingProxyType({"Office": None}),
    categories=MappingProxyType({SEND: None}),
    obstacle=None,
    agreement_until=None,
)
HEAD = replace(OFFICE, roles={HEADTEACHER: None}, categories=MappingProxyType({GENERAL: None, SEND: None}))
OTHER = replace(OFFICE, school_id=3)
LETTER = Resource(
    school_id=SCHOOL,
    category_id=SEND,
    audience=None,
    not_headteacher=False,
    published_at=AT,
    visible_until=LATER,
    withdrawn=False,
)
FOR_SENCO = AudienceOf(roles=frozenset({"SENCO"}))


def scope(school: SchoolScope | None = OFFICE, *more: SchoolScope, obstacle: Reason | None = None, **who: Any) -> Scope:
    schools = more if school is None else (school, *more)
    return Scope(
        principal=replace(PRINCIPAL, **who),
        categories=MappingProxyType({GENERAL: "General", SEND: "SEND"}),
        schools=MappingProxyType({each.school_id: each for each in schools}),
        obstacle=obstacle,
    )


def letter(**changes: Any) -> Resource:
    return replace(LETTER, **changes)


DENIED = [
    ("another school's", scope(), letter(school_id=2), Reason.OTHER_SCHOOL),
    ("asked by an officer", scope(None, roles=frozenset({StaffRole.OFFICER})), LETTER, Reason.STAFF),
    ("the account is suspended", scope(None, obstacle=Reason.ACCOUNT_SUSPENDED), LETTER, Reason.ACCOUNT_SUSPENDED),
    ("the account is in no school", scope(None, obstacle=Reason.NO_SCHOOL), LETTER, Reason.NO_SCHOOL),
    ("the credential has ended", scope(valid_until=AT), LETTER, Reason.CREDENTIAL_ENDED),
    (
        "the school is suspended",
        scope(replace(OFFICE, obstacle=Reason.SCHOOL_SUSPENDED)),
        LETTER,
        Reason.SCHOOL_SUSPENDED,
    ),
    ("the agreement has ended", scope(replace(OFFICE, agreement_until=AT)), LETTER, Reason.NO_AGREEMENT),
    ("it was withdrawn", scope(), letter(withdrawn=True), Reason.WITHDRAWN),
    ("it is not yet published", scope(), letter(published_at=AT + timedelta(microseconds=1)), Reason.NOT_YET),
    ("its last day is over", scope(), letter(visible_until=AT), Reason.EXPIRED),
    ("the role has ended", scope(replace(OFFICE, roles={"Office": AT})), LETTER, Reason.NO_SCHOOL),
    (
        "the role in this school has ended, and not in another",
        scope(replace(OFFICE, roles={"Office": AT}), OTHER),
        LETTER,
        Reason.OTHER_SCHOOL,
    ),
    (
        "standing in for the headteacher has ended",
        scope(replace(HEAD, roles={"Office": None, HEADTEACHER: AT})),
        letter(audience=FOR_SENCO),
        Reason.NOT_IN_AUDIENCE,
    ),
    (
        "it is kept from the headteacher, also from an acting one",
        scope(replace(HEAD, roles={"Office": None, HEADTEACHER: SOON})),
        letter(not_headteacher=True),
        Reason.NOT_FOR_HEADTEACHER,
    ),
    ("the category is not granted", scope(), letter(category_id=GENERAL), Reason.NO_GRANT),
    ("the grant has run out", scope(replace(OFFICE, categories={SEND: AT})), LETTER, Reason.NO_GRANT),
    ("it is for another role", scope(), letter(audience=FOR_SENCO), Reason.NOT_IN_AUDIENCE),
    (
        "it is for another person",
        scope(),
        letter(audience=AudienceOf(accounts=frozenset({11}))),
        Reason.NOT_IN_AUDIENCE,
    ),
    ("it is for nobody", scope(), letter(audience=AudienceOf()), Reason.NOT_IN_AUDIENCE),
    ("it is kept from the headteacher", scope(HEAD), letter(not_headteacher=True), Reason.NOT_FOR_HEADTEACHER),
]
PERMITTED = [
    ("a category that was granted", scope(), LETTER),
    ("an agreement that ends later", scope(replace(OFFICE, agreement_until=SOON)), LETTER),
    ("the first moment", scope(), letter(published_at=AT)),
    ("the last moment", scope(), letter(visible_until=AT + timedelta(microseconds=1))),
    ("a role that is named", scope(), letter(audience=AudienceOf(roles=frozenset({"SENCO", "Office"})))),
    ("a person who is named", scope(), letter(audience=AudienceOf(accounts=frozenset({ME})))),
    ("a headteacher, whoever is named", scope(HEAD), letter(audience=FOR_SENCO)),
    (
        "an acting headteacher, whoever is named",
        scope(replace(HEAD, roles={"Office": None, HEADTEACHER: SOON})),
        letter(audience=FOR_SENCO),
    ),
    ("staff, where it is kept from the headteacher", scope(), letter(not_headteacher=True)),
    (
        "a second role beside the headteacher's name",
        scope(replace(OFFICE, roles={"DSL": None})),
        letter(not_headteacher=True, audience=AudienceOf(roles=frozenset({"DSL"}))),
    ),
]
ABSENT = {
    Reason.NO_SUCH_PATH,
    Reason.OTHER_SCHOOL,
    Reason.NO_GRANT,
    Reason.NOT_IN_AUDIENCE,
    Reason.NOT_FOR_HEADTEACHER,
    Reason.NOT_YET,
    Reason.WITHDRAWN,
    Reason.EXPIRED,
}
FAULTS = {Reason.CLOCK_UNCONFIRMED, Reason.STORE_FAILED, Reason.UNKNOWN}


@pytest.mark.parametrize(("title", "who", "what", "reason"), DENIED, ids=[row[0] for row in DENIED])
def test_a_refusal_has_its_true_reason(title: str, who: Scope, what: Resource, reason: Reason) -> None:
    assert decide(who, Action.READ, what, AT) == Decision(Effect.DENY, reason)


@pytest.mark.parametrize(("title", "who", "what"), PERMITTED, ids=[row[0] for row in PERMITTED])
def test_who_may_read_is_let(title: str, who: Scope, what: Resource) -> None:
    decision = decide(who, Action.READ, what, AT)
    assert (decision.effect, decision.reason) == (Effect.PERMIT, Reason.GRANTED)


@pytest.mark.parametrize(
    ("who", "what"),
    [
        (scope(), letter(visible_until=SOON)),
        (scope(replace(OFFICE, categories={SEND: SOON})), LETTER),
        (scope(replace(OFFICE, roles={"Office": SOON})), LETTER),
        (scope(replace(OFFICE, agreement_until=SOON)), LETTER),
        (scope(valid_until=SOON), LETTER),
    ],
    ids=["document", "grant", "role", "agreement", "credential"],
)
def test_a_permit_ends_with_whatever_ends_first(who: Scope, what: Resource) -> None:
    assert decide(who, Action.READ, what, AT).valid_until == SOON


def test_of_several_reasons_the_first_row_speaks() -> None:
    """What stands in the way of everything, then of the school, then time, then the grant, then the audience."""
    wrong = letter(published_at=LATER, visible_until=AT, category_id=GENERAL, audience=FOR_SENCO, withdrawn=True)
    school = replace(OFFICE, obstacle=Reason.SCHOOL_SUSPENDED)
    told = [
        decide(who, Action.READ, what, AT).reason
        for who, what in (
            (scope(school, obstacle=Reason.ACCOUNT_EXPIRED, valid_until=AT), wrong),
            (scope(school, valid_until=AT), wrong),
            (scope(school), wrong),
            (scope(), wrong),
            (scope(), replace(wrong, published_at=AT)),
            (scope(), replace(wrong, published_at=AT, withdrawn=False)),
            (scope(), replace(wrong, published_at=AT, withdrawn=False, visible_until=LATER)),
            (scope(), replace(wrong, published_at=AT, withdrawn=False, visible_until=LATER, category_id=SEND)),
        )
    ]
    assert told == [
        Reason.ACCOUNT_EXPIRED,
        Reason.CREDENTIAL_ENDED,
        Reason.SCHOOL_SUSPENDED,
        Reason.NOT_YET,
        Reason.WITHDRAWN,
        Reason.EXPIRED,
        Reason.NO_GRANT,
        Reason.NOT_IN_AUDIENCE,
    ]


def test_every_reason_is_told_in_one_way() -> None:
    kinds = [{Reason.GRANTED}, ABSENT, FAULTS, set(OBSTACLES)]
    assert sum(map(len, kinds)) == len(Reason)
    assert set().union(*kinds) == set(Reason)


def test_every_obstacle_says_what_to_do_and_names_no_document() -> None:
    for sentence in OBSTACLES.values():
        assert sentence.endswith(".") and len(sentence) < 120
