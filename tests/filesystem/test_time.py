"""Midnights, last days, and clocks that are wrong [R2] [R9] [R10]."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.clock import london_date
from config.errors import OperatorError
from gateway import compose
from gateway import core as cores
from gateway.errors import NotFound, Unavailable
from policy.months import Month
from tests.support.clock import FakeClock
from tests.support.world import HERE, World, a_world, names, path, read

DOCUMENTS = "/Derbyshire Documents"
SEND = f"{DOCUMENTS}/2026-11 November/SEND"
MIDNIGHT = datetime(2027, 2, 22, tzinfo=UTC)  # ends the 90th day after 23 November


def test_a_document_ends_at_the_midnight_of_its_last_day_also_where_it_is_open(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND", b"A letter.")
    world.pass_until(MIDNIGHT - timedelta(seconds=2))
    fs = world.fs("o.office")
    with fs.open(path(f"{SEND}/letter.pdf")) as handle:
        world.clock.advance(seconds=1, milliseconds=999)
        assert handle.pread(0, 100) == b"A letter."
        assert names(fs, SEND) == ["letter.pdf"]
        world.clock.advance(milliseconds=1)
        assert handle.cached(0, 100) is None
        with pytest.raises(NotFound):
            handle.pread(0, 100)
    with pytest.raises(NotFound):
        fs.open(path(f"{SEND}/letter.pdf"))
    assert names(fs, DOCUMENTS) == []


def test_a_summers_day_ends_at_derbyshires_midnight(tmp_path: Path) -> None:
    with a_world(tmp_path, clock=FakeClock(datetime(2026, 4, 1, 12, 0, tzinfo=UTC))) as world:
        world.school(HERE)
        world.person("o.office", {HERE: ["SEND"]})
        world.publish("letter.pdf", HERE, "SEND")
        world.pass_until(datetime(2026, 6, 30, 22, 59, 59, tzinfo=UTC))
        fs = world.fs("o.office")
        assert names(fs, DOCUMENTS) == ["2026-04 April"]
        world.pass_time(seconds=1)
        assert names(fs, DOCUMENTS) == []


def test_a_document_of_a_summer_night_lies_in_derbyshires_month(tmp_path: Path) -> None:
    with a_world(tmp_path, clock=FakeClock(datetime(2026, 8, 31, 23, 30, tzinfo=UTC))) as world:
        world.school(HERE)
        world.person("o.office", {HERE: ["SEND"]})
        world.publish("letter.pdf", HERE, "SEND")
        assert names(world.fs("o.office"), DOCUMENTS) == ["2026-09 September"]


def test_there_are_at_most_the_latest_four_months(world: World) -> None:
    fs = world.fs("o.office")
    for _ in range(20):
        world.publish("letter.pdf", HERE, "SEND")
        world.pass_time(days=11)
        month = Month.of(london_date(world.clock.now()))
        assert set(names(fs, DOCUMENTS)) <= {month.plus(-n).folder for n in range(4)}


def test_a_changed_window_acts_on_new_publications_alone(world: World) -> None:
    world.publish("promised.pdf", HERE, "SEND")
    file = world.home.settings_file
    file.write_text(f'{file.read_text()}\n[months]\nwindow = "calendar-year"\n')
    _, changed = cores.open_home(world.home.path, {})
    core = cores.core(world.home, changed, clock=world.clock)
    publisher = compose.publisher(core, world.services.vault, world.services.log)
    world.try_publishing("new.pdf", HERE, "SEND", publisher=publisher)
    core.database.dispose()
    fs = world.fs("o.office")
    assert names(fs, SEND) == ["new.pdf", "promised.pdf"]
    world.pass_until(datetime(2027, 1, 1, tzinfo=UTC))
    assert names(fs, SEND) == ["promised.pdf"]


def test_a_clock_that_goes_back_revives_nothing(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    world.pass_until(MIDNIGHT)
    fs = world.fs("o.office")
    world.clock.set(MIDNIGHT - timedelta(days=30))
    assert names(fs, DOCUMENTS) == []


def test_a_clock_that_leaps_ahead_shows_nothing_until_it_returns(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND", b"A letter.")
    fs = world.fs("o.office")
    before = world.clock.now()
    with fs.open(path(f"{SEND}/letter.pdf")) as handle:
        world.clock.set(before + timedelta(days=365))
        acts = (
            lambda: fs.stat(path("/")),
            lambda: fs.scandir(path("/")),
            lambda: fs.open(path(f"{SEND}/letter.pdf")),
            fs.usage,
            lambda: handle.pread(0, 1),
        )
        for act in acts:
            with pytest.raises(Unavailable) as caught:
                act()
            assert not caught.value.standing
        assert handle.cached(0, 1) is None
        with pytest.raises(OperatorError, match="clock confirm"):
            world.try_publishing("late.pdf", HERE, "SEND")
        world.clock.set(before + timedelta(minutes=1))
        assert handle.pread(0, 100) == b"A letter."
    assert read(fs, f"{SEND}/letter.pdf") == b"A letter."


def test_a_night_without_the_server_is_no_leap(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    fs = world.fs("o.office")
    world.clock.advance(hours=26)
    assert names(fs, SEND) == ["letter.pdf"]
    world.clock.advance(seconds=1)
    with pytest.raises(Unavailable):
        names(fs, SEND)
