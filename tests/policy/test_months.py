"""Months, last days and destroy days, as tables of real calendars [R1] [R2]."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import end_of_day, london_date, london_midnight
from policy.months import MONTHS_SHOWN, Month, Window, destroy_day, last_day, visible_until

MOMENTS = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001 - Hypothesis wants naive bounds
    datetime(2060, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@pytest.mark.parametrize(
    ("published", "window", "expected"),
    [
        (date(2026, 11, 2), Window.ROLLING, date(2027, 1, 31)),
        (date(2026, 9, 1), Window.ROLLING, date(2026, 11, 30)),
        (date(2027, 1, 31), Window.ROLLING, date(2027, 4, 30)),  # the 90th day would be 1 May: April is the last month
        (date(2028, 1, 31), Window.ROLLING, date(2028, 4, 30)),  # a leap year: the 90th day is 30 April itself
        (date(2028, 2, 29), Window.ROLLING, date(2028, 5, 29)),
        (date(2027, 1, 30), Window.ROLLING, date(2027, 4, 30)),
        (date(2026, 12, 15), Window.CALENDAR_YEAR, date(2026, 12, 31)),
        (date(2026, 3, 2), Window.CALENDAR_YEAR, date(2026, 5, 31)),
        (date(2026, 7, 20), Window.ACADEMIC_YEAR, date(2026, 8, 31)),
        (date(2026, 9, 1), Window.ACADEMIC_YEAR, date(2026, 11, 30)),
    ],
)
def test_last_day_is_the_90th_or_the_end_of_the_window(published: date, window: Window, expected: date) -> None:
    assert last_day(london_midnight(published) + timedelta(hours=12), window) == expected


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 6, 30, 22, 59, 59, tzinfo=UTC), date(2026, 6, 30)),  # 23:59:59 in summer time
        (datetime(2026, 6, 30, 23, 0, tzinfo=UTC), date(2026, 7, 1)),  # midnight in summer time
        (datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), date(2026, 11, 30)),
        (datetime(2026, 12, 1, 0, 0, tzinfo=UTC), date(2026, 12, 1)),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), date(2026, 3, 29)),  # the night the clocks go forward
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), date(2026, 10, 25)),  # they go back: 01:30, the first time
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), date(2026, 10, 25)),  # 01:30 again
    ],
)
def test_a_day_is_the_one_in_derbyshire(at: datetime, day: date) -> None:
    assert london_date(at) == day


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_a_day_of_changing_clocks_has_its_own_length(day: date, hours: int) -> None:
    assert end_of_day(day) - london_midnight(day) == timedelta(hours=hours)


def test_a_document_of_a_summer_night_belongs_to_the_london_month() -> None:
    assert Month.of(london_date(datetime(2026, 8, 31, 23, 30, tzinfo=UTC))).folder == "2026-09 September"


@pytest.mark.parametrize(
    ("published", "window", "ends"),
    [
        # A month's last moment and the next one's first: in summer an hour before midnight in UTC.
        (datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), Window.ROLLING, datetime(2027, 3, 1, tzinfo=UTC)),
        (datetime(2026, 8, 31, 22, 59, 59, tzinfo=UTC), Window.ROLLING, datetime(2026, 11, 30, tzinfo=UTC)),
        (datetime(2026, 8, 31, 23, 0, tzinfo=UTC), Window.ROLLING, datetime(2026, 12, 1, tzinfo=UTC)),
        # Across the change of clocks, both ways, and of the two nights themselves.
        (datetime(2026, 8, 3, 9, 0, tzinfo=UTC), Window.ROLLING, datetime(2026, 11, 2, tzinfo=UTC)),
        (datetime(2026, 3, 28, 12, 0, tzinfo=UTC), Window.ROLLING, datetime(2026, 6, 26, 23, 0, tzinfo=UTC)),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), Window.ROLLING, datetime(2026, 6, 27, 23, 0, tzinfo=UTC)),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), Window.ROLLING, datetime(2026, 6, 27, 23, 0, tzinfo=UTC)),
        (datetime(2026, 10, 24, 23, 30, tzinfo=UTC), Window.ROLLING, datetime(2027, 1, 24, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), Window.ROLLING, datetime(2027, 1, 24, tzinfo=UTC)),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), Window.ROLLING, datetime(2027, 1, 24, tzinfo=UTC)),
        (datetime(2027, 1, 31, 12, 0, tzinfo=UTC), Window.ROLLING, datetime(2027, 4, 30, 23, 0, tzinfo=UTC)),
        (datetime(2028, 2, 29, 12, 0, tzinfo=UTC), Window.ROLLING, datetime(2028, 5, 29, 23, 0, tzinfo=UTC)),
        # The last moment of a year, of either kind.
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), Window.CALENDAR_YEAR, datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2026, 8, 31, 22, 59, 59, tzinfo=UTC), Window.ACADEMIC_YEAR, datetime(2026, 8, 31, 23, tzinfo=UTC)),
        (datetime(2026, 8, 31, 23, 0, tzinfo=UTC), Window.ACADEMIC_YEAR, datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_a_document_is_shown_until_the_midnight_in_derbyshire_that_ends_its_last_day(
    published: datetime, window: Window, ends: datetime
) -> None:
    assert visible_until(published, window) == ends


@pytest.mark.parametrize("window", Window)
def test_every_document_is_destroyed_on_its_90th_day_whatever_the_window_hides(window: Window) -> None:
    for n in range(3 * 366):
        at = london_midnight(date(2027, 1, 1) + timedelta(days=n)) + timedelta(hours=12)
        assert destroy_day(at) == london_date(at) + timedelta(days=90)
        assert visible_until(at, window) <= end_of_day(destroy_day(at))


def test_only_a_31st_of_january_outside_a_leap_year_loses_days_to_the_rolling_window() -> None:
    shortened = {
        day
        for day in (date(2026, 1, 1) + timedelta(days=n) for n in range(4 * 366))
        if last_day(london_midnight(day), Window.ROLLING) < destroy_day(london_midnight(day))
    }
    assert shortened == {date(2026, 1, 31), date(2027, 1, 31), date(2029, 1, 31)}


@given(MOMENTS, st.sampled_from(Window))
def test_no_document_outlives_its_90th_day_or_its_four_months(at: datetime, window: Window) -> None:
    day = last_day(at, window)
    assert day <= destroy_day(at)
    assert Month.of(day) < Month.of(london_date(at)).plus(MONTHS_SHOWN)
    assert london_date(at) <= day


@given(MOMENTS)
def test_no_document_outlives_the_year_that_its_window_shows(at: datetime) -> None:
    published, last = london_date(at), last_day(at, Window.ACADEMIC_YEAR)
    assert last_day(at, Window.CALENDAR_YEAR).year == published.year
    assert last.year - (last.month < 9) == published.year - (published.month < 9)


@given(MOMENTS)
def test_only_the_end_of_a_year_takes_from_what_the_rolling_window_promises(at: datetime) -> None:
    promised = last_day(at, Window.ROLLING)
    if promised.year == london_date(at).year:
        assert last_day(at, Window.CALENDAR_YEAR) == promised
    if not london_date(at) < date(promised.year, 9, 1) <= promised:
        assert last_day(at, Window.ACADEMIC_YEAR) == promised


@given(MOMENTS)
def test_a_month_is_found_again_by_its_folder_and_its_key(at: datetime) -> None:
    month = Month.of(london_date(at))
    assert Month.from_folder(month.folder) == month == Month.from_key(month.key)


@pytest.mark.parametrize("name", ["2026-11", "2026-13 Smarch", "2026-11 October", "2026-11 november", "", "November"])
def test_what_is_not_exactly_a_month_folder_is_no_month(name: str) -> None:
    assert Month.from_folder(name) is None


@given(MOMENTS, st.integers(-30, 30))
def test_months_add_up(at: datetime, months: int) -> None:
    month = Month.of(london_date(at))
    assert month.plus(months).plus(-months) == month
