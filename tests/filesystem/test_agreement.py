"""No documents for a school without an agreement in force, told as an obstacle, until it has signed [R23] [R32]."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from auth.principal import Layout
from auth.verdicts import Refusal
from config.clock import end_of_day
from config.settings import SPECIMEN, Agreement, Settings
from gateway.agreeing import Agreements
from gateway.errors import FSError, Unavailable
from gateway.tree import FileSystem
from policy import agreement_texts
from policy.access import OBSTACLES, Reason
from policy.models import School
from policy.school_days import school_days_after
from tests.support.people import sign
from tests.support.world import HERE, THERE, World, names, path, read

LETTER = "/Derbyshire Documents/2026-11 November/SEND/letter.pdf"
SAID = OBSTACLES[Reason.NO_AGREEMENT]
NEW = "2027-1"


def with_a_new_version(world: World, folder: Path, begins: date) -> Settings:
    """The settings of a service that starts now with a version that schools have to sign."""
    (folder / "new.md").write_text("# The new agreement\n")
    listed = [(SPECIMEN.version, SPECIMEN.in_force_on, SPECIMEN.file), (NEW, begins, folder / "new.md")]
    agreement = Agreement.model_validate(
        {"versions": [{"version": version, "from": day, "file": file} for version, day, file in listed]}
    )
    with world.database.write() as connection:
        agreement_texts.enter(connection, agreement_texts.texts(agreement), world.clock.now())
    return world.settings.model_copy(update={"agreement": agreement})


def told(fs: FileSystem, place: str = "/") -> str:
    """What an attempt to list a folder is told."""
    with pytest.raises(Unavailable) as caught:
        names(fs, place)
    assert caught.value.standing
    return str(caught.value)


def never_signed(world: World, dfe: str = HERE) -> None:
    with world.changing() as connection:
        connection.execute(update(School).where(School.dfe == dfe).values(agreement=None))


@pytest.mark.parametrize("username", ["h.head", "o.office"])
def test_nobody_of_a_school_that_never_signed_sees_anything(world: World, username: str) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    fs = world.fs(username)
    never_signed(world)
    world.clock.advance(seconds=5)
    assert told(fs).startswith(SAID)
    refused = world.try_signing_in(username)
    assert isinstance(refused, Refusal) and (refused.message or "").startswith(SAID)


def test_a_new_version_blocks_at_the_end_of_its_last_day_also_an_open_document(world: World, tmp_path: Path) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    today = world.clock.now().date()
    settings = with_a_new_version(world, tmp_path, today)
    Agreements(world.database, world.services.log, settings).roll(world.clock.now())
    ends = end_of_day(school_days_after(today, 30, settings.terms))
    fs = world.fs("o.office")
    world.pass_until(ends - timedelta(seconds=1))
    with fs.open(path(LETTER)) as handle:
        assert handle.pread(0, 1)
        world.pass_until(ends)
        with pytest.raises(FSError):
            handle.pread(0, 1)
    assert told(fs).startswith(SAID)


def test_a_signature_brings_the_documents_back(world: World, tmp_path: Path) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    settings = with_a_new_version(world, tmp_path, world.clock.now().date())
    Agreements(world.database, world.services.log, settings).roll(world.clock.now())
    fs = world.fs("o.office")
    world.pass_time(days=60)
    assert told(fs)
    with world.changing() as connection:
        sign(connection, world.schools[HERE], NEW, world.clock.now(), settings)
    world.clock.advance(seconds=5)
    assert read(fs, LETTER)


def test_with_several_schools_the_other_one_is_read_on(world: World) -> None:
    world.person("e.exec", {HERE: (), THERE: ()}, "Office", layout=Layout.BY_SCHOOL)
    never_signed(world)
    fs = world.fs("e.exec")
    here, there = names(fs, "/")[:2]
    assert (here[:8], there[:8]) == (HERE, THERE)
    assert names(fs, f"/{there}") == ["Derbyshire Documents"]
    assert told(fs, f"/{here}").startswith(SAID)
