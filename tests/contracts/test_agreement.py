"""What schools have signed, the texts, and how each school stands, in SQL on both databases [R22] [R23]."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from config.clock import end_of_day, london_midnight
from config.database import Database
from config.errors import OperatorError
from config.settings import Settings
from policy import agreement, agreement_texts, schools
from policy.agreement import InForce, Signature
from policy.models import AccessReview, School
from policy.order import Cause, Order, SchoolOrder, orders
from policy.schools import SchoolState

AUTUMN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LAST_DAY = date(2027, 1, 4)  # the 30th Monday to Friday after 23 November


def settings(folder: Path, *versions: tuple[str, date], **more: Any) -> Settings:
    """Settings with these versions, whose files are written where there are none."""
    listed = []
    for version, day in versions:
        file = folder / f"{version}.md"
        if not file.exists():
            file.write_text(f"# The agreement of {version}\n")
        listed.append({"version": version, "from": day, "file": file})
    support = {"name": "Web team", "phone": "1", "mail": "web@council.example", "hours": "always"}
    needed = {"service": {"name": "LA Documents"}, "support": support, "keys": {"dir": "keys"}}
    return Settings.of({**needed, "agreement": {"versions": listed, **more}})


@pytest.fixture
def old(tmp_path: Path) -> Settings:
    return settings(tmp_path, ("2025-1", date(2025, 9, 1)))


@pytest.fixture
def new(tmp_path: Path) -> Settings:
    return settings(tmp_path, ("2025-1", date(2025, 9, 1)), ("2026-1", date(2026, 11, 23)))


def enter(database: Database, by: Settings, at: datetime) -> None:
    """A service starts with these settings."""
    with database.write() as connection:
        agreement_texts.enter(connection, agreement_texts.texts(by.agreement), at)


def sign(connection: Connection, school: int, version: str, by: Settings, at: datetime) -> None:
    signed = Signature(version=version, signed_on=date(2025, 9, 3), signed_by="Mary Head")
    agreement.record(connection, school, signed, agreement.rules(connection, by, at), recorded_by=None)


@pytest.fixture
def school(database: Database, old: Settings) -> int:
    """A school that signed the old version in its time."""
    then = AUTUMN - timedelta(days=300)
    enter(database, old, then)
    with database.write() as connection:
        row = schools.add(connection, dfe="830-2001", name="Alder Primary", urn=None, at=then)
        sign(connection, row.id, "2025-1", old, then)
    return row.id


def in_force(database: Database) -> InForce:
    with database.read() as connection:
        row = schools.find(connection, "830-2001")
    return InForce(version=row.agreement, until=row.agreement_until)


def rolled(database: Database, by: Settings, at: datetime) -> list[InForce]:
    """What a day's roll changes."""
    with database.write() as connection:
        return [one.now for one in agreement.roll(connection, agreement.rules(connection, by, at))]


def order(database: Database, school: int, at: datetime = AUTUMN) -> Order:
    with database.read() as connection:
        return orders(connection, at)[school]


def test_a_new_version_gives_30_school_days_before_it_blocks(database: Database, school: int, new: Settings) -> None:
    enter(database, new, AUTUMN)
    assert rolled(database, new, AUTUMN) == [InForce(version="2025-1", until=end_of_day(LAST_DAY))]
    assert in_force(database) == InForce(version="2025-1", until=end_of_day(LAST_DAY))


@pytest.mark.usefixtures("school")
def test_a_second_roll_of_a_day_and_those_of_later_days_change_nothing(database: Database, new: Settings) -> None:
    enter(database, new, AUTUMN)
    rolled(database, new, AUTUMN)
    assert [rolled(database, new, AUTUMN + timedelta(days=days)) for days in (0, 1, 30, 60)] == [[], [], [], []]


@pytest.mark.usefixtures("school")
def test_a_version_entered_late_gives_its_school_days_from_then_on(database: Database, tmp_path: Path) -> None:
    late = settings(tmp_path, ("2025-1", date(2025, 9, 1)), ("2026-1", date(2026, 1, 1)))
    enter(database, late, AUTUMN)
    assert rolled(database, late, AUTUMN) == [InForce(version="2025-1", until=end_of_day(LAST_DAY))]


@pytest.mark.usefixtures("school")
def test_a_version_to_come_changes_nothing_before_its_day(database: Database, new: Settings) -> None:
    enter(database, new, AUTUMN - timedelta(days=20))
    assert rolled(database, new, AUTUMN - timedelta(days=1)) == []
    assert len(rolled(database, new, london_midnight(date(2026, 11, 23)))) == 1


def test_signing_the_new_version_ends_the_wait(database: Database, school: int, new: Settings) -> None:
    enter(database, new, AUTUMN)
    rolled(database, new, AUTUMN)
    with database.write() as connection:
        sign(connection, school, "2026-1", new, AUTUMN)
    assert in_force(database) == InForce(version="2026-1", until=None)


def test_a_version_that_was_signed_before_its_day_is_in_force_from_it(
    database: Database, school: int, new: Settings
) -> None:
    with database.write() as connection:
        sign(connection, school, "2026-1", new, AUTUMN - timedelta(days=2))
    assert in_force(database).version == "2025-1"
    assert rolled(database, new, AUTUMN) == [InForce(version="2026-1", until=None)]


@pytest.mark.usefixtures("school")
def test_the_number_of_school_days_is_a_setting(database: Database, tmp_path: Path) -> None:
    versions = (("2025-1", date(2025, 9, 1)), ("2026-1", date(2026, 11, 23)))
    few = settings(tmp_path, *versions, school_days=5)
    enter(database, few, AUTUMN)
    assert [now.until for now in rolled(database, few, AUTUMN)] == [end_of_day(date(2026, 11, 30))]


# Texts


@pytest.mark.usefixtures("school")
def test_a_text_that_was_changed_is_refused(database: Database, old: Settings, tmp_path: Path) -> None:
    (tmp_path / "2025-1.md").write_text("# Another text\n")
    with pytest.raises(OperatorError, match=r"The text of 2025-1 is not the one.*agreement\.versions"):
        enter(database, old, AUTUMN)


@pytest.mark.parametrize(
    ("data", "said"),
    [(None, "No such file"), (b" \n", "is empty"), (b"\xff\xfe", "not UTF-8"), (b"x" * 2_000_000, "larger")],
)
def test_a_text_that_cannot_be_read_is_named_with_its_setting(
    old: Settings, tmp_path: Path, data: bytes | None, said: str
) -> None:
    file = tmp_path / "2025-1.md"
    file.unlink()
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(OperatorError, match=rf"2025-1\.md.*{said}.*agreement\.versions"):
        agreement_texts.texts(old.agreement)


def test_the_text_that_is_shipped_says_at_its_head_that_it_is_a_specimen() -> None:
    [shipped] = agreement_texts.texts(Settings.model_fields["agreement"].default)
    assert shipped.is_specimen
    assert "SPECIMEN" in shipped.text.splitlines()[0]


@pytest.mark.parametrize(
    "duty",
    [
        "9.1 The school has policies and systems of its own",
        "unlikely that documents are compromised or damaged by accident",
        "(b) deters those who would compromise documents on purpose",
        "(c) disposes of documents",
        "(d) promotes discretion",
        "The headteacher is responsible for it that only authorised members of staff",
        "moves to other work in it, loses the access",
    ],
)
def test_the_text_that_is_shipped_holds_what_the_rule_demands(duty: str) -> None:
    [shipped] = agreement_texts.texts(Settings.model_fields["agreement"].default)
    assert duty in shipped.text


# How a school stands


def test_a_school_with_all_in_order_is_in_force(database: Database, school: int) -> None:
    assert str(order(database, school)) == "in force"


def test_a_school_without_an_agreement_is_suspended(database: Database) -> None:
    with database.write() as connection:
        row = schools.add(connection, dfe="830-2002", name="Birch Primary", urn=None, at=AUTUMN)
    assert order(database, row.id) == Order(state=SchoolOrder.SUSPENDED, cause=Cause.NO_AGREEMENT)


def test_a_school_that_has_a_version_to_sign_is_due_until_the_last_day(
    database: Database, school: int, new: Settings
) -> None:
    enter(database, new, AUTUMN)
    rolled(database, new, AUTUMN)
    assert str(order(database, school)) == f"due: a new agreement, until {LAST_DAY}"
    last_moment = end_of_day(LAST_DAY) - timedelta(microseconds=1)
    assert order(database, school, last_moment).state is SchoolOrder.DUE


def test_it_is_suspended_from_the_midnight_that_ends_the_last_day(
    database: Database, school: int, new: Settings
) -> None:
    enter(database, new, AUTUMN)
    rolled(database, new, AUTUMN)
    assert str(order(database, school, end_of_day(LAST_DAY))) == "suspended: no agreement in force, since 2027-01-05"


def test_a_school_that_was_suspended_is_so_whatever_else_is_due(database: Database, school: int) -> None:
    with database.write() as connection:
        schools.set_state(connection, school, SchoolState.SUSPENDED)
        review(connection, school, due_on=date(2026, 11, 1))
    assert order(database, school) == Order(state=SchoolOrder.SUSPENDED, cause=Cause.SCHOOL)


def review(connection: Connection, school: int, **values: Any) -> None:
    row = {"term": date(2026, 9, 1), "opened_at": AUTUMN, "suspends_on": date(2026, 12, 20), "signed": "", **values}
    connection.execute(insert(AccessReview).values(school_id=school, **row))


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"due_on": date(2026, 11, 23)}, "due: the access review, until 2026-11-23"),
        ({"due_on": date(2026, 11, 22)}, "overdue: the access review, suspends on 2026-12-20"),
        (
            {"due_on": date(2026, 11, 1), "suspended_at": AUTUMN},
            "suspended: the access review, since 2026-11-23",
        ),
        ({"due_on": date(2026, 11, 1), "confirmed_at": AUTUMN}, "in force"),
    ],
)
def test_a_school_stands_as_its_review_does(
    database: Database, school: int, values: dict[str, Any], shown: str
) -> None:
    with database.write() as connection:
        review(connection, school, **values)
    assert str(order(database, school)) == shown


def test_of_two_things_that_are_due_the_one_that_is_due_first_is_shown(database: Database, school: int) -> None:
    with database.write() as connection:
        review(connection, school, due_on=date(2026, 12, 9))
        until = end_of_day(date(2026, 12, 10))
        connection.execute(update(School).values(agreement_until=until))
    assert order(database, school).cause is Cause.REVIEW
