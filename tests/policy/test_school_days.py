"""School days: the terms of a real year as a table, and what holds for any terms [R22] [R33]."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Term
from policy.school_days import is_school_day, school_days_after, school_days_before

TERMS = (
    Term(first=date(2026, 9, 2), last=date(2026, 10, 23)),
    Term(first=date(2026, 11, 2), last=date(2026, 12, 18)),
    Term(first=date(2027, 1, 4), last=date(2027, 2, 12)),
)
DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))
ANY_TERMS = st.lists(
    st.builds(lambda first, length: Term(first=first, last=first + timedelta(days=length)), DAYS, st.integers(0, 120)),
    max_size=6,
)


@pytest.mark.parametrize(
    ("day", "open_"),
    [
        (date(2026, 9, 1), False),  # the day before the year begins
        (date(2026, 9, 2), True),
        (date(2026, 10, 23), True),
        (date(2026, 10, 28), False),  # half-term
        (date(2026, 11, 28), False),  # a Saturday
        (date(2026, 11, 29), False),
        (date(2026, 12, 25), False),
        (date(2027, 2, 12), True),
        (date(2027, 6, 1), False),  # in a year of which terms are set, only those
        (date(2027, 9, 1), True),  # of the next year none is set: a Wednesday
        (date(2026, 7, 1), True),
        (date(2027, 9, 4), False),
    ],
)
def test_school_days_are_the_weekdays_of_the_terms(day: date, open_: bool) -> None:
    assert is_school_day(day, TERMS) is open_


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2026, 11, 25), 3, date(2026, 11, 20)),  # over a weekend
        (date(2026, 11, 3), 3, date(2026, 10, 22)),  # over half-term
        (date(2026, 12, 31), 3, date(2026, 12, 16)),  # within a holiday: all three lie before it
        (date(2027, 1, 4), 14, date(2026, 12, 1)),
        (date(2026, 9, 2), 1, date(2026, 8, 31)),  # before the first term that is set
    ],
)
def test_so_many_school_days_before_a_day(day: date, count: int, expected: date) -> None:
    assert school_days_before(day, count, TERMS) == expected


def test_without_terms_every_monday_to_friday_is_a_school_day() -> None:
    monday = date(2026, 12, 21)
    assert [is_school_day(monday + timedelta(days=n), ()) for n in range(7)] == [True] * 5 + [False] * 2


@given(DAYS, st.integers(1, 30), ANY_TERMS)
def test_exactly_so_many_school_days_lie_between(day: date, count: int, terms: list[Term]) -> None:
    first = school_days_before(day, count, terms)
    between = [first + timedelta(days=n) for n in range((day - first).days)]
    assert is_school_day(first, terms)
    assert sum(is_school_day(each, terms) for each in between) == count


@given(DAYS, st.integers(1, 30), ANY_TERMS)
def test_a_later_day_is_never_announced_earlier(day: date, count: int, terms: list[Term]) -> None:
    assert school_days_before(day, count, terms) <= school_days_before(day + timedelta(days=1), count, terms)


@given(DAYS, st.integers(0, 40), ANY_TERMS)
def test_counting_on_is_counting_back_from_a_school_day(day: date, count: int, terms: list[Term]) -> None:
    after = school_days_after(day, count, terms)
    passed = [day + timedelta(days=n) for n in range(1, (after - day).days + 1)]
    assert sum(is_school_day(one, terms) for one in passed) == count
    assert count == 0 or is_school_day(after, terms)
