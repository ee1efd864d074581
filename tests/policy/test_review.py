"""When access reviews open, are due and have consequences, by the settings' terms and without any [R22]."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import OperatorError
from config.settings import Review, Term
from policy.review import Calendar, ReviewRow, ReviewState, following, name_of, term_named, term_of

TERMS = (
    Term(first=date(2026, 9, 2), last=date(2026, 10, 23)),
    Term(first=date(2026, 11, 2), last=date(2026, 12, 18)),
    Term(first=date(2027, 1, 4), last=date(2027, 2, 12)),
    Term(first=date(2027, 2, 22), last=date(2027, 3, 25)),
    Term(first=date(2027, 4, 12), last=date(2027, 5, 28)),
    Term(first=date(2027, 6, 7), last=date(2027, 7, 23)),
)
DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))
AUTUMN, SPRING, SUMMER = date(2026, 9, 1), date(2027, 1, 1), date(2027, 4, 1)
AT = datetime(2026, 9, 2, 7, tzinfo=UTC)
ROW = ReviewRow(
    id=1,
    school_id=1,
    dfe="830-2001",
    school="Alder Primary",
    term=AUTUMN,
    opened_at=AT,
    due_on=date(2026, 9, 30),
    suspends_on=date(2026, 11, 18),
    suspended_at=None,
    confirmed_at=None,
    signed="",
)


@pytest.mark.parametrize(
    ("day", "term"),
    [
        (date(2026, 8, 31), date(2026, 4, 1)),
        (date(2026, 9, 1), AUTUMN),
        (date(2026, 12, 31), AUTUMN),
        (date(2027, 1, 1), SPRING),
        (date(2027, 3, 31), SPRING),
        (date(2027, 4, 1), SUMMER),
    ],
)
def test_a_school_year_has_three_terms(day: date, term: date) -> None:
    assert term_of(day) == term


@given(DAYS)
def test_the_terms_follow_each_other_without_a_gap(day: date) -> None:
    following_one = following(term_of(day))
    assert term_of(following_one - timedelta(days=1)) == term_of(day)
    assert term_of(following_one) == following_one


@given(DAYS)
def test_a_term_is_found_by_its_name(day: date) -> None:
    assert term_named(name_of(term_of(day))) == term_of(day)


@pytest.mark.parametrize("text", ["", "autumn", "winter-2026", "autumn-26", "autumn-2026-1", "autumn-٢٠٢٦", "2026"])
def test_what_is_no_term_is_told_with_one(text: str) -> None:
    with pytest.raises(OperatorError, match="write it like autumn-2026"):
        term_named(text)


def test_a_review_opens_on_the_first_day_of_a_term_and_not_after_half_term() -> None:
    calendar = Calendar(TERMS, Review())
    opens = [calendar.opens_on(term) for term in (AUTUMN, SPRING, SUMMER)]
    assert opens == [date(2026, 9, 2), date(2027, 1, 4), date(2027, 4, 12)]


def test_without_terms_it_opens_when_schools_are_back() -> None:
    calendar = Calendar((), Review())
    opens = [calendar.opens_on(term) for term in (AUTUMN, SPRING, SUMMER)]
    assert opens == [date(2026, 9, 5), date(2027, 1, 5), date(2027, 4, 20)]


def test_due_days_count_school_days_over_half_term() -> None:
    calendar = Calendar(TERMS, Review(due_school_days=20, suspend_school_days=30))
    due = calendar.due_on(date(2026, 9, 2))
    assert due == date(2026, 9, 30)
    assert calendar.suspends_on(due) == date(2026, 11, 18)  # 17 to half-term, 13 after it


@pytest.mark.parametrize(
    ("today", "due"),
    [
        (date(2026, 9, 1), date(2026, 9, 30)),  # this term's has not opened
        (date(2026, 9, 2), date(2027, 2, 1)),
        (date(2027, 1, 3), date(2027, 2, 1)),
        (date(2027, 1, 4), date(2027, 5, 10)),
    ],
)
def test_the_next_review_is_one_that_has_not_opened(today: date, due: date) -> None:
    assert Calendar(TERMS, Review()).next_due(today) == due


@pytest.mark.parametrize(
    ("today", "state"),
    [(date(2026, 9, 30), ReviewState.OPEN), (date(2026, 10, 1), ReviewState.OVERDUE)],
)
def test_a_review_is_overdue_after_its_day(today: date, state: ReviewState) -> None:
    assert ROW.state(today) is state
