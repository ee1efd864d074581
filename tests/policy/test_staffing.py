"""Who may change the access of whom [R21]: the table row by row, and what holds whatever people are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.staffing import TOLD, Act, Party, Refusal, refusal

OURS, THEIRS = 1, 2
NOBODY = Party(
    account_id=None, person=False, of_authority=False, administrator=False, belongs=frozenset(), heads=frozenset()
)
SENCO = replace(NOBODY, account_id=1, person=True, belongs=frozenset({OURS}))
HEAD = replace(SENCO, account_id=2, heads=frozenset({OURS}))
EXECUTIVE = replace(HEAD, account_id=3, belongs=frozenset({OURS, THEIRS}), heads=frozenset({OURS, THEIRS}))
ELSEWHERE = replace(SENCO, account_id=4, belongs=frozenset({THEIRS}))
THEIR_HEAD = replace(ELSEWHERE, account_id=5, heads=frozenset({THEIRS}))
VISITING = replace(THEIR_HEAD, account_id=6, belongs=frozenset({OURS, THEIRS}))
SCRIPT = replace(SENCO, account_id=7, person=False)
ADMINISTRATOR = replace(NOBODY, account_id=8, person=True, of_authority=True, administrator=True)
OFFICER = replace(ADMINISTRATOR, account_id=9, administrator=False)
STAFFING = sorted(set(Act) - {Act.CHANGE_HEADTEACHER})
IN_SCHOOL = sorted(set(STAFFING) - {Act.RESET_CODES})

REFUSED = [
    ("staff change nobody", SENCO, IN_SCHOOL, SCRIPT, OURS, Refusal.OTHER_SCHOOL),
    ("another school's headteacher changes nobody here", THEIR_HEAD, STAFFING, SENCO, OURS, Refusal.OTHER_SCHOOL),
    ("nobody changes their own access", HEAD, list(Act), HEAD, OURS, Refusal.ONESELF),
    ("not in another school either", EXECUTIVE, list(Act), EXECUTIVE, THEIRS, Refusal.ONESELF),
    ("a headteacher names no headteacher", HEAD, [Act.CHANGE_HEADTEACHER], SENCO, OURS, Refusal.AUTHORITY_ALONE),
    ("a headteacher does not change another of the school", HEAD, STAFFING, EXECUTIVE, OURS, Refusal.HEADTEACHER),
    (
        "a head elsewhere keeps the own codes",
        HEAD,
        [Act.RESET_CODES],
        VISITING,
        OURS,
        Refusal.HEADTEACHER,
    ),
    ("who does not belong here is given a role first", HEAD, [Act.GRANT], ELSEWHERE, OURS, Refusal.NOT_STAFF),
    ("codes of people elsewhere are not reset", HEAD, [Act.RESET_CODES], ELSEWHERE, OURS, Refusal.NOT_STAFF),
    ("a script has no codes", HEAD, [Act.RESET_CODES], SCRIPT, OURS, Refusal.SCRIPT),
    ("nobody of the authority is given a school", HEAD, list(Act), OFFICER, OURS, Refusal.OF_AUTHORITY),
    ("not by the authority either", ADMINISTRATOR, list(Act), OFFICER, OURS, Refusal.OF_AUTHORITY),
    ("not to oneself", ADMINISTRATOR, list(Act), ADMINISTRATOR, OURS, Refusal.OF_AUTHORITY),
    ("an officer changes nobody", OFFICER, STAFFING, SENCO, OURS, Refusal.OTHER_SCHOOL),
    ("nobody may nothing", NOBODY, STAFFING, SENCO, OURS, Refusal.OTHER_SCHOOL),
]
PERMITTED = [
    ("a headteacher changes the own staff", HEAD, STAFFING, SENCO, OURS),
    ("an executive head that of each school", EXECUTIVE, STAFFING, ELSEWHERE, THEIRS),
    ("a headteacher adds people", HEAD, [Act.GIVE_ROLE], ELSEWHERE, OURS),
    ("a headteacher grants what a script reads here", HEAD, IN_SCHOOL, SCRIPT, OURS),
    ("what a headteacher elsewhere reads here is granted here", HEAD, IN_SCHOOL, VISITING, OURS),
    ("the authority changes who the headteacher is", ADMINISTRATOR, list(Act), SENCO, OURS),
    ("the authority changes a headteacher", ADMINISTRATOR, list(Act), HEAD, OURS),
]

parties = st.builds(
    Party,
    account_id=st.integers(1, 3),
    person=st.booleans(),
    of_authority=st.booleans(),
    administrator=st.booleans(),
    belongs=st.frozensets(st.sampled_from([OURS, THEIRS])),
    heads=st.frozensets(st.sampled_from([OURS, THEIRS])),
)
acts, schools = st.sampled_from(Act), st.sampled_from([OURS, THEIRS])


@pytest.mark.parametrize(("title", "actor", "what", "subject", "school", "why"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_is_refused_has_its_reason(
    title: str, actor: Party, what: list[Act], subject: Party, school: int, why: Refusal
) -> None:
    assert {refusal(actor, act, subject, school) for act in what} == {why}


@pytest.mark.parametrize(("title", "actor", "what", "subject", "school"), PERMITTED, ids=[r[0] for r in PERMITTED])
def test_what_is_allowed_is_not_refused(title: str, actor: Party, what: list[Act], subject: Party, school: int) -> None:
    assert {refusal(actor, act, subject, school) for act in what} == {None}


@given(parties, acts, schools)
def test_nobody_changes_their_own_access(who: Party, act: Act, school: int) -> None:
    assert refusal(who, act, who, school) is not None


@given(parties, acts, parties, schools)
def test_only_the_authority_touches_a_headteacher_or_says_who_it_is(
    actor: Party, act: Act, subject: Party, school: int
) -> None:
    if refusal(actor, act, subject, school) is None and not actor.administrator:
        assert act is not Act.CHANGE_HEADTEACHER
        assert school not in subject.heads


@given(parties, acts, parties, schools)
def test_others_than_the_authority_change_the_own_school_alone(
    actor: Party, act: Act, subject: Party, school: int
) -> None:
    if refusal(actor, act, subject, school) is None and not actor.administrator:
        assert school in actor.heads


@given(parties, acts, parties, schools)
def test_to_head_one_school_more_opens_nothing_in_the_others(
    actor: Party, act: Act, subject: Party, school: int
) -> None:
    other = next(each for each in (OURS, THEIRS) if each != school)
    more = replace(actor, heads=actor.heads | {other})
    if actor.account_id != subject.account_id:
        assert refusal(more, act, subject, school) == refusal(actor, act, subject, school)


def test_every_refusal_is_told_in_one_sentence() -> None:
    assert set(TOLD) == set(Refusal)
    assert all(sentence.endswith(".") and len(sentence) < 120 for sentence in TOLD.values())
