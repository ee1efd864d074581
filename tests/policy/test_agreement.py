"""Which version of the agreement is in force in a school, and until when: a rule of days [R23]."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import end_of_day, london_midnight
from config.settings import Term
from policy.agreement import InForce, Rules, in_force

TERMS = (
    Term(first=date(2026, 9, 2), last=date(2026, 10, 23)),
    Term(first=date(2026, 11, 2), last=date(2026, 12, 18)),
    Term(first=date(2027, 1, 4), last=date(2027, 2, 12)),
)
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OLD, NEW, NEWEST = "2025-1", "2026-1", "2026-2"


def rules(*begun: tuple[str, date], listed: Sequence[str] = (OLD, NEW, NEWEST), school_days: int = 30) -> Rules:
    return Rules(at=AT, listed=tuple(listed), begun=begun, terms=TERMS, school_days=school_days)


OF_OLD = rules((OLD, date(2025, 9, 1)))
OF_NEW = rules((OLD, date(2025, 9, 1)), (NEW, date(2026, 11, 2)))
OF_NEWEST = rules((OLD, date(2025, 9, 1)), (NEW, date(2026, 11, 2)), (NEWEST, date(2026, 11, 20)))


@pytest.mark.parametrize(
    ("signed", "by", "version", "last_day"),
    [
        ((), OF_NEW, None, None),
        ((OLD,), OF_OLD, OLD, None),
        ((NEW,), OF_OLD, None, None),  # it was signed before its time, and nothing else was
        ((OLD, NEW), OF_OLD, OLD, None),
        ((OLD,), OF_NEW, OLD, date(2026, 12, 14)),
        ((OLD, NEW), OF_NEW, NEW, None),
        ((NEW, OLD), OF_NEW, NEW, None),
        ((OLD,), OF_NEWEST, OLD, date(2026, 12, 14)),
        ((NEW,), OF_NEWEST, NEW, date(2027, 1, 15)),
        ((OLD, NEWEST), OF_NEWEST, NEWEST, None),
        (("2019-1",), OF_OLD, "2019-1", date(2025, 10, 13)),  # not listed any more; no term is set for that year
        (("2019-1", OLD), OF_OLD, OLD, None),
        (("2019-1",), rules(), "2019-1", None),
    ],
)
def test_the_newest_that_was_signed_is_in_force_until_the_school_days_of_the_next_are_over(
    signed: Sequence[str], by: Rules, version: str | None, last_day: date | None
) -> None:
    until = None if last_day is None else end_of_day(last_day)
    assert in_force(signed, by) == InForce(version=version, until=until)


def test_half_term_and_christmas_do_not_count() -> None:
    now = in_force([OLD], rules((OLD, date(2025, 9, 1)), (NEW, date(2026, 10, 22)), school_days=2))
    assert now.until == london_midnight(date(2026, 11, 3))  # 23 October and 2 November


def test_the_day_that_ends_it_ends_in_london() -> None:
    summer = rules((OLD, date(2025, 9, 1)), (NEW, date(2026, 9, 7)), school_days=5)
    assert in_force([OLD], summer).until == datetime(2026, 9, 14, 23, 0, tzinfo=UTC)


@given(st.dates(date(2026, 9, 2), date(2026, 12, 18)), st.integers(5, 60))
def test_nobody_has_fewer_school_days_than_the_settings_say(since: date, count: int) -> None:
    until = in_force([OLD], rules((OLD, date(2025, 9, 1)), (NEW, since), school_days=count)).until
    assert until is not None
    days = [since + timedelta(days=n) for n in range(1, 300) if london_midnight(since + timedelta(days=n)) < until]
    in_term = [day for day in days if day.weekday() < 5 and any(t.first <= day <= t.last for t in TERMS)]
    assert len(in_term) == count or days[-1] > date(2027, 2, 12)
