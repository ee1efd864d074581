"""A window that was changed acts on new publications alone [R2], and the start says what it leaves as it was."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from gateway import compose
from gateway.documents import ending_sooner
from policy.months import Window
from tests.publishing.authority import Authority


@pytest.fixture
def december(authority: Authority) -> Authority:
    """Two documents of December, which the calendar year would end on the 31st."""
    authority.clock.set(datetime(2026, 12, 10, 9, 0, tzinfo=UTC))
    for name in ("One.pdf", "Two.pdf"):
        authority.published(authority.item(authority.file(name)))
    return authority


def test_documents_that_would_have_ended_sooner_are_counted(december: Authority) -> None:
    with december.database.read() as connection:
        counts = {window: ending_sooner(connection, window, december.clock.now()) for window in Window}
    assert counts == {Window.ROLLING: 0, Window.CALENDAR_YEAR: 2, Window.ACADEMIC_YEAR: 0}


def test_documents_past_their_last_day_are_not_counted(december: Authority) -> None:
    with december.database.read() as connection:
        after = datetime(2027, 4, 1, tzinfo=UTC)
        assert ending_sooner(connection, Window.CALENDAR_YEAR, after) == 0
