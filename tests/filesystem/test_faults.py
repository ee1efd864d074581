"""Stores, records, databases and keys that fail: one file fails, or everything says so, and it mends itself [R32]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, update

from auth.verdicts import SignInUnavailable
from gateway.errors import Damaged, FSError, NotFound, Unavailable
from gateway.models import Delivery, Document
from policy.audit.events import EventKind
from tests.support.world import HERE, World, names, path, read, without_table

DOCUMENTS = "/Derbyshire Documents"
SEND = f"{DOCUMENTS}/2026-11 November/SEND"
BROKEN, WHOLE = f"{SEND}/broken.pdf", f"{SEND}/whole.pdf"


@pytest.fixture
def stored(world: World) -> Path:
    """Two documents are published; where the bytes of `broken.pdf` lie."""
    reference = world.publish("broken.pdf", HERE, "SEND", b"0123456789" * 10_000).reference
    world.publish("whole.pdf", HERE, "SEND", b"whole")
    with world.database.read() as connection:
        object_id = connection.execute(select(Document.object_id).where(Document.reference == reference)).scalar_one()
    return world.home.store_dir / object_id.hex()[:2] / object_id.hex()


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _change(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("damage", [Path.unlink, _cut, _change])
def test_a_missing_or_damaged_file_fails_alone(
    world: World, stored: Path, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    damage(stored)
    fs = world.fs("o.office")
    with pytest.raises(Damaged):
        read(fs, BROKEN)
    assert names(fs, SEND) == ["broken.pdf", "whole.pdf"]
    assert fs.stat(path(BROKEN)).size == 100_000
    assert read(fs, WHOLE) == b"whole"
    [event] = world.recorded(EventKind.DOCUMENT_DAMAGED)
    assert event.object == stored.name and event.reference in caplog.text


def test_a_file_that_was_put_back_reads_again(world: World, stored: Path) -> None:
    away = stored.rename(stored.with_suffix(".away"))
    fs = world.fs("o.office")
    with pytest.raises(Damaged):
        read(fs, BROKEN)
    away.rename(stored)
    assert len(read(fs, BROKEN)) == 100_000


def test_a_name_that_does_not_open_leaves_its_folder_whole(world: World, stored: Path) -> None:
    fs = world.fs("o.office")
    with world.database.write() as connection:
        smallest = select(Delivery.id).where(Delivery.size == 5).scalar_subquery()
        connection.execute(update(Delivery).where(Delivery.id == smallest).values(name_sealed=b"\0" * 40))
    listed = names(fs, SEND)
    assert len(listed) == 2 and "broken.pdf" in listed
    assert any(name.startswith("unreadable ") for name in listed)
    with pytest.raises(Damaged):
        fs.open(path(WHOLE))
    assert world.recorded(EventKind.DOCUMENT_DAMAGED)


def test_a_damaged_name_is_no_news_for_whoever_may_not_read_it(world: World, stored: Path) -> None:
    with world.database.write() as connection:
        connection.execute(update(Delivery).values(name_sealed=b"\0" * 40))
    with pytest.raises(NotFound):
        world.fs("n.nothing").stat(path(BROKEN))


def test_a_delivery_that_was_pointed_at_another_document_does_not_open(world: World, stored: Path) -> None:
    secret = world.publish("secret.pdf", HERE, "Shared Services HR", b"for the headteacher").reference
    with world.database.write() as connection:
        other = select(Document.object_id).where(Document.reference == secret).scalar_subquery()
        connection.execute(update(Delivery).where(Delivery.size == 5).values(object_id=other, size=19))
    with pytest.raises(Damaged):
        read(world.fs("o.office"), WHOLE)


@pytest.mark.parametrize(
    "act",
    [
        lambda fs: fs.stat(path("/")),
        lambda fs: fs.stat(path(WHOLE)),
        lambda fs: fs.scandir(path(DOCUMENTS)),
        lambda fs: fs.scandir(path(SEND)),
        lambda fs: fs.open(path(WHOLE)),
        lambda fs: fs.open(path("/About this drive.txt")),
        lambda fs: fs.open(path(f"{SEND}/nothing.pdf")),
        lambda fs: fs.refuse_write(path(WHOLE), "remove"),
    ],
)
@pytest.mark.usefixtures("stored")
def test_without_a_record_nothing_leaves_and_it_goes_on_by_itself(world: World, act: Callable[..., object]) -> None:
    fs = world.fs("o.office")
    with _away(world.home.path / "record.db"):
        with pytest.raises(Unavailable) as caught:
            act(fs)
        assert not caught.value.standing and caught.value.retry_after > 0
    world.clock.advance(seconds=1)
    assert read(fs, WHOLE) == b"whole"


@pytest.mark.usefixtures("stored")
def test_without_a_record_a_running_transfer_stops_within_a_minute(world: World) -> None:
    with world.fs("o.office").open(path(BROKEN)) as handle:
        assert handle.pread(0, 10) == b"0123456789"
        with _away(world.home.path / "record.db"):
            world.clock.advance(seconds=60)
            assert handle.cached(0, 10) is None
            with pytest.raises(Unavailable):
                handle.pread(0, 10)
        world.clock.advance(seconds=1)
        assert handle.pread(0, 10) == b"0123456789"


@pytest.mark.usefixtures("stored")
def test_without_a_record_nobody_signs_in(world: World) -> None:
    world.principal("o.office")
    with _away(world.home.path / "record.db"), pytest.raises(SignInUnavailable):
        world.principal("o.office")


@pytest.mark.parametrize("table", ["generation", "delivery"])
@pytest.mark.usefixtures("stored")
def test_a_database_that_fails_is_an_error_everywhere_and_never_emptiness(world: World, table: str) -> None:
    fs = world.fs("o.office")
    with without_table(world, table):
        world.clock.advance(seconds=1)
        for act in (fs.stat, fs.scandir, fs.open):
            for place in ("/", DOCUMENTS, SEND, WHOLE, f"{SEND}/nothing.pdf"):
                with pytest.raises(Unavailable) as caught:
                    act(path(place))
                assert not caught.value.standing
        with pytest.raises(Unavailable):
            fs.usage()
    assert names(fs, SEND) == ["broken.pdf", "whole.pdf"]


@pytest.mark.usefixtures("stored")
def test_when_nobody_can_say_whether_access_ended_an_open_document_stops_within_five_seconds(world: World) -> None:
    with world.fs("o.office").open(path(BROKEN)) as handle:
        with without_table(world, "generation"):
            world.clock.advance(seconds=5)
            assert handle.cached(0, 1) is None
            with pytest.raises(Unavailable):
                handle.pread(0, 1)
        assert handle.pread(0, 1) == b"0"


@pytest.mark.usefixtures("stored")
def test_without_keys_a_folder_is_an_error_and_not_a_list_of_unreadable_names(world: World) -> None:
    fs = world.fs("o.office")
    with _away(world.home.keys_dir):
        world.clock.advance(seconds=1)
        for act in (fs.scandir, fs.open, fs.stat):
            with pytest.raises(FSError) as caught:
                act(path(SEND if act == fs.scandir else WHOLE))
            assert caught.type is Unavailable
    world.clock.advance(seconds=1)
    assert read(fs, WHOLE) == b"whole"


@contextmanager
def _away(place: Path) -> Iterator[None]:
    """`place` is not there while the block runs."""
    hidden = place.rename(place.with_name(f"{place.name}.away"))
    try:
        yield
    finally:
        hidden.rename(place)
