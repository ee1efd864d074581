"""What the log hears when nobody can sign in over SFTP: the cause, in few lines."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import asyncssh
import pytest
from sqlalchemy.exc import OperationalError

from auth.argon import GateBusy
from auth.verdicts import SignInUnavailable
from gateway.errors import Unavailable
from policy.audit.events import RecordUnavailable
from tests.sftp.door import Door, running

DOWN = OperationalError("SELECT 1", {}, Exception("connection refused\n\tIs the server running?"))


@pytest.fixture
def door() -> Iterator[Door]:
    with running() as door:
        yield door


def unable(cause: Exception) -> SignInUnavailable:
    fault = SignInUnavailable("sign-in is not possible at present")
    fault.__cause__ = cause
    return fault


def attempts(door: Door, number: int) -> None:
    async def attempt() -> None:
        with pytest.raises(asyncssh.DisconnectError, match="cannot answer just now"):
            async with door.as_service():
                pass

    async def all_of_them() -> None:
        for _ in range(number):
            await attempt()

    asyncio.run(all_of_them())


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [line for line in caplog.records if line.name.startswith("gateway")]


def test_attempts_without_a_record_are_few_lines_and_no_traceback(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    door.people.faults["authenticate"] = unable(RecordUnavailable("not writable at present"))
    attempts(door, 10)
    lines = ours(caplog)
    seconds = lines[-1].created - lines[0].created if lines else 0
    assert (len(lines) <= 1 + seconds, [line for line in lines if line.exc_info]) == (True, [])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (unable(DOWN), "connection refused Is the server running?"),
        (unable(GateBusy("too many sign-ins are waiting")), "too many sign-ins are waiting"),
        (Unavailable(), Unavailable.message),
    ],
    ids=["no database", "a full queue", "full pools"],
)
def test_an_attempt_that_meets_what_was_foreseen_is_one_line(
    door: Door, fault: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    door.people.faults["authenticate"] = fault
    attempts(door, 1)
    [line] = ours(caplog)
    assert (line.exc_info, said in line.getMessage(), "\n" in line.getMessage()) == (None, True, False)


def test_an_attempt_that_meets_what_nobody_foresaw_is_told_with_its_traceback(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    door.people.faults["authenticate"] = ValueError("odd")
    attempts(door, 1)
    assert [line.exc_info is not None for line in ours(caplog)] == [True]
