"""`misfits`: that somebody types another password at the drive is said once an hour, and what was typed never."""

from __future__ import annotations

import logging

import pytest

from auth.misfits import Misfits
from auth.principal import Candidate, Door, Peer
from tests.auth.world import Someone, World
from tests.support.clock import FakeClock
from tests.support.concurrency import all_at_once


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "auth.misfits"]


def _candidate(account_id: int | None, username: str = "jo.bloggs") -> Candidate:
    return Candidate(username=username, account_id=account_id, peer=Peer(address="192.0.2.7", door=Door.WEBDAV))


def _typed(world: World, typed: str, username: str = "jo.bloggs") -> None:
    assert world.authenticator.check_device(world.candidate(username, door=Door.WEBDAV), typed) is None


def test_it_is_said_whose_from_where_and_what_would_do(
    world: World, jo: Someone, caplog: pytest.LogCaptureFixture
) -> None:
    _typed(world, jo.password)
    [line] = _told(caplog)
    assert "jo.bloggs, from 192.0.2.7, is not the shape of a device password" in line and "device add" in line


def test_what_was_typed_is_not(world: World, jo: Someone, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _typed(world, jo.password)
    assert jo.password not in caplog.text


def test_it_is_said_once_an_hour(world: World, jo: Someone, caplog: pytest.LogCaptureFixture) -> None:
    said = []
    for seconds in (0, 1, 3598, 1, 1, 3600):
        world.clock.advance(seconds=seconds)
        _typed(world, jo.password)
        said.append(len(_told(caplog)))
    assert said == [1, 1, 1, 2, 2, 3]


def test_each_account_is_told_of_by_itself(world: World, jo: Someone, caplog: pytest.LogCaptureFixture) -> None:
    sam = world.someone("sam.shah")
    for _ in range(3):
        _typed(world, jo.password)
        _typed(world, sam.password, "sam.shah")
    assert len(_told(caplog)) == 2


def test_a_wrong_device_password_is_not_told_of(world: World, jo: Someone, caplog: pytest.LogCaptureFixture) -> None:
    _typed(world, "WRNG-WRNG-WRNG-WRNG-WRNG-WRNG")
    assert not _told(caplog)


def test_a_name_that_nobody_has_is_not_told_of(world: World, caplog: pytest.LogCaptureFixture) -> None:
    _typed(world, "seven quiet otters", "seven quiet otters")
    assert not _told(caplog)


def test_of_twenty_at_once_one_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    misfits = Misfits(FakeClock())
    all_at_once(20, lambda: misfits.tell(_candidate(1)))
    assert len(_told(caplog)) == 1


def test_it_remembers_no_more_than_its_size(caplog: pytest.LogCaptureFixture) -> None:
    misfits = Misfits(FakeClock(), size=3)
    for account in (1, 2, 3, 4, 1):
        misfits.tell(_candidate(account))
    assert (len(misfits._told), len(_told(caplog))) == (3, 5)
