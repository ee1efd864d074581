"""Headteachers are reminded of a new version of the agreement before it blocks and when it does [R23] [R33]."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from auth import accounts
from auth.principal import AccountState
from config.clock import end_of_day, london_midnight
from config.settings import SPECIMEN, Agreement, Settings, Term
from gateway.agreeing import Agreements
from gateway.mail.outbox import Mail, MailKind
from gateway.unsigned import Unsigned
from policy import agreement_texts, membership
from policy.access import HEADTEACHER
from policy.audit.events import EventKind, RecordUnavailable
from policy.models import School
from tests.support.concurrency import all_at_once
from tests.support.people import sign
from tests.support.world import HERE, World, a_world

NEW = "2027-1"
BEGINS = date(2027, 1, 4)
LAST = date(2027, 2, 22)  # the 30th school day after it
TERMS = (
    Term(first=date(2026, 9, 2), last=date(2026, 12, 18)),
    Term(first=date(2027, 1, 4), last=date(2027, 2, 12)),
    Term(first=date(2027, 2, 22), last=date(2027, 3, 25)),
)


def seven(day: date) -> datetime:
    """07:00 in Derbyshire, of a day in winter."""
    return london_midnight(day) + timedelta(hours=7)


class Village:
    """A world whose schools signed the specimen, and a new version that is listed already and begins in January."""

    def __init__(self, world: World, folder: Path) -> None:
        (folder / "new.md").write_text("# The new agreement\n")
        old, new = ((SPECIMEN.version, SPECIMEN.in_force_on, SPECIMEN.file), (NEW, BEGINS, folder / "new.md"))
        listed = [{"version": name, "from": day, "file": file} for name, day, file in (old, new)]
        agreement = Agreement.model_validate({"versions": listed})
        self.world = world
        self.settings: Settings = world.settings.model_copy(update={"agreement": agreement, "terms": TERMS})
        with world.database.write() as connection:
            agreement_texts.enter(connection, agreement_texts.texts(agreement), world.clock.now())

    def live(self, day: date) -> None:
        """The jobs of a day."""
        Agreements(self.world.database, self.world.services.log, self.settings).roll(london_midnight(day))
        self.remind(day)

    def remind(self, day: date) -> None:
        Unsigned(self.world.database, self.settings, self.world.core.entropy).turn(seven(day))

    def sign(self, day: date) -> None:
        with self.world.changing() as connection:
            sign(connection, self.world.schools[HERE], NEW, london_midnight(day), self.settings)

    def days(self, first: date, last: date) -> list[date]:
        """The days on which somebody was reminded, as often as somebody was."""
        found, day = [], first
        while day <= last:
            before = len(self.mails())
            self.live(day)
            found += [day] * (len(self.mails()) - before)
            day += timedelta(days=1)
        return found

    def mails(self) -> list[Any]:
        with self.world.database.read() as connection:
            return list(connection.execute(select(Mail.__table__).where(Mail.kind == MailKind.AGREEMENT_DUE)))

    def addresses(self) -> list[str]:
        return sorted(mail.address for mail in self.mails())

    def until(self) -> datetime | None:
        with self.world.database.read() as connection:
            return connection.execute(select(School.agreement_until).where(School.dfe == HERE)).scalar_one()


@pytest.fixture
def village(tmp_path: Path) -> Iterator[Village]:
    with a_world(tmp_path / "county") as world:
        world.school(HERE, "Alder Primary")
        world.person("h.head", {HERE: ()}, HEADTEACHER)
        world.person("o.office", {HERE: ["General"]})
        yield Village(world, tmp_path)


def test_it_is_told_when_it_is_new_14_and_3_school_days_before_the_last_on_it_and_after(village: Village) -> None:
    told = village.days(BEGINS - timedelta(days=3), LAST + timedelta(days=20))
    assert told == [BEGINS, date(2027, 1, 26), date(2027, 2, 10), LAST, LAST + timedelta(days=1)]
    assert {mail.address for mail in village.mails()} == {"h.head@school.example"}


def test_the_documents_are_held_back_after_the_last_day(village: Village) -> None:
    village.live(BEGINS)
    assert village.until() == end_of_day(LAST)


def test_whoever_signs_is_not_reminded_any_more(village: Village) -> None:
    village.live(BEGINS)
    village.sign(BEGINS)
    assert village.days(BEGINS + timedelta(days=1), LAST + timedelta(days=5)) == []


def test_a_service_that_stood_still_tells_the_latest_alone(village: Village) -> None:
    village.live(BEGINS)
    assert village.days(LAST - timedelta(days=1), LAST - timedelta(days=1)) == [LAST - timedelta(days=1)]


def test_what_ended_long_ago_is_not_told_any_more(village: Village) -> None:
    village.live(BEGINS)
    village.live(LAST + timedelta(days=15))
    assert len(village.mails()) == 1


def test_whoever_acts_as_headteacher_is_told_too(village: Village) -> None:
    world = village.world
    with world.changing() as connection:
        (account, school), at = (world.accounts["o.office"], world.schools[HERE]), world.clock.now()
        membership.stand_in(connection, account, school, at, until=end_of_day(LAST))
    village.live(BEGINS)
    assert village.addresses() == ["h.head@school.example", "o.office@school.example"]


def test_where_nobody_would_be_reached_the_authority_is_told(village: Village) -> None:
    with village.world.changing() as connection:
        head = village.world.accounts["h.head"]
        accounts.set_state(connection, head, AccountState.SUSPENDED, village.world.clock.now())
    village.live(BEGINS)
    village.remind(BEGINS)
    assert village.addresses() == [village.settings.support.mail]


def test_two_processes_remind_once(village: Village) -> None:
    village.live(BEGINS - timedelta(days=1))
    Agreements(village.world.database, village.world.services.log, village.settings).roll(london_midnight(BEGINS))
    all_at_once(4, lambda: village.remind(BEGINS))
    assert len(village.mails()) == 1


def test_what_a_day_changes_is_in_the_record_once(village: Village) -> None:
    village.live(BEGINS)
    village.live(BEGINS + timedelta(days=1))
    [told] = village.world.recorded(EventKind.AGREEMENT_DUE)
    assert (told.school, told.reason) == (village.world.schools[HERE], "specimen-1, until 2027-02-23T00:00:00+00:00")


def test_without_a_record_nothing_turns(village: Village) -> None:
    village.world.services.log.close()
    with pytest.raises(RecordUnavailable):
        village.live(BEGINS)
    assert village.until() is None
