"""What the log hears while a part of the service is down: the cause once, and no flood."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import ProgrammingError

from auth.verdicts import SignInUnavailable
from gateway.errors import Unavailable
from gateway.faults import OnceASecond, as_fs_errors
from gateway.webdav.basic import Credentials
from gateway.webdav.devicedoor import DeviceDoor
from gateway.webdav.errors import answer_for
from policy.audit.events import RecordUnavailable
from tests.support.world import World, a_world, peer, without_table
from tests.webdav.harness import DOCUMENT, Wsgi


def _lines(times: list[float]) -> list[float]:
    once = OnceASecond()
    lines = [logging.makeLogRecord({"created": created}) for created in times]
    return [line.created for line in lines if once.filter(line)]


def test_what_fails_for_everyone_is_said_once_a_second() -> None:
    assert _lines([100.0, 100.1, 100.9, 101.0, 101.5, 102.5]) == [100.0, 101.0, 102.5]


def test_a_clock_that_was_put_back_silences_nothing() -> None:
    assert _lines([100.0, 40.0, 40.5]) == [100.0, 40.0]


def _refused(cause: Exception) -> Unavailable:
    with pytest.raises(Unavailable) as caught, as_fs_errors():
        raise cause
    return caught.value


def _unable_to_sign_in(cause: Exception) -> SignInUnavailable:
    fault = SignInUnavailable("sign-in is not possible")
    fault.__cause__ = cause
    return fault


@pytest.mark.parametrize(
    "cause", [RecordUnavailable("down"), _unable_to_sign_in(RecordUnavailable("down"))], ids=["reading", "signing in"]
)
def test_twenty_refusals_without_a_record_are_few_lines_and_no_traceback(
    cause: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    drive = Wsgi()
    for _ in range(20):
        drive.fs.faults["open"] = _refused(cause)
        assert drive("GET", DOCUMENT).status == 503
    seconds = caplog.records[-1].created - caplog.records[0].created if caplog.records else 0
    traced = [line for line in caplog.records if line.exc_info and line.exc_info[0]]
    assert (len(caplog.records) <= 1 + seconds, traced) == (True, [])


def test_a_fault_that_was_foreseen_is_told_in_one_line_once(caplog: pytest.LogCaptureFixture) -> None:
    answer_for(_refused(OSError("disk gone")))
    assert [(line.exc_info, "disk gone" in line.getMessage()) for line in caplog.records] == [(None, True)]


def test_another_fault_is_told_with_its_traceback_once(caplog: pytest.LogCaptureFixture) -> None:
    answer_for(_refused(ProgrammingError("SELEKT", {}, Exception("syntax error"))))
    assert [line.exc_info is not None for line in caplog.records] == [True]


def test_an_obstacle_without_a_cause_is_told(caplog: pytest.LogCaptureFixture) -> None:
    answer_for(Unavailable("The clock has leapt ahead."))
    assert "The clock has leapt ahead." in caplog.text


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path) as world:
        yield world


def test_a_sign_in_that_fails_tells_its_cause(world: World, caplog: pytest.LogCaptureFixture) -> None:
    services = world.services
    door = DeviceDoor(services.authenticator, services.verified, services.sessions)
    with without_table(world, "account"), pytest.raises(Unavailable):
        door.admit(Credentials("o.office", "x"), peer())
    assert "no such table: account" in caplog.text
