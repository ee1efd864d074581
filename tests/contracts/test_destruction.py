"""Daily destruction in SQL, on both databases."""

from __future__ import annotations

from sqlalchemy import select

from gateway import compose
from gateway.models import Delivery, StoredObject
from gateway.vault.models import Destroyed, Kek
from tests.support.world import HERE, THERE, World


def test_what_is_due_loses_key_bytes_and_names(world: World) -> None:
    world.publish("Letter.pdf", [HERE, THERE], "SEND", b"marker")
    world.clock.advance(days=91)
    services = world.services
    destruction = compose.destruction(services.core, services.vault, services.log)
    assert destruction.run(world.clock.now()) is None
    with world.database.read() as connection:
        assert connection.execute(select(StoredObject.wrap)).scalars().all() == [None]
        assert connection.execute(select(Delivery.name_sealed, Delivery.token)).all() == [(None, None)] * 2
        assert connection.execute(select(Destroyed.state)).scalars().all() == ["certified"]
        past = select(Kek.state).where(Kek.day <= select(Destroyed.day).scalar_subquery())
        assert set(connection.execute(past).scalars()) == {"destroyed"}
    assert [path for path in world.home.store_dir.rglob("*") if path.is_file()] == []
    assert [path.suffix for path in world.home.certificates_dir.iterdir()] == [".txt"]
