"""When jobs are due: by the clocks of Derbyshire, also in the two nights that are longer or shorter."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from gateway.jobrunner import Daily, Every


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "now", "due"),
    [
        (time(0), "2026-11-23 00:00", "2026-11-23 00:00"),
        (time(0), "2026-11-22 23:59", "2026-11-22 00:00"),
        (time(0), "2026-07-09 23:00", "2026-07-09 23:00"),
        (time(7), "2026-11-23 06:59", "2026-11-22 07:00"),
        (time(7), "2026-11-23 07:00", "2026-11-23 07:00"),
        (time(7), "2026-07-09 05:59", "2026-07-08 06:00"),
        (time(7), "2026-07-09 06:00", "2026-07-09 06:00"),
    ],
)
def test_a_daily_job_is_due_at_its_hour_in_derbyshire(hour: time, now: str, due: str) -> None:
    assert Daily(hour).last(at(now)) == at(due)


@pytest.mark.parametrize("hour", [time(0), time(1), time(1, 30), time(2), time(7)])
@pytest.mark.parametrize("night", ["2026-03-28 12:00", "2026-10-24 12:00"])
def test_a_night_in_which_the_clocks_change_has_each_daily_job_once(hour: time, night: str) -> None:
    noon = at(night)
    moments = {Daily(hour).last(noon + timedelta(minutes=minute)) for minute in range(1, 24 * 60 + 1)}
    assert len({moment for moment in moments if moment > noon}) == 1


def test_a_job_of_every_five_minutes_is_due_at_the_multiples_of_five() -> None:
    assert Every(timedelta(minutes=5)).last(at("2026-11-23 09:04:59")) == at("2026-11-23 09:00")
