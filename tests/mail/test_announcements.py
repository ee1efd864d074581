"""What runs out is announced to its owner 14 and 3 school days before and on the day, each once [R33] [R17]."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from auth import accounts, devices, keys
from auth.models import Account, Device, SshKey
from auth.principal import AccountState
from config.clock import end_of_day, london_midnight
from config.database import Database
from config.settings import Term
from gateway import core as cores
from gateway.announcements import _AHEAD, _BEHIND, Announcements
from gateway.mail import outbox
from gateway.mail.outbox import Mail, MailKind
from policy import membership
from tests.support.concurrency import all_at_once
from tests.support.people import KEY
from tests.support.postgres import PostgresServer
from tests.support.world import HERE, THERE, World, a_small_world

LAST = date(2027, 3, 19)  # a Friday
TERMS = (
    Term(first=date(2026, 9, 2), last=date(2026, 12, 18)),
    Term(first=date(2027, 1, 4), last=date(2027, 2, 12)),
    Term(first=date(2027, 2, 22), last=date(2027, 3, 25)),
)


def seven(day: date) -> datetime:
    """07:00 in Derbyshire, of a day in winter."""
    return london_midnight(day) + timedelta(hours=7)


class Crier:
    """Announces on the days that a test names, and says what was announced."""

    def __init__(self, world: World, terms: tuple[Term, ...] = TERMS) -> None:
        self.world = world
        self.terms = terms

    def turn(self, at: datetime, database: Database | None = None) -> None:
        """What a service that was started just now announces."""
        Announcements(database or self.world.database, self.terms, self.world.core.entropy).turn(at)

    def days(self, first: date, last: date) -> list[date]:
        """The days on which something was announced, of the days from `first` to `last`."""
        found, day = [], first
        while day <= last:
            before = len(self.mails())
            self.turn(seven(day))
            found += [day] * (len(self.mails()) - before)
            day += timedelta(days=1)
        return found

    def mails(self) -> list[Any]:
        """Every announcement."""
        with self.world.database.read() as connection:
            return list(connection.execute(select(Mail.__table__).where(Mail.kind == MailKind.RUNNING_OUT)))

    def items(self) -> list[tuple[str, str, str, str]]:
        """Who was told of what: address, kind of thing, its name, last day."""
        with self.world.database.read() as connection:
            told = outbox.posted(connection, MailKind.RUNNING_OUT, datetime(2026, 1, 1, tzinfo=UTC))
            names = {account.id: account.username for account in accounts.listing(connection)}
        return [
            (names[account or 0], item["what"], item["name"], item["last_day"])
            for account, facts in told
            for item in facts["items"]
        ]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_small_world(tmp_path / "county") as world:
        world.service("nightly", "o.office", {HERE: ["General"]})
        yield world


@pytest.fixture
def crier(world: World) -> Crier:
    return Crier(world)


def a_key(world: World, username: str = "o.office", last: date = LAST) -> None:
    with world.changing() as connection:
        account = world.accounts[username]
        keys.add(connection, account, KEY, "Laptop", at=world.clock.now(), expires_at=end_of_day(last))


def a_device(world: World, last: date = LAST, used: datetime | None = None) -> int:
    """A device password that ends with `last`, used last at `used`; its number."""
    with world.changing() as connection:
        account, at = world.accounts["o.office"], world.clock.now()
        world.core.devices.create(connection, account, "Office PC", at=at, expires_at=end_of_day(last))
        [device] = devices.listing(connection, account)
        connection.execute(update(Device).where(Device.id == device.id).values(last_used_at=used))
    return device.id


def ends(world: World, username: str, last: date) -> None:
    with world.changing() as connection:
        mine = update(Account).where(Account.id == world.accounts[username])
        connection.execute(mine.values(expires_at=end_of_day(last)))


def set_state(world: World, username: str, state: AccountState) -> None:
    with world.changing() as connection:
        accounts.set_state(connection, world.accounts[username], state, world.clock.now())


# When


def test_a_key_is_announced_14_and_3_school_days_before_and_on_its_last_day(world: World, crier: Crier) -> None:
    a_key(world)
    assert crier.days(date(2026, 11, 24), date(2027, 4, 1)) == [date(2027, 3, 1), date(2027, 3, 16), LAST]


def test_holidays_are_no_school_days(world: World, crier: Crier) -> None:
    a_key(world, last=date(2027, 2, 23))
    days = crier.days(date(2026, 11, 24), date(2027, 4, 1))
    assert days == [date(2027, 1, 27), date(2027, 2, 11), date(2027, 2, 23)]


def test_a_service_that_stood_still_announces_once_when_it_runs_again(world: World, crier: Crier) -> None:
    a_key(world)
    assert crier.days(date(2027, 3, 4), date(2027, 3, 15)) == [date(2027, 3, 4)]
    assert crier.days(date(2027, 3, 17), date(2027, 3, 18)) == [date(2027, 3, 17)]
    assert crier.days(date(2027, 3, 22), date(2027, 3, 24)) == [date(2027, 3, 22)]


def test_what_ended_more_than_a_week_ago_is_history(world: World, crier: Crier) -> None:
    a_key(world)
    assert crier.days(date(2027, 3, 27), date(2027, 3, 30)) == []


def test_what_was_made_for_a_few_days_is_not_announced_to_whoever_made_it(world: World, crier: Crier) -> None:
    world.clock.advance(days=(date(2027, 3, 15) - world.clock.now().date()).days)
    a_key(world)
    assert crier.days(date(2027, 3, 15), date(2027, 4, 1)) == [date(2027, 3, 16), LAST]


# Once


def test_each_announcement_is_made_once_over_restarts(world: World, crier: Crier) -> None:
    a_key(world)
    for hour in range(5):
        crier.turn(seven(date(2027, 3, 1)) + timedelta(hours=hour))
    assert len(crier.mails()) == 1


def test_two_services_at_once_announce_once(server: PostgresServer | None, tmp_path: Path) -> None:
    with a_small_world(tmp_path / "both", server) as world:
        crier = Crier(world)
        a_key(world)
        cores_ = [cores.core(world.home, world.settings, clock=world.clock) for _ in range(4)]
        databases = [core.database for core in cores_]
        done = all_at_once(4, lambda: crier.turn(seven(LAST), databases.pop()))
        for core in cores_:
            core.database.dispose()
        assert done == [None] * 4
        assert len(crier.mails()) == 1


def test_a_later_end_is_announced_anew(world: World, crier: Crier) -> None:
    a_key(world)
    crier.turn(seven(date(2027, 3, 1)))
    later = date(2027, 3, 22)
    with world.changing() as connection:
        connection.execute(update(SshKey).values(expires_at=end_of_day(later)))
    crier.turn(seven(date(2027, 3, 2)))
    assert [item[3] for item in crier.items()] == [LAST.isoformat(), later.isoformat()]


def test_the_outbox_remembers_longer_than_anything_is_announced_ahead() -> None:
    assert outbox.KEPT > _AHEAD + _BEHIND


# What


def test_one_mail_says_all_that_runs_out(world: World, crier: Crier) -> None:
    a_key(world)
    a_device(world, used=seven(date(2027, 2, 26)))
    ends(world, "nightly", LAST)
    ends(world, "o.office", LAST)
    crier.turn(seven(date(2027, 3, 1)))
    assert len(crier.mails()) == 1
    assert sorted(crier.items()) == [
        ("o.office", "account", "nightly", "2027-03-19"),
        ("o.office", "account", "o.office", "2027-03-19"),
        ("o.office", "device", "Office PC", "2027-03-19"),
        ("o.office", "key", "Laptop", "2027-03-19"),
    ]


def test_a_device_password_is_announced_when_it_lies_unused(world: World, crier: Crier) -> None:
    a_device(world, last=date(2027, 11, 30))
    unused = date(2027, 2, 21)  # 90 days from 23 November, a Sunday in a holiday
    days = crier.days(date(2026, 11, 24), date(2027, 2, 28))
    assert days == [date(2027, 1, 26), date(2027, 2, 10), unused]
    assert {item[1:] for item in crier.items()} == {("unused device", "Office PC", unused.isoformat())}


def test_a_device_password_that_is_used_again_is_no_longer_announced(world: World, crier: Crier) -> None:
    number = a_device(world, last=date(2027, 11, 30))
    crier.turn(seven(date(2027, 1, 26)))
    with world.changing() as connection:
        used = update(Device).where(Device.id == number)
        connection.execute(used.values(last_used_at=seven(date(2027, 2, 1))))
    assert crier.days(date(2027, 2, 2), date(2027, 2, 28)) == []


@pytest.mark.parametrize("table", [SshKey, Device])
def test_what_was_ended_is_not_announced(world: World, crier: Crier, table: type[Any]) -> None:
    a_key(world)
    a_device(world, used=seven(date(2027, 2, 26)))
    with world.changing() as connection:
        connection.execute(update(table).values(revoked_at=world.clock.now()))
    crier.turn(seven(LAST))
    assert {item[1] for item in crier.items()} == {"device" if table is SshKey else "key"}


def test_the_end_of_standing_in_for_a_headteacher_is_announced(world: World, crier: Crier) -> None:
    with world.changing() as connection:
        account, school = world.accounts["o.office"], world.schools[HERE]
        membership.stand_in(connection, account, school, world.clock.now(), until=end_of_day(LAST), why="ill")
    assert crier.days(date(2026, 11, 24), date(2027, 4, 1)) == [date(2027, 3, 1), date(2027, 3, 16), LAST]
    assert set(crier.items()) == {("o.office", "role", "acting Headteacher at Alder Primary", LAST.isoformat())}


def test_the_end_of_a_category_is_announced_and_of_one_that_was_taken_is_not(world: World, crier: Crier) -> None:
    for category in ("EHSG Report Confidential", "SEND"):
        world.grant("o.office", HERE, category, expires_at=end_of_day(LAST))
    world.revoke("o.office", HERE, "SEND")
    crier.turn(seven(LAST))
    assert crier.items() == [("o.office", "category", "EHSG Report Confidential at Alder Primary", LAST.isoformat())]


# To whom


def test_of_a_script_s_key_its_owner_is_told(world: World, crier: Crier) -> None:
    a_key(world, "nightly")
    crier.turn(seven(LAST))
    assert crier.items() == [("o.office", "key", "Laptop", "2027-03-19")]


def test_of_a_script_without_owner_the_headteachers_of_its_schools_are_told(world: World, crier: Crier) -> None:
    world.person("b.head", {THERE: ()}, "Headteacher")
    world.service("trust-wide", "o.office", {HERE: ["General"], THERE: ["General"]})
    set_state(world, "o.office", AccountState.LEFT)
    ends(world, "trust-wide", LAST)
    crier.turn(seven(LAST))
    assert sorted(crier.items()) == [
        ("b.head", "account", "trust-wide", "2027-03-19"),
        ("h.head", "account", "trust-wide", "2027-03-19"),
    ]


@pytest.mark.parametrize("state", [AccountState.LEFT, AccountState.SUSPENDED])
def test_whoever_is_not_there_is_told_nothing(world: World, crier: Crier, state: AccountState) -> None:
    a_key(world)
    set_state(world, "o.office", state)
    crier.turn(seven(LAST))
    assert crier.mails() == []
