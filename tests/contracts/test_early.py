"""Early destruction, on both databases: what was withdrawn everywhere dies; its day goes on under another key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import event, select, update

from gateway import compose, holding
from gateway.change import changing
from gateway.documents import DocumentFilter, DocumentRow, listing
from gateway.errors import NotFound
from gateway.models import Delivery, Document, StoredObject
from gateway.services import Services
from policy.audit.events import EventKind
from tests.support.world import HERE, OFFICER, THERE, World, names, path, read

FOLDER = "/Derbyshire Documents/2026-11 November/SEND"


def withdraw(world: World, reference: str, *schools: str) -> None:
    """Take a document back: from all schools, or from these."""
    document = select(Document.id).where(Document.reference == reference).scalar_subquery()
    rows = update(Delivery).where(Delivery.document_id == document)
    if schools:
        rows = rows.where(Delivery.school_id.in_([world.schools[dfe] for dfe in schools]))
    with world.changing() as connection:
        connection.execute(rows.values(withdrawn_at=world.clock.now()))


def destroy(world: World, services: Services | None = None, **options: Any) -> None:
    used = services or world.services
    assert compose.destruction(used.core, used.vault, used.log).run(world.clock.now(), **options) is None


def documents(world: World) -> dict[str, DocumentRow]:
    with world.database.read() as connection:
        rows = listing(connection, world.services.vault, DocumentFilter(), None, world.clock.now())
    return {row.reference: row for row in rows}


def key_of(world: World, reference: str) -> bytes:
    with world.database.read() as connection:
        found = select(StoredObject.kek_id).join(Document, Document.object_id == StoredObject.id)
        key: bytes = connection.execute(found.where(Document.reference == reference)).scalar_one()
    return key


@contextmanager
def elsewhere(world: World) -> Iterator[Services]:
    """Another process of the same home."""
    made = compose.services(world.home, world.settings, machine=world.clock)
    try:
        yield made
    finally:
        compose.close(made)


def test_it_is_destroyed_after_the_next_midnight_and_the_rest_of_its_day_is_read_as_before(world: World) -> None:
    gone = world.publish("Gone.pdf", [HERE, THERE], "SEND", b"misdirected").reference
    kept = {f"{n}.pdf": bytes([65 + n]) * 70_000 for n in range(3)}
    references = [world.publish(name, HERE, "SEND", data).reference for name, data in kept.items()]
    old = key_of(world, gone)
    withdraw(world, gone)
    destroy(world)
    assert documents(world)[gone].state == "withdrawn"
    world.pass_time(days=1)
    destroy(world)
    assert (documents(world)[gone].state, documents(world)[gone].name) == ("destroyed", None)
    assert old not in world.services.vault._box.reread()
    assert {key_of(world, one) for one in references} != {old}
    fs = world.fs("h.head")
    assert {name: read(fs, f"{FOLDER}/{name}") for name in names(fs, FOLDER)} == kept
    [certificate] = world.home.certificates_dir.iterdir()
    said = certificate.read_text()
    assert "\ncause withdrawn\n" in said and said.count("\ndocument ") == 1 and f"\ndocument {gone} " in said


def test_at_once_where_somebody_says_so(world: World) -> None:
    gone = world.publish("Gone.pdf", HERE, "SEND").reference
    withdraw(world, gone)
    destroy(world, early=True)
    assert documents(world)[gone].state == "destroyed"


def test_what_one_school_still_has_is_kept(world: World) -> None:
    shared = world.publish("Shared.pdf", [HERE, THERE], "SEND", b"yours").reference
    withdraw(world, shared, THERE)
    destroy(world, early=True)
    assert read(world.fs("h.head"), f"{FOLDER}/Shared.pdf") == b"yours"
    assert list(world.home.certificates_dir.glob("*")) == []


def test_what_is_held_is_kept_until_the_hold_is_lifted(world: World) -> None:
    held = world.publish("Held.pdf", HERE, "SEND").reference
    withdraw(world, held)
    world.officer("s.second")
    with changing(world.core, world.services.log, world.accounts[OFFICER], "root") as change:
        holding.place(change, held, "a complaint")
    destroy(world, early=True)
    assert documents(world)[held].state == "withdrawn"
    with changing(world.core, world.services.log, world.accounts[OFFICER], "root") as change:
        holding.lift(change, held, None, "settled", world.accounts["s.second"])
    destroy(world, early=True)
    assert documents(world)[held].state == "destroyed"


def test_its_name_is_not_used_again_in_its_folder_however_often_the_day_gets_another_key(world: World) -> None:
    for expected in ("Letter.pdf", "Letter (2).pdf", "Letter (3).pdf"):
        published = world.publish("letter.PDF" if expected != "Letter.pdf" else "Letter.pdf", HERE, "SEND")
        assert [name.lower() for name in documents(world)[published.reference].names.values() if name] == [
            expected.lower()
        ]
        withdraw(world, published.reference)
        destroy(world, early=True)
    with pytest.raises(NotFound):
        world.fs("h.head").open(path(f"{FOLDER}/Letter.pdf"))


def test_names_of_a_day_of_which_all_was_withdrawn_are_forgotten_with_it(world: World) -> None:
    gone = world.publish("Gone.pdf", HERE, "SEND").reference
    withdraw(world, gone)
    destroy(world, early=True)
    world.pass_time(days=91)
    destroy(world)
    with world.database.read() as connection:
        assert connection.execute(select(Delivery.name_sealed, Delivery.token)).all() == [(None, None)]


def test_publishing_and_reading_go_on_at_each_step(world: World) -> None:
    gone = world.publish("Gone.pdf", HERE, "SEND").reference
    kept = {"Before.pdf": b"before"}
    world.publish("Before.pdf", HERE, "SEND", b"before")
    withdraw(world, gone)
    with elsewhere(world) as other:

        def go_on(_act: object, stage: object) -> None:
            name, fs = f"During {stage}.pdf", world.fs("h.head")
            kept[name] = str(stage).encode()
            world.publish(name, HERE, "SEND", kept[name])
            assert {name: read(fs, f"{FOLDER}/{name}") for name in names(fs, FOLDER)} == kept

        destroy(world, other, early=True, progress=go_on)
    fs = world.fs("h.head")
    assert len(kept) == 4
    assert {name: read(fs, f"{FOLDER}/{name}") for name in names(fs, FOLDER)} == kept


def test_publishing_and_reading_go_on_at_each_step_of_a_day_that_ends(world: World) -> None:
    world.publish("Old.pdf", HERE, "SEND")
    world.pass_time(days=91)
    kept: dict[str, bytes] = {}

    def go_on(_act: object, stage: object) -> None:
        kept[f"{stage}.pdf"] = str(stage).encode()
        world.publish(f"{stage}.pdf", HERE, "SEND", str(stage).encode())

    destroy(world, progress=go_on)
    fs, folder = world.fs("h.head"), "/Derbyshire Documents/2027-02 February/SEND"
    assert len(kept) == 3
    assert {name: read(fs, f"{folder}/{name}") for name in names(fs, folder)} == kept


def test_a_handle_that_is_open_reads_on_across_it(world: World) -> None:
    gone = world.publish("Gone.pdf", HERE, "SEND").reference
    data = bytes(range(256)) * 1000
    world.publish("Kept.pdf", HERE, "SEND", data)
    withdraw(world, gone)
    with elsewhere(world) as other, world.fs("h.head").open(path(f"{FOLDER}/Kept.pdf")) as handle:
        assert handle.pread(0, 100) == data[:100]
        destroy(world, other, early=True)
        world.clock.advance(seconds=10)
        assert handle.pread(200_000, 1000) == data[200_000:201_000]


@contextmanager
def once(world: World, kind: str, said: str, act: Callable[[], None]) -> Iterator[list[str]]:
    """`act` is done once: after a statement of `world` that holds `said`, or (`rollback`) after its transaction."""
    heard: list[str] = []
    fired: list[str] = []

    def hear(*call: Any) -> None:
        if kind == "after_cursor_execute":
            heard.extend([said] if said in call[2] and "FROM delivery" in call[2] else [])
        if heard and not fired:
            fired.append(kind)
            act()

    def remember(*call: Any) -> None:
        heard.extend([said] if said in call[2] and "FROM delivery" in call[2] else [])

    hooks = [(kind, hear), *([("after_cursor_execute", remember)] if kind == "rollback" else [])]
    for name, hook in hooks:
        event.listen(world.database.engine, name, hook)
    try:
        yield fired
    finally:
        for name, hook in hooks:
            event.remove(world.database.engine, name, hook)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("after_cursor_execute", "name_sealed"),
        ("after_cursor_execute", "segment_size"),
        ("rollback", "segment_size"),
    ],
)
def test_who_has_looked_up_the_rows_when_the_key_goes_looks_again(world: World, kind: str, said: str) -> None:
    """The reader's process knows nothing of it: the rows it has name a key that is gone."""
    gone = world.publish("Gone.pdf", HERE, "SEND").reference
    world.publish("Kept.pdf", HERE, "SEND", b"kept")
    withdraw(world, gone)
    fs = world.fs("h.head")
    with elsewhere(world) as other:

        def rekey() -> None:
            with suppress(TimeoutError):  # our reader keeps SQLite's log from being emptied: the next run does that
                destroy(world, other, early=True)
            world.clock.advance(seconds=2)  # so that this process looks at the key box again

        with once(world, kind, said, rekey) as fired:
            assert names(fs, FOLDER) == ["Kept.pdf"]
            assert read(fs, f"{FOLDER}/Kept.pdf") == b"kept"
    assert fired
    assert world.recorded(EventKind.DOCUMENT_DAMAGED, EventKind.READ_REFUSED) == []
    destroy(world, early=True)
    assert documents(world)[gone].state == "destroyed"


def test_many_publish_and_read_while_keys_change_again_and_again(world: World) -> None:
    world.publish("Kept.pdf", HERE, "SEND", b"kept")
    published: list[str] = []
    over = threading.Event()
    faults: list[BaseException] = []

    def publish() -> None:
        try:
            while not over.is_set():
                published.append(world.publish(f"{len(published)}.pdf", THERE, "SEND").reference)
        except BaseException as exc:  # noqa: BLE001
            faults.append(exc)

    def reading() -> None:
        try:
            fs = world.fs("h.head")
            while not over.is_set():
                assert "Kept.pdf" in names(fs, FOLDER)
                assert read(fs, f"{FOLDER}/Kept.pdf") == b"kept"
        except BaseException as exc:  # noqa: BLE001
            faults.append(exc)

    threads = [threading.Thread(target=publish), threading.Thread(target=reading)]
    with elsewhere(world) as other:
        for thread in threads:
            thread.start()
        try:
            for number in range(6):
                gone = world.publish(f"Gone {number}.pdf", THERE, "SEND").reference
                withdraw(world, gone)
                with suppress(TimeoutError):  # a reader keeps SQLite's log from being emptied: the next run does it
                    destroy(world, other, early=True)
                world.clock.advance(seconds=2)
        finally:
            over.set()
            for thread in threads:
                thread.join()
    destroy(world, early=True)
    assert faults == []
    assert len(published) > 6
    standing = documents(world)
    assert {standing[one].state for one in published} == {"visible"}
    assert sum(row.state == "destroyed" for row in standing.values()) == 6
