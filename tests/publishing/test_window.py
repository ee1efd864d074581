"""A window that was changed acts on new publications alone [R2], and the start says what it leaves as it was."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from config.settings import Months
from gateway import compose
from gateway.documents import ending_sooner
from policy.months import Window
from tests.publishing.authority import Authority


@pytest.fixture
def november(authority: Authority) -> Authority:
    """Two documents of November, shown until February; the calendar year would have ended them on 31 December."""
    for name in ("One.pdf", "Two.pdf"):
        authority.published(authority.item(authority.file(name)))
    return authority


def test_documents_that_would_have_ended_sooner_are_counted(november: Authority) -> None:
    with november.database.read() as connection:
        counts = {window: ending_sooner(connection, window, november.clock.now()) for window in Window}
    assert counts == {Window.ROLLING: 0, Window.CALENDAR_YEAR: 2, Window.ACADEMIC_YEAR: 0}


def test_documents_past_their_last_day_are_not_counted(november: Authority) -> None:
    with november.database.read() as connection:
        after = datetime(2027, 4, 1, tzinfo=UTC)
        assert ending_sooner(connection, Window.CALENDAR_YEAR, after) == 0


def test_the_start_says_so(november: Authority, caplog: pytest.LogCaptureFixture) -> None:
    narrower = november.settings.model_copy(update={"months": Months(window="calendar-year")})
    compose.check_home(november.home, narrower)
    assert [record.args for record in caplog.records] == [(Window.CALENDAR_YEAR, 2)]
