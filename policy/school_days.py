"""School days: Mondays to Fridays within the terms of the settings [R22] [R33].

Called by `gateway.announcements` and `policy.review`. Pure and thread-safe; raises nothing (an OverflowError at an end
of the calendar apart). In a school year (from 1 September) of which no term is set every Monday to Friday is one:
whoever forgets to enter the next year's terms is told too early, never too late or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from config.settings import Term

SCHOOL_DAYS_BEFORE = (14, 3)
"""When what runs out, or is due, is announced before its day [R33]."""

_DAY = timedelta(days=1)
_FRIDAY = 4
_SEPTEMBER = 9


def is_school_day(day: date, terms: Sequence[Term]) -> bool:
    """Whether schools are open on `day`. Single days off, bank holidays among them, are not known."""
    if day.weekday() > _FRIDAY:
        return False
    year = _school_year(day)
    known = any(_school_year(term.first) <= year <= _school_year(term.last) for term in terms)
    return not known or any(term.first <= day <= term.last for term in terms)


def school_days_before(day: date, count: int, terms: Sequence[Term]) -> date:
    """The school day with which the last `count` school days before `day` begin; `day` itself for none."""
    found = day
    for _ in range(count):
        found -= _DAY
        while not is_school_day(found, terms):
            found -= _DAY
    return found


def school_days_after(day: date, count: int, terms: Sequence[Term]) -> date:
    """The last of the `count` school days that follow `day`; `day` itself for none."""
    found = day
    for _ in range(count):
        found += _DAY
        while not is_school_day(found, terms):
            found += _DAY
    return found


def _school_year(day: date) -> int:
    return day.year if day.month >= _SEPTEMBER else day.year - 1
