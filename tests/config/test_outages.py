"""A fault that everybody foresees is one line of the log; what nobody foresaw keeps its traceback."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from config.outages import in_one_line, tell

log = logging.getLogger(__name__)
DOWN = "connection to server failed: refused\n\tIs the server running?\n"
OUTAGES = {
    "database": (OperationalError("SELECT 1", {}, Exception(DOWN)), "failed: refused Is the server running?"),
    "pool": (PoolTimeoutError("no connection came free"), "no connection came free"),
    "turn": (TimeoutError("held by another writer"), "held by another writer"),
    "disk": (FileNotFoundError(2, "No such file", "/srv/store/7f"), "No such file: '/srv/store/7f'"),
}


@pytest.mark.parametrize(("error", "said"), OUTAGES.values(), ids=OUTAGES)
def test_an_outage_is_one_line_that_says_what_failed(
    error: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    tell(log, "refused", error)
    [line] = caplog.records
    assert (line.exc_info, said in line.getMessage(), "\n" in line.getMessage()) == (None, True, False)


def test_a_statement_is_not_repeated() -> None:
    assert "SELECT" not in in_one_line(OUTAGES["database"][0])


def test_an_error_without_a_word_is_called_by_its_kind() -> None:
    assert in_one_line(KeyError()) == "KeyError"


@pytest.mark.parametrize("error", [ValueError("odd"), ProgrammingError("SELEKT", {}, Exception("syntax"))])
def test_what_nobody_foresaw_keeps_its_traceback(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    tell(log, "refused", error)
    assert [line.exc_info is not None for line in caplog.records] == [True]


def test_a_caller_may_foresee_more(caplog: pytest.LogCaptureFixture) -> None:
    tell(log, "refused", ValueError("odd"), foreseen=(ValueError,))
    assert [line.exc_info for line in caplog.records] == [None]
