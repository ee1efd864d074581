"""The plan holds what a demo is asked to show, on whichever day somebody runs it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.clock import london_date
from gateway.demo.people import CATEGORIES, LARKDALE
from gateway.demo.plan import months_of, plan
from gateway.names import fault
from policy.months import Month, Window, visible_until
from tests.demo.conftest import NOW, planned

ODD_DAYS = [
    datetime(2026, 11, 1, 0, 0, 5, tzinfo=UTC),  # a Sunday, the first of a month, just after midnight
    datetime(2027, 1, 1, 9, 0, tzinfo=UTC),  # a bank holiday
    datetime(2028, 2, 29, 23, 59, tzinfo=UTC),
    datetime(2027, 3, 28, 0, 59, tzinfo=UTC),  # the night on which summer time begins
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),  # the night on which it ends
    datetime(2027, 5, 31, 23, 30, tzinfo=UTC),  # June already in Derbyshire
]


@pytest.mark.parametrize("now", [NOW, *ODD_DAYS], ids=str)
class TestOnAnyDay:
    def test_there_are_at_least_150_documents_over_five_months_and_all_categories(self, now: datetime) -> None:
        parcels = planned(now)
        months = {Month.of(london_date(parcel.at)) for parcel in parcels}
        assert len(parcels) >= 150
        assert months == set(months_of(now))
        assert {parcel.category for parcel in parcels} == set(CATEGORIES)

    def test_the_oldest_month_is_past_its_last_day(self, now: datetime) -> None:
        oldest = months_of(now)[0]
        ends = [
            visible_until(parcel.at, Window.ROLLING)
            for parcel in planned(now)
            if Month.of(london_date(parcel.at)) == oldest
        ]
        assert ends and max(ends) <= now

    def test_documents_come_in_order_and_none_after_now(self, now: datetime) -> None:
        times = [parcel.at for parcel in planned(now)]
        assert times == sorted(times)
        assert times[-1] <= now

    def test_one_folder_holds_300_files(self, now: datetime) -> None:
        folders = Counter(
            (Month.of(london_date(parcel.at)), parcel.category) for parcel in planned(now) if LARKDALE in parcel.schools
        )
        assert max(folders.values()) >= 300

    def test_names_can_be_published_and_one_comes_twice_in_a_folder(self, now: datetime) -> None:
        parcels = planned(now)
        names = Counter(
            (Month.of(london_date(parcel.at)), parcel.category, school, parcel.draft.name)
            for parcel in parcels
            for school in parcel.schools
        )
        assert [fault(parcel.draft.name) for parcel in parcels] == [None] * len(parcels)
        assert {name for (_, _, _, name), times in names.items() if times > 1} == {
            next(parcel.draft.name for parcel in parcels if parcel.draft.name.startswith("Term dates"))
        }


def test_names_are_hard_to_carry_in_every_way_that_is_allowed() -> None:
    names = [parcel.draft.name for parcel in planned()]
    for mark in ("&", "'", " ", "é"):
        assert any(mark in name for name in names), mark


def test_the_same_moment_gives_the_same_plan() -> None:
    first, second = plan(NOW), plan(NOW)
    assert [(p.at, p.draft.name) for p in first] == [(p.at, p.draft.name) for p in second]
    assert first[0].draft.data() == second[0].draft.data()


@settings(max_examples=20, deadline=None)
@given(st.integers(min_value=0, max_value=60 * 24 * 366 * 4))
def test_every_minute_of_four_years_has_a_plan(minutes: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    assert len(plan(now)) >= 150
