"""Holds, on both databases: bytes and key outlive the destroy day, visibility does not, and two people end it [R9]."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from config.errors import OperatorError
from gateway import compose, holding
from gateway.change import changing
from gateway.documents import DocumentFilter, DocumentRow, listing
from gateway.errors import NotFound
from gateway.models import Delivery, Document, StoredObject
from gateway.vault.models import Kek
from gateway.vault.vault import ObjectRef
from tests.support.world import HERE, OFFICER, THERE, World, path

SECOND = "s.second"
SEND = "/Derbyshire Documents/2026-11 November/SEND"


@pytest.fixture
def office(world: World) -> World:
    """A world with a second officer."""
    world.officer(SECOND)
    return world


def hold(world: World, reference: str) -> int:
    with changing(world.core, world.services.log, world.accounts[OFFICER], "root") as change:
        return holding.place(change, reference, "a tribunal").number


def lift(world: World, reference: str, number: int | None = None, by: str = SECOND) -> None:
    with changing(world.core, world.services.log, world.accounts[OFFICER], "root") as change:
        holding.lift(change, reference, number, "settled", world.accounts[by])


def destroy(world: World) -> None:
    services = world.services
    destruction = compose.destruction(services.core, services.vault, services.log)
    assert destruction.run(world.clock.now()) is None


def documents(world: World) -> dict[str, DocumentRow]:
    with world.database.read() as connection:
        rows = listing(connection, world.services.vault, DocumentFilter(), None, world.clock.now())
    return {row.reference: row for row in rows}


def opened(world: World, reference: str) -> bytes:
    """The bytes of a document, read past every rule, as a tribunal would want them."""
    with world.database.read() as connection:
        row = connection.execute(
            select(*StoredObject.__table__.columns).where(
                StoredObject.id.in_(select(Delivery.object_id).join(Document).where(Document.reference == reference))
            )
        ).one()
    ref = ObjectRef(
        object_id=row.id,
        kek_id=row.kek_id,
        wrap=row.wrap,
        length=row.length,
        category_id=row.category_id,
        segment_size=row.segment_size,
    )
    blob = world.services.vault.open(ref)
    try:
        return blob.pread(0, blob.length)
    finally:
        blob.close()


def certificates(world: World) -> dict[str, str]:
    return {file.stem: file.read_text() for file in sorted(world.home.certificates_dir.iterdir())}


def test_a_held_document_outlives_its_day_unseen_and_dies_when_the_hold_is_lifted(office: World) -> None:
    kept = office.publish("Kept.pdf", [HERE, THERE], "SEND", b"evidence").reference
    gone = office.publish("Gone.pdf", HERE, "SEND").reference
    hold(office, kept)
    with office.database.read() as connection:
        [day_key] = set(connection.execute(select(StoredObject.kek_id)).scalars())
    office.pass_time(days=91)
    destroy(office)
    found = documents(office)
    assert (found[gone].state, found[gone].name) == ("destroyed", None)
    assert (found[kept].state, found[kept].name, len(found[kept].holds)) == ("expired", "Kept.pdf", 1)
    assert opened(office, kept) == b"evidence"
    with pytest.raises(NotFound):
        office.fs("h.head").open(path(f"{SEND}/Kept.pdf"))
    assert day_key not in office.services.vault._box.reread()
    [(day, said)] = certificates(office).items()
    assert f"\nheld {kept} " in said and f"\ndocument {gone} " in said and f"document {kept}" not in said
    lift(office, kept)
    destroy(office)
    assert (documents(office)[kept].state, documents(office)[kept].name) == ("destroyed", None)
    own = {name: text for name, text in certificates(office).items() if name != day}
    [(name, text)] = own.items()
    assert name.startswith(f"{day}-lifted-") and f"\ndocument {kept} " in text and "\ncause lifted\n" in text
    assert [file for file in office.home.store_dir.rglob("*") if file.is_file()] == []
    with office.database.read() as connection:
        assert set(connection.execute(select(Kek.state).where(Kek.purpose == "hold")).scalars()) == {"destroyed"}
        assert connection.execute(select(Delivery.name_sealed, Delivery.token)).all() == [(None, None)] * 3


def test_it_is_kept_until_every_hold_is_lifted(office: World) -> None:
    reference = office.publish("Kept.pdf", HERE, "SEND").reference
    numbers = [hold(office, reference), hold(office, reference)]
    office.pass_time(days=91)
    destroy(office)
    with pytest.raises(OperatorError, match=f"--hold which .*: {numbers[0]}, {numbers[1]}"):
        lift(office, reference)
    lift(office, reference, numbers[0])
    destroy(office)
    assert documents(office)[reference].state == "expired"
    hold(office, reference)
    lift(office, reference, numbers[1])
    destroy(office)
    assert documents(office)[reference].state == "expired"
    lift(office, reference)
    destroy(office)
    assert documents(office)[reference].state == "destroyed"


def test_a_hold_that_is_lifted_in_time_changes_nothing(office: World) -> None:
    reference = office.publish("Kept.pdf", HERE, "SEND").reference
    hold(office, reference)
    lift(office, reference)
    office.pass_time(days=91)
    destroy(office)
    assert documents(office)[reference].state == "destroyed"
    assert len(certificates(office)) == 1


def test_nobody_lifts_a_hold_alone(office: World) -> None:
    reference = office.publish("Kept.pdf", HERE, "SEND").reference
    hold(office, reference)
    with pytest.raises(OperatorError, match="One person alone"):
        lift(office, reference, by=OFFICER)
    assert len(documents(office)[reference].holds) == 1


def test_once_its_destruction_has_begun_nothing_holds_it(office: World) -> None:
    reference = office.publish("Gone.pdf", HERE, "SEND").reference
    office.pass_time(days=91)
    services, said = office.services, []

    def try_to_hold(_act: object, stage: object) -> None:
        with pytest.raises(OperatorError) as refused:
            hold(office, reference)
        said.append(str(refused.value))

    compose.destruction(services.core, services.vault, services.log).run(office.clock.now(), progress=try_to_hold)
    assert len(said) == 3
    assert all("has begun" in line or "is destroyed" in line for line in said)
    assert documents(office)[reference].state == "destroyed"


def test_other_documents_of_the_day_are_read_byte_for_byte_after_it(office: World) -> None:
    data = {}
    for number in range(5):
        body = bytes([number]) * (1000 + number)
        data[office.publish(f"{number}.pdf", HERE, "SEND", body).reference] = body
    held = list(data)[::2]
    for reference in held:
        hold(office, reference)
    office.pass_time(days=91)
    destroy(office)
    assert {reference: opened(office, reference) for reference in held} == {r: data[r] for r in held}
