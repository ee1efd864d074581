"""Schools, the register, categories and counters in SQL, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.database import Database
from config.errors import OperatorError
from policy import categories, generations, register, schools
from policy.schools import SchoolState
from tests.support.concurrency import all_at_once

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
REGISTER = """\
URN,LA (code),EstablishmentNumber,EstablishmentName,EstablishmentStatus (name)
112501,830,2001,Alder Primary,Open
112502,830,2002,Birch Primary,Open
112503,830,2003,Closed Primary,Closed
"""


def test_a_school_is_found_by_either_number_however_it_is_typed(database: Database) -> None:
    with database.write() as connection:
        added = schools.add(connection, dfe="830/2001", name=" Alder   Primary ", urn="112501", at=NOW)
    with database.read() as connection:
        for typed in ("830-2001", "8302001", " 830 2001", "112501"):
            assert schools.find(connection, typed) == added
        assert (added.dfe, added.name, added.state) == ("830-2001", "Alder Primary", SchoolState.ACTIVE)
        with pytest.raises(OperatorError, match="school list"):
            schools.find(connection, "830-2002")


@pytest.mark.parametrize(("dfe", "urn"), [("830-2001", None), ("830-2002", "112501")])
def test_no_number_is_given_to_two_schools(database: Database, dfe: str, urn: str | None) -> None:
    with database.write() as connection:
        schools.add(connection, dfe="830-2001", name="Alder Primary", urn="112501", at=NOW)
    with pytest.raises(OperatorError, match="already"), database.write() as connection:
        schools.add(connection, dfe=dfe, name="Another", urn=urn, at=NOW)


def test_schools_without_a_urn_do_not_collide(database: Database) -> None:
    with database.write() as connection:
        for dfe in ("830-2002", "830-2001"):
            schools.add(connection, dfe=dfe, name="A school", urn=None, at=NOW)
    with database.read() as connection:
        assert [school.dfe for school in schools.listing(connection)] == ["830-2001", "830-2002"]


def test_every_change_of_a_school_moves_the_counter(database: Database) -> None:
    seen = []
    with database.write() as connection:
        school = schools.add(connection, dfe="830-2001", name="Alder Primary", urn=None, at=NOW)
        seen.append(generations.value(connection, generations.ACCESS))
        schools.rename(connection, school.id, "Ash Primary", NOW)
        seen.append(generations.value(connection, generations.ACCESS))
        schools.set_state(connection, school.id, SchoolState.SUSPENDED)
        seen.append(generations.value(connection, generations.ACCESS))
        assert schools.find(connection, "830-2001").state is SchoolState.SUSPENDED
    assert seen == [1, 2, 3]


def test_the_register_is_taken_over_and_a_second_time_changes_nothing(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "register.csv"
    file.write_text(REGISTER)
    read = register.read(file, "830")
    with database.write() as connection:
        schools.add(connection, dfe="830-2001", name="Alder School", urn="112501", at=NOW)
        register.plan(read.rows, schools.listing(connection)).carry_out(connection, NOW)
    with database.read() as connection:
        listed = schools.listing(connection)
    assert [(school.dfe, school.name) for school in listed] == [
        ("830-2001", "Alder Primary"),
        ("830-2002", "Birch Primary"),
    ]
    assert register.plan(read.rows, listed).steps == ()
    assert read.skipped == 1


def test_a_category_keeps_its_number_when_more_are_named(database: Database) -> None:
    with database.write() as connection:
        categories.ensure(connection, ["General", "SEND"])
        before = dict(categories.names(connection))
        categories.ensure(connection, ["Admissions", "SEND", "General"])
        after = dict(categories.names(connection))
        assert categories.find(connection, " send") == {name: number for number, name in after.items()}["SEND"]
        with pytest.raises(OperatorError, match="Admissions"):
            categories.find(connection, "HR")
    assert before.items() <= after.items() and len(after) == 3


def test_processes_that_start_at_once_enter_each_category_once(database: Database) -> None:
    def start() -> None:
        with database.write() as connection:
            categories.ensure(connection, ["General", "SEND", "HR"])

    assert all_at_once(6, start) == [None] * 6
    with database.read() as connection:
        assert sorted(categories.names(connection).values()) == ["General", "HR", "SEND"]


def test_counters_are_told_apart(database: Database) -> None:
    with database.write() as connection:
        for name in (generations.ACCESS, generations.content_of(1), generations.content_of(1)):
            generations.bump(connection, name)
    with database.read() as connection:
        found = [generations.value(connection, n) for n in (generations.ACCESS, "content:1", "content:2")]
    assert found == [1, 2, 0]
