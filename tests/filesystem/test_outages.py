"""What the log hears while a service of ours is down or a document is damaged: what failed, in one line each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import Damaged, Unavailable
from gateway.webdav.basic import Credentials
from gateway.webdav.devicedoor import DeviceDoor
from policy.audit.events import RecordUnavailable
from tests.support.events import an_event
from tests.support.postgres import postgres_server
from tests.support.world import World, a_world, path, peer, read

SCHOOL = "830-2001"
LETTER = "/Derbyshire Documents/2026-11 November/SEND/letter.pdf"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path) as world:
        settle(world)
        yield world


def settle(world: World) -> None:
    world.school(SCHOOL)
    world.person("o.office", {SCHOOL: ["SEND"]})


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged, each line without a traceback or a second line."""
    said = [line.getMessage() for line in caplog.records]
    assert [line.getMessage() for line in caplog.records if line.exc_info or "\n" in line.getMessage()] == []
    return said


def test_a_flipped_byte_is_told_as_what_it_is(world: World, caplog: pytest.LogCaptureFixture) -> None:
    published = world.publish("letter.pdf", SCHOOL, "SEND", b"0123456789" * 1000)
    [stored] = [file for file in world.home.store_dir.rglob("*") if file.is_file() and file.stat().st_size > 10_000]
    data = bytearray(stored.read_bytes())
    data[5000] ^= 1
    stored.chmod(0o600)
    stored.write_bytes(data)
    with pytest.raises(Damaged):
        read(world.fs("o.office"), LETTER)
    what = f"document {published.reference} cannot be read from the store: "
    assert f"{what}segment 0 was changed: its authentication tag fails" in lines(caplog)


def test_a_record_that_is_gone_is_told_without_a_traceback(world: World, caplog: pytest.LogCaptureFixture) -> None:
    record = Path(world.settings.record_url(world.home.path).removeprefix("sqlite:///"))
    away = record.rename(record.with_suffix(".away"))
    with pytest.raises(RecordUnavailable):
        world.services.log.record(an_event())
    away.rename(record)
    assert [line for line in lines(caplog) if line.startswith("the record is not writable: ")]


def test_a_stopped_postgresql_is_told_without_a_traceback(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with postgres_server() as server, a_world(tmp_path, server) as world:
        settle(world)
        services, fs = world.services, world.fs("o.office")
        door = DeviceDoor(services.authenticator, services.verified, services.sessions)
        server.stop()
        caplog.clear()
        try:
            with pytest.raises(Unavailable):
                door.admit(Credentials("o.office", "x"), peer())
            with pytest.raises(Unavailable):
                fs.scandir(path("/"))
            with pytest.raises(RecordUnavailable):
                services.log.record(an_event())
        finally:
            server.start()
    assert len(lines(caplog)) >= 3
