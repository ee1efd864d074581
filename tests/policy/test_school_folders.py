"""The name of a school's folder [R6]: what Windows can carry, and once seen the same until the next 1 September."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from policy import schools
from policy.models import School
from tests.support.world import a_world

SCHOOL = "830-2001"


def at(day: str) -> datetime:
    """Noon of `day`."""
    return datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Example Primary School", "830-2001 Example Primary School"),
        ("St Aldreda's & Holy Cross CofE Primary School", "830-2001 St Aldreda's & Holy Cross CofE"),
        ("A/B: the <Academy>?", "830-2001 AB the Academy"),
        ("The School of St. John D.", "830-2001 The School of St. John D"),
        ("???", "830-2001"),
    ],
)
def test_a_folder_is_number_and_name_cut_at_forty_characters(name: str, folder: str) -> None:
    assert schools.folder_name(SCHOOL, name, None, None, at("2026-11-24")) == folder
    assert len(folder) <= 40


@pytest.mark.parametrize(
    ("renamed", "day", "title"),
    [
        ("2026-08-31", "2026-08-31", "Old"),
        ("2026-08-31", "2026-09-01", "New"),
        ("2026-09-01", "2026-09-01", "Old"),
        ("2026-09-01", "2027-08-31", "Old"),
        ("2026-09-01", "2027-09-01", "New"),
        ("2026-11-24", "2027-01-01", "Old"),
        ("2027-01-04", "2027-08-31", "Old"),
        ("2027-01-04", "2027-09-01", "New"),
    ],
)
def test_a_renamed_school_keeps_its_folder_until_september(renamed: str, day: str, title: str) -> None:
    assert schools.folder_title("New", "Old", date.fromisoformat(renamed), at(day)) == title


def test_september_begins_at_midnight_in_derbyshire() -> None:
    renamed = date(2026, 7, 1)
    assert schools.folder_title("New", "Old", renamed, datetime(2026, 8, 31, 22, 59, tzinfo=UTC)) == "Old"
    assert schools.folder_title("New", "Old", renamed, datetime(2026, 8, 31, 23, 0, tzinfo=UTC)) == "New"


def test_a_second_new_name_leaves_the_folder_that_people_see(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        school = world.school(SCHOOL, "First Name")
        with world.changing() as connection:
            schools.rename(connection, school, "Second Name", at("2026-10-01"))
            schools.rename(connection, school, "Third Name", at("2026-11-01"))
            row: Any = connection.execute(select(School.__table__).where(School.id == school)).one()
    titles = [
        schools.folder_title(row.name, row.earlier_name, row.renamed_on, at(day))
        for day in ("2027-08-31", "2027-09-01")
    ]
    assert titles == ["First Name", "Third Name"]
