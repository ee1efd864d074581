"""Whichever step of a destruction fails, the next run completes it: early, with a hold, after; on both databases."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from config.errors import OperatorError
from config.home import settings_file
from gateway import compose
from gateway import core as cores
from gateway.certificate import differences
from gateway.due import due
from gateway.models import Delivery, Document, StoredObject
from gateway.services import Services
from gateway.vault.models import Destroyed
from gateway.vault.vault import ObjectRef
from policy.audit.checkpoints import public_keys
from policy.audit.events import RecordUnavailable
from tests.contracts.test_early import withdraw
from tests.contracts.test_holds import SECOND, destroy, hold, lift
from tests.support.clock import FakeClock
from tests.support.faults import Disk, PowerCut, Statements, asked, asked_of_record, on, record_statements, sweep
from tests.support.postgres import PostgresServer
from tests.support.world import HERE, THERE, World, a_small_world

KEPT = bytes(range(256)) * 300


@dataclass(frozen=True)
class Scene:
    """A home in which `gone` is due and `kept` is not, with nobody in it."""

    home: Path
    database: str | None
    clock: FakeClock
    gone: str
    kept: str | None
    acts: int


def _withdrawn(world: World) -> tuple[str, str | None]:
    gone = world.publish("Gone.pdf", [HERE, THERE], "SEND").reference
    kept = world.publish("Kept.pdf", [HERE, THERE], "SEND", KEPT).reference
    withdraw(world, gone)
    world.pass_time(days=1)
    return gone, kept


def _held(world: World) -> tuple[str, str | None]:
    gone = world.publish("Gone.pdf", [HERE, THERE], "SEND").reference
    kept = world.publish("Kept.pdf", [HERE, THERE], "SEND", KEPT).reference
    hold(world, kept)
    world.pass_time(days=91)
    return gone, kept


def _lifted(world: World) -> tuple[str, str | None]:
    world.officer(SECOND)
    _, kept = _held(world)
    assert kept is not None
    destroy(world)
    lift(world, kept)
    return kept, None


SCENES: dict[str, Callable[[World], tuple[str, str | None]]] = {
    "withdrawn": _withdrawn,
    "held": _held,
    "lifted": _lifted,
}


@pytest.fixture
def scene(request: pytest.FixtureRequest, server: PostgresServer | None, tmp_path: Path) -> Scene:
    with a_small_world(tmp_path / "template", server) as world:
        gone, kept = SCENES[request.param](world)
        return Scene(
            home=world.home.path,
            database=world.settings.database.url,
            clock=world.clock,
            gone=gone,
            kept=kept,
            acts=2 if request.param == "lifted" else 1,
        )


@contextmanager
def copied(scene: Scene, server: PostgresServer | None, to: Path) -> Iterator[Services]:
    """A copy of the scene, opened."""
    home = shutil.copytree(scene.home, to)
    if server is not None and scene.database is not None:
        file = settings_file(home)
        file.write_text(file.read_text().replace(scene.database, server.fresh_database(like=scene.database)))
    made = compose.services(*cores.open_home(home, {}), machine=FakeClock(scene.clock.now()))
    try:
        yield made
    finally:
        compose.close(made)
        shutil.rmtree(to)


def run(services: Services) -> None:
    destruction = compose.destruction(services.core, services.vault, services.log)
    assert destruction.run(services.clock.now()) is None


def assert_complete(scene: Scene, services: Services) -> None:
    """After one more run all that is due is destroyed and certified, and the rest is read byte for byte."""
    run(services)
    home = services.core.home
    assert due(services.database, services.clock.now()) == []
    with services.database.read() as connection:
        assert connection.execute(select(Destroyed.state)).scalars().all() == ["certified"] * scene.acts
        rows = {
            row.reference: row
            for row in connection.execute(
                select(Document.reference, *StoredObject.__table__.columns).join(
                    StoredObject, StoredObject.id == Document.object_id
                )
            )
        }
        names = dict(connection.execute(select(Delivery.object_id, Delivery.name_sealed)).all())
    gone = rows[scene.gone]
    assert (gone.wrap, names[gone.id]) == (None, None)
    assert len(list(home.keys_dir.glob("root.*"))) == 1
    keys = public_keys(services.secrets)
    assert [differences(file.read_bytes(), keys) for file in home.certificates_dir.glob("*.txt")] == [[]] * scene.acts
    assert any(f"document {scene.gone} " in file.read_text() for file in home.certificates_dir.glob("*.txt"))
    if scene.kept is not None:
        assert names[rows[scene.kept].id] is not None
        assert read(services, rows[scene.kept]) == KEPT


def read(services: Services, row: object) -> bytes:
    """The bytes of an object, by its row."""
    fields = ("kek_id", "wrap", "length", "category_id", "segment_size")
    blob = services.vault.open(ObjectRef(object_id=row.id, **{name: getattr(row, name) for name in fields}))  # type: ignore[attr-defined]
    try:
        return blob.pread(0, blob.length)
    finally:
        blob.close()


@pytest.mark.parametrize("scene", SCENES, indirect=True)
def test_whichever_statement_fails_the_next_run_completes_it(
    scene: Scene, server: PostgresServer | None, tmp_path: Path
) -> None:
    for statements in sweep(Statements):
        with copied(scene, server, tmp_path / f"{statements.fails_at}") as copy:
            with asked(copy.database.engine, statements), suppress(OperationalError):
                run(copy)
            assert_complete(scene, copy)
    assert statements.fails_at > 20


@pytest.mark.parametrize("scene", ["withdrawn", "held"], indirect=True)
def test_wherever_the_machine_stops_the_next_run_completes_it(
    scene: Scene, server: PostgresServer | None, tmp_path: Path
) -> None:
    for disk in sweep(Disk, power_cut=True):
        with copied(scene, server, tmp_path / f"{disk.fails_at}") as copy:
            with on(disk), suppress(OSError, OperatorError, PowerCut):
                run(copy)
            assert_complete(scene, copy)
    assert disk.fails_at > 30


@pytest.mark.parametrize("scene", ["withdrawn"], indirect=True)
def test_whichever_write_of_the_record_fails_the_next_run_completes_it(
    scene: Scene, server: PostgresServer | None, tmp_path: Path
) -> None:
    for number in count(1):
        with copied(scene, server, tmp_path / f"{number}") as copy:
            statements = record_statements(copy.log)(fails_at=number)
            with asked_of_record(copy.log, statements), suppress(RecordUnavailable):
                run(copy)
            copy.clock._machine.advance(seconds=2)  # type: ignore[attr-defined]  # the record is tried again after one
            assert_complete(scene, copy)
            if not statements.fired:
                break
    assert number > 10
