"""What every `BlobStore` promises, held against the local folder and the fake that stands for it in other tests."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from gateway.vault.store import BlobStore, LocalStore
from tests.support.clock import FakeClock
from tests.support.memory_store import MemoryStore

ONE, OTHER = b"\x01" * 16, b"\xfe" * 16


@pytest.fixture
def clock() -> FakeClock:
    """At the machine's time, by which a folder dates its files."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest) -> BlobStore:
    found: LocalStore | MemoryStore = request.getfixturevalue(f"{request.param}_store")
    return found


def put(store: BlobStore, object_id: bytes, *pieces: bytes) -> None:
    writing = store.create(object_id)
    for piece in pieces:
        writing.write(piece)
    writing.commit()


def get(store: BlobStore, object_id: bytes) -> bytes:
    reading = store.open(object_id)
    try:
        return reading.pread(0, reading.size)
    finally:
        reading.close()


def ids(store: BlobStore) -> list[bytes]:
    return [object_id for object_id, _ in store.list()]


@pytest.mark.parametrize("pieces", [(), (b"",), (b"a letter",), (b"a ", b"", b"letter"), (os.urandom(300_000), b"x")])
def test_what_was_written_is_read(store: BlobStore, pieces: tuple[bytes, ...]) -> None:
    put(store, ONE, *pieces)
    assert get(store, ONE) == b"".join(pieces)


@pytest.mark.parametrize(("offset", "size"), [(0, 0), (0, 5), (3, 4), (8, 5), (10, 1), (100, 5), (0, 1000)])
def test_a_range_is_a_slice_of_the_whole(store: BlobStore, offset: int, size: int) -> None:
    put(store, ONE, b"0123456789")
    reading = store.open(ONE)
    assert reading.pread(offset, size) == b"0123456789"[offset : offset + size]
    assert reading.size == 10
    reading.close()


def test_a_blob_that_is_not_there_is_not_found(store: BlobStore) -> None:
    with pytest.raises(FileNotFoundError):
        store.open(ONE)


def test_a_blob_in_the_making_is_not_found_but_listed(store: BlobStore) -> None:
    writing = store.create(ONE)
    writing.write(b"half")
    with pytest.raises(FileNotFoundError):
        store.open(ONE)
    assert ids(store) == [ONE]
    writing.abandon()


def test_nothing_stays_of_what_was_abandoned(store: BlobStore) -> None:
    writing = store.create(ONE)
    writing.write(b"half")
    writing.abandon()
    writing.abandon()
    assert ids(store) == []


def test_abandoning_what_was_committed_changes_nothing(store: BlobStore) -> None:
    writing = store.create(ONE)
    writing.write(b"whole")
    writing.commit()
    writing.abandon()
    assert get(store, ONE) == b"whole"


def test_one_blob_is_made_once_at_a_time(store: BlobStore) -> None:
    writing = store.create(ONE)
    with pytest.raises(FileExistsError):
        store.create(ONE)
    writing.abandon()


def test_a_deleted_blob_is_gone_and_may_be_deleted_again(store: BlobStore) -> None:
    put(store, ONE, b"a letter")
    put(store, OTHER, b"another")
    store.delete(ONE)
    store.delete(ONE)
    assert ids(store) == [OTHER]
    with pytest.raises(FileNotFoundError):
        store.open(ONE)


def test_deleting_takes_what_is_in_the_making_too(store: BlobStore) -> None:
    writing = store.create(ONE)
    store.delete(ONE)
    assert ids(store) == []
    writing.abandon()


def test_a_list_has_every_blob_once_with_its_time(store: BlobStore, clock: FakeClock) -> None:
    for object_id in (OTHER, ONE):
        put(store, object_id, b"a letter")
    listed = list(store.list())
    assert [object_id for object_id, _ in listed] == [ONE, OTHER]
    assert all(abs(changed - clock.now()) < timedelta(minutes=1) for _, changed in listed)
    assert all(changed.tzinfo is UTC for _, changed in listed)


def test_closing_twice_is_closing_once(store: BlobStore) -> None:
    put(store, ONE, b"a letter")
    reading = store.open(ONE)
    reading.close()
    reading.close()


def test_a_closed_reading_gives_nothing(store: BlobStore) -> None:
    put(store, ONE, b"a letter")
    reading = store.open(ONE)
    reading.close()
    with pytest.raises(OSError, match=r"closed|descriptor"):
        reading.pread(0, 1)


def test_readers_do_not_disturb_each_other(store: BlobStore) -> None:
    put(store, ONE, b"0123456789")
    one, other = store.open(ONE), store.open(ONE)
    assert one.pread(0, 3) + other.pread(0, 3) + one.pread(3, 3) == b"012012345"
    one.close()
    assert other.pread(9, 1) == b"9"
    other.close()
