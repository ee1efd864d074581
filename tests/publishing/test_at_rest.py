"""What publishing leaves behind is what docs/vault-format.md says, and a changed row serves nothing false."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from gateway import compose
from gateway.errors import Damaged, FSError, NotFound
from gateway.models import Delivery, StoredObject
from gateway.vault.models import Kek
from tests.publishing.authority import EXAMPLE, HILLTOP, Authority
from tests.support.clock import FakeClock
from tests.support.home import SETTINGS, found_home
from tests.vault import independent

NOVEMBER = date(2026, 11, 1)
OTHER = b"Minutes of the governors"


def test_the_independent_reader_reads_the_whole_home(authority: Authority) -> None:
    big = bytes(range(256)) * 1024 * 2
    authority.published(authority.item(None, EXAMPLE, HILLTOP))
    authority.published(
        authority.item(authority.file("Größe & Maß.pdf", big), category="SEND"),
        publisher=authority.publisher(max_bytes=len(big)),
    )
    example, hilltop = authority.schools[EXAMPLE], authority.schools[HILLTOP]
    general, send = authority.categories["General"], authority.categories["SEND"]
    database = authority.home.path / "ladocs.db"
    read = independent.documents(authority.home.keys_dir, database, authority.home.store_dir)
    assert {(one.school, one.month, one.category, one.name): one.data for one in read} == {
        (example, "2026-11", general, "Letter.pdf"): b"Dear all",
        (hilltop, "2026-11", general, "Letter.pdf"): b"Dear all",
        (example, "2026-11", send, "Größe & Maß.pdf"): big,
    }


def test_the_independent_reader_finds_a_name_by_its_token(authority: Authority) -> None:
    authority.published(authority.item())
    keys, database = authority.home.keys_dir, authority.home.path / "ladocs.db"
    place = (authority.schools[EXAMPLE], NOVEMBER, authority.categories["General"])
    assert independent.find(keys, database, *place, "LETTER.pdf") == authority.row(Delivery).id
    assert independent.find(keys, database, *place, "Other.pdf") is None


def test_the_independent_reader_reads_and_finds_what_was_moved_to_another_key(authority: Authority) -> None:
    authority.published(authority.item(authority.file("Gone.pdf")))
    with authority.database.write() as connection:
        connection.execute(update(Delivery).values(withdrawn_at=authority.clock.now()))
    authority.published(authority.item())
    services = authority.services
    destruction = compose.destruction(services.core, services.vault, services.log)
    assert destruction.run(authority.clock.now(), early=True) is None
    keys, database = authority.home.keys_dir, authority.home.path / "ladocs.db"
    [read] = independent.documents(keys, database, authority.home.store_dir)
    assert (read.name, read.data) == ("Letter.pdf", b"Dear all")
    place = (authority.schools[EXAMPLE], NOVEMBER, authority.categories["General"])
    assert independent.find(keys, database, *place, "letter.PDF") is not None
    assert independent.find(keys, database, *place, "Gone.pdf") is not None  # and so is not used again


def test_blobs_and_folders_are_their_owners_alone(authority: Authority) -> None:
    authority.published(authority.item())
    for path in (authority.home.path, authority.home.store_dir, authority.home.keys_dir, authority.home.secrets_dir):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in (
        *authority.home.store_dir.rglob("*"),
        *authority.home.keys_dir.iterdir(),
        *authority.home.secrets_dir.iterdir(),
    ):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_key_folder_may_be_the_root_of_a_fresh_volume(tmp_path: Path) -> None:
    keys = tmp_path / "volume"
    (keys / "lost+found").mkdir(parents=True)
    found_home(tmp_path / "home", FakeClock(), settings=SETTINGS.replace('dir = "keys"', f'dir = "{keys}"'))
    assert {path.name for path in keys.iterdir()} == {"lost+found", "box", "root.1"}


# A row that was changed


def delivery(**values: object) -> Callable[[Authority, Any], Any]:
    return lambda authority, row: update(Delivery).where(Delivery.id == row.id).values(**values)


def sealed_object(**values: object) -> Callable[[Authority, Any], Any]:
    return lambda authority, row: update(StoredObject).where(StoredObject.id == row.object_id).values(**values)


def like_the_other(*columns: str) -> Callable[[Authority, Any], Any]:
    """The delivery's columns made those of the other document's."""

    def change(authority: Authority, row: Any) -> Any:
        other = authority.row(Delivery, size=len(OTHER))
        values = {column: getattr(other, column) for column in columns}
        return update(Delivery).where(Delivery.id == row.id).values(**values)

    return change


def wrap_of_the_other(authority: Authority, row: Any) -> Any:
    other = authority.row(StoredObject, id=authority.row(Delivery, size=len(OTHER)).object_id)
    return update(StoredObject).where(StoredObject.id == row.object_id).values(wrap=other.wrap, kek_id=other.kek_id)


def key_of_another_day(authority: Authority, row: Any) -> Any:
    another = authority.row(Kek, purpose="publish", day=date(2027, 3, 1)).id
    return update(StoredObject).where(StoredObject.id == row.object_id).values(kek_id=another)


def name_key_of_another_day(authority: Authority, row: Any) -> Any:
    another = authority.row(Kek, purpose="publish", day=date(2027, 3, 1)).id
    return update(Delivery).where(Delivery.id == row.id).values(kek_id=another)


CHANGED: dict[str, Callable[[Authority, Any], Any]] = {
    "size": delivery(size=7),
    "a size of a segment more": delivery(size=len(b"Dear all") + 65536),
    "a negative size": delivery(size=-1),
    "the other document's object": like_the_other("object_id"),
    "the other document's object, name and size": like_the_other("object_id", "name_sealed", "size"),
    "the other document's name": like_the_other("name_sealed"),
    "a cut name": delivery(name_sealed=b"short"),
    "the other document's wrap": wrap_of_the_other,
    "a cut wrap": sealed_object(wrap=b"short"),
    "segment size": sealed_object(segment_size=32768),
    "a negative segment size": sealed_object(segment_size=-1),
    "the key of another day": key_of_another_day,
    "the key of another day for the name": name_key_of_another_day,
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_changed_row_is_told_as_damage_and_the_rest_of_the_folder_is_served(what: str, authority: Authority) -> None:
    authority.published(authority.item())
    row = authority.row(Delivery)
    authority.published(authority.item(authority.file("Other.pdf", OTHER)))
    with authority.database.write() as connection:
        connection.execute(CHANGED[what](authority, row))
    with pytest.raises(Damaged):
        authority.read("helen.head", "Letter.pdf")
    assert len(authority.listing("helen.head")) == 2
    assert authority.read("helen.head", "Other.pdf") == OTHER
    event = authority.record("document:damaged")[0]
    assert event["result"] == "error"
    assert event["school"] == authority.schools[EXAMPLE]


MOVED: dict[str, Callable[[Authority], dict[str, object]]] = {
    "to another school": lambda a: {"school_id": a.schools[HILLTOP]},
    "to another category": lambda a: {"category_id": a.categories["SEND"]},
    "to another month": lambda a: {"month": "2026-10"},
}


@pytest.mark.parametrize("where", MOVED)
def test_a_row_that_was_moved_serves_nothing_under_any_name(where: str, authority: Authority) -> None:
    authority.published(authority.item())
    with authority.database.write() as connection:
        connection.execute(update(Delivery).values(**MOVED[where](authority)))
    username = "hugo.head" if where == "to another school" else "helen.head"
    category = "SEND" if where == "to another category" else "General"
    month = "2026-10 October" if where == "to another month" else "2026-11 November"
    for name in ("Letter.pdf", *authority.listing(username, category, month)):
        with pytest.raises((NotFound, Damaged)):
            authority.read(username, name, category, month)


def test_rows_exchanged_between_two_schools_serve_neither_the_other_s_document(authority: Authority) -> None:
    authority.published(authority.item())
    authority.published(authority.item(authority.file("Letter.pdf", OTHER, folder="hilltop"), HILLTOP))
    with authority.database.write() as connection:
        for target, size in ((HILLTOP, len(b"Dear all")), (EXAMPLE, len(OTHER))):
            connection.execute(
                update(Delivery).where(Delivery.size == size).values(school_id=authority.schools[target])
            )
    for username in ("helen.head", "hugo.head"):
        with pytest.raises(FSError):
            authority.read(username, "Letter.pdf")


def test_two_files_exchanged_in_the_store_serve_neither(authority: Authority) -> None:
    authority.published(authority.item())
    authority.published(authority.item(authority.file("Other.pdf", b"Dear Sam")))
    one, other = authority.blobs()
    aside = one.rename(one.with_suffix(".aside"))
    other.rename(one)
    aside.rename(other)
    for name in ("Letter.pdf", "Other.pdf"):
        with pytest.raises(Damaged):
            authority.read("helen.head", name)
    assert authority.listing("helen.head") == ["Letter.pdf", "Other.pdf"]
