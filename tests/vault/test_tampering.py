"""Whatever is changed in the store or in the rows is an error before a byte of the bad segment leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from config.database import Database
from gateway.errors import Damaged
from gateway.vault.vault import ObjectRef, Vault
from tests.support.memory_store import MemoryStore
from tests.vault.documents import KEK_ID, OTHER_KEK_ID, SEGMENT, content, stored

STRIDE = SEGMENT + 16
LENGTH = 4 * SEGMENT + 10
PLAIN = content(LENGTH)
LAST = 4


def segment(file: bytes, number: int) -> bytes:
    return file[number * STRIDE : (number + 1) * STRIDE]


def with_segments(file: bytes, *numbers: int) -> bytes:
    """The file made of these of its segments."""
    return b"".join(segment(file, number) for number in numbers)


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda file: file[:at] + bytes([file[at] ^ 1]) + file[at + 1 :]


@dataclass(frozen=True)
class Change:
    """Something done to a file, and the first segment that is not what was sealed."""

    what: str
    of: Callable[[bytes], bytes]
    first_bad: int


SAME_SIZE = [
    Change("the first bit is flipped", flipped(0), 0),
    Change("a bit of a tag is flipped", flipped(STRIDE - 1), 0),
    Change("a bit in the middle is flipped", flipped(2 * STRIDE + 7), 2),
    Change("the last bit is flipped", flipped(4 * STRIDE + 25), LAST),
    Change("two segments are exchanged", lambda file: with_segments(file, 0, 2, 1, 3, 4), 1),
    Change("a segment stands twice and another is lost", lambda file: with_segments(file, 0, 1, 1, 3, 4), 2),
    Change("a segment is emptied", lambda file: file[: 3 * STRIDE] + bytes(STRIDE) + segment(file, 4), 3),
]
OTHER_SIZE = [
    Change("the last byte is cut off", lambda file: file[:-1], LAST),
    Change("the last segment is cut off", lambda file: file[: 4 * STRIDE], LAST),
    Change("all but one segment is cut off", lambda file: segment(file, 0), 1),
    Change("everything is cut off", lambda file: b"", 0),
    Change("a byte is added", lambda file: file + b"\0", LAST + 1),
    Change("the last segment is added again", lambda file: file + segment(file, 4), LAST + 1),
    Change("a segment is put in", lambda file: with_segments(file, 0, 1, 1, 2, 3, 4), 0),
    Change("a segment is left out", lambda file: with_segments(file, 0, 2, 3, 4), 0),
]


def read_until_damaged(vault: Vault, ref: ObjectRef, step: int) -> bytes:
    """What a client that reads in sequence has got before it was told."""
    blob, got = vault.open(ref), b""
    for offset in range(0, ref.length, step):
        try:
            got += blob.pread(offset, step)
        except Damaged:
            return got
    pytest.fail("it was read to its end")


@pytest.fixture
def ref(memory_vault: Vault, database: Database) -> ObjectRef:
    return stored(memory_vault, database, PLAIN)


@pytest.mark.parametrize("change", SAME_SIZE, ids=lambda change: change.what)
@pytest.mark.parametrize("step", [1, 50, SEGMENT, 3 * SEGMENT, LENGTH])
def test_no_byte_of_a_changed_segment_leaves(
    change: Change, step: int, memory_vault: Vault, memory_store: MemoryStore, ref: ObjectRef
) -> None:
    memory_store.blobs[ref.object_id] = change.of(memory_store.blobs[ref.object_id])
    got = read_until_damaged(memory_vault, ref, step)
    assert got == PLAIN[: len(got)]
    assert len(got) <= change.first_bad * SEGMENT


@pytest.mark.parametrize("change", OTHER_SIZE, ids=lambda change: change.what)
def test_a_file_of_another_size_does_not_open(
    change: Change, memory_vault: Vault, memory_store: MemoryStore, ref: ObjectRef
) -> None:
    memory_store.blobs[ref.object_id] = change.of(memory_store.blobs[ref.object_id])
    with pytest.raises(Damaged):
        memory_vault.open(ref)


@pytest.mark.parametrize(
    "change", [change for change in SAME_SIZE + OTHER_SIZE if change.first_bad <= LAST], ids=lambda change: change.what
)
def test_a_file_changed_under_an_open_handle_gives_no_wrong_byte(
    change: Change, memory_vault: Vault, memory_store: MemoryStore, ref: ObjectRef
) -> None:
    blob = memory_vault.open(ref)
    memory_store.blobs[ref.object_id] = change.of(memory_store.blobs[ref.object_id])
    with pytest.raises(Damaged):
        blob.pread(0, LENGTH)


def test_bytes_before_the_bad_segment_are_still_served(
    memory_vault: Vault, memory_store: MemoryStore, ref: ObjectRef
) -> None:
    memory_store.blobs[ref.object_id] = flipped(3 * STRIDE)(memory_store.blobs[ref.object_id])
    blob = memory_vault.open(ref)
    assert blob.pread(0, 3 * SEGMENT) == PLAIN[: 3 * SEGMENT]
    assert blob.pread(4 * SEGMENT, 10) == PLAIN[4 * SEGMENT :]


def test_a_missing_file_is_damage(memory_vault: Vault, memory_store: MemoryStore, ref: ObjectRef) -> None:
    memory_store.delete(ref.object_id)
    with pytest.raises(Damaged):
        memory_vault.open(ref)


def test_two_objects_exchanged_do_not_open_as_each_other(
    memory_vault: Vault, memory_store: MemoryStore, ref: ObjectRef, database: Database
) -> None:
    other = stored(memory_vault, database, content(LENGTH, seed=2))
    blobs = memory_store.blobs
    blobs[ref.object_id], blobs[other.object_id] = blobs[other.object_id], blobs[ref.object_id]
    assert read_until_damaged(memory_vault, ref, LENGTH) == b""
    assert read_until_damaged(memory_vault, other, LENGTH) == b""


def test_segments_of_another_object_are_not_taken(
    memory_vault: Vault, memory_store: MemoryStore, ref: ObjectRef, database: Database
) -> None:
    other = stored(memory_vault, database, PLAIN)
    mixed = memory_store.blobs[ref.object_id]
    memory_store.blobs[ref.object_id] = mixed[:STRIDE] + memory_store.blobs[other.object_id][STRIDE:]
    assert read_until_damaged(memory_vault, ref, SEGMENT) == PLAIN[:SEGMENT]


ROWS: dict[str, Callable[[ObjectRef, ObjectRef], dict[str, object]]] = {
    "the wrap is another object's": lambda row, other: {"wrap": other.wrap},
    "a bit of the wrap is flipped": lambda row, other: {"wrap": flipped(20)(row.wrap)},
    "a bit of the nonce is flipped": lambda row, other: {"wrap": flipped(0)(row.wrap)},
    "the wrap is cut": lambda row, other: {"wrap": row.wrap[:-1]},
    "the wrap is cut within its nonce": lambda row, other: {"wrap": row.wrap[:7]},
    "the wrap is empty": lambda row, other: {"wrap": b""},
    "the wrap is longer": lambda row, other: {"wrap": row.wrap + b"\0"},
    "the length is one less": lambda row, other: {"length": row.length - 1},
    "the length is one more": lambda row, other: {"length": row.length + 1},
    "the length is a segment less": lambda row, other: {"length": row.length - SEGMENT},
    "the length is zero": lambda row, other: {"length": 0},
    "the length is negative": lambda row, other: {"length": -1},
    "the length is beyond all bounds": lambda row, other: {"length": 1 << 64},
    "the key is another day's": lambda row, other: {"kek_id": OTHER_KEK_ID},
    "the key is one that never was": lambda row, other: {"kek_id": b"?" * 16},
    "the key's id is cut": lambda row, other: {"kek_id": KEK_ID[:4]},
    "the category is another": lambda row, other: {"category_id": row.category_id + 1},
    "the category is negative": lambda row, other: {"category_id": -1},
    "the segment size is another": lambda row, other: {"segment_size": row.segment_size * 2},
    "the segment size is zero": lambda row, other: {"segment_size": 0},
    "the segment size is negative": lambda row, other: {"segment_size": -1},
    "the object is another": lambda row, other: {"object_id": other.object_id},
    "the object's id is cut": lambda row, other: {"object_id": row.object_id[:8]},
    "wrap and key are another object's": lambda row, other: {"wrap": other.wrap, "kek_id": other.kek_id},
}


@pytest.mark.parametrize("what", ROWS)
def test_a_row_that_was_changed_does_not_open(
    what: str, memory_vault: Vault, ref: ObjectRef, database: Database
) -> None:
    other = stored(memory_vault, database, content(LENGTH, seed=2))
    changed = dataclasses.replace(ref, **ROWS[what](ref, other))  # type: ignore[arg-type]
    with pytest.raises(Damaged):
        memory_vault.open(changed)


NAMES: dict[str, Callable[[bytes], dict[str, object]]] = {
    "a bit is flipped": lambda sealed: {"sealed": flipped(13)(sealed)},
    "a bit of the nonce is flipped": lambda sealed: {"sealed": flipped(0)(sealed)},
    "it is cut": lambda sealed: {"sealed": sealed[:-1]},
    "it is cut within its nonce": lambda sealed: {"sealed": sealed[:5]},
    "it is empty": lambda sealed: {"sealed": b""},
    "it is longer": lambda sealed: {"sealed": sealed + b"\0"},
    "the delivery is another": lambda sealed: {"delivery_id": b"D" * 16},
    "the school is another": lambda sealed: {"school_id": 8},
    "the school is negative": lambda sealed: {"school_id": -8},
    "the category is another": lambda sealed: {"category_id": 4},
    "the object is another": lambda sealed: {"object_id": b"O" * 16},
    "the key is another day's": lambda sealed: {"kek_id": OTHER_KEK_ID},
    "the key is one that never was": lambda sealed: {"kek_id": b"?" * 16},
}


@pytest.mark.parametrize("what", NAMES)
def test_a_name_that_was_changed_or_moved_does_not_open(what: str, vault: Vault) -> None:
    bound = {"delivery_id": b"d" * 16, "school_id": 7, "category_id": 3, "object_id": b"o" * 16}
    sealed = vault.seal_name(KEK_ID, "Letter.pdf", **bound)  # type: ignore[arg-type]
    row: dict[str, object] = {"kek_id": KEK_ID, "sealed": sealed, **bound}
    with pytest.raises(Damaged):
        vault.open_name(**(row | NAMES[what](sealed)))  # type: ignore[arg-type]


def test_of_two_names_exchanged_neither_opens(vault: Vault) -> None:
    place = {"school_id": 7, "category_id": 3}
    one, other = {"delivery_id": b"1" * 16, "object_id": b"a" * 16}, {"delivery_id": b"2" * 16, "object_id": b"b" * 16}
    first = vault.seal_name(KEK_ID, "One.pdf", **one, **place)  # type: ignore[arg-type]
    with pytest.raises(Damaged):
        vault.open_name(KEK_ID, first, **other, **place)  # type: ignore[arg-type]
