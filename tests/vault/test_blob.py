"""Reading sealed bytes: any range equals the slice of the plaintext, and reading ahead changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ClosedHandle, Damaged
from gateway.vault import format as fmt
from gateway.vault.blob import Blob, Sealed, Sealing, commit_to
from gateway.vault.store import Reading
from tests.support.clock import FakeClock
from tests.support.memory_store import MemoryStore
from tests.vault.documents import SEGMENT, content

OBJECT, DEK, SALT = b"i" * 16, b"D" * 32, b"s" * 16


@dataclass
class Counted:
    """A reading that counts how often it is asked."""

    reading: Reading
    asked: int = 0

    @property
    def size(self) -> int:
        return self.reading.size

    def pread(self, offset: int, size: int) -> bytes:
        self.asked += 1
        return self.reading.pread(offset, size)

    def close(self) -> None:
        self.reading.close()


def sealed_in_pieces(pieces: list[bytes], segment_size: int) -> tuple[MemoryStore, Sealed]:
    """The pieces written one by one as one object."""
    store = MemoryStore(FakeClock())
    with Sealing(store.create(OBJECT), OBJECT, DEK, SALT, segment_size) as sealing:
        for piece in pieces:
            sealing.write(piece)
        return store, sealing.finish()


def opened(store: MemoryStore, sealed: Sealed) -> Blob:
    return Blob(
        store.open(OBJECT),
        fmt.segment_cipher(DEK, fmt.context(OBJECT, sealed.segment_size)),
        sealed.length,
        sealed.segment_size,
    )


@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=40), max_size=6),
    st.integers(1, 17),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=8),
)
def test_ranges_equal_slices(pieces: list[bytes], segment_size: int, ranges: list[tuple[int, int]]) -> None:
    plain = b"".join(pieces)
    store, sealed = sealed_in_pieces(pieces, segment_size)
    blob = opened(store, sealed)
    for offset, size in ranges:
        assert blob.pread(offset, size) == plain[offset : offset + size]
        assert blob.cached(offset, size) in (None, plain[offset : offset + size])


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(1, 17), st.integers(1, 50))
def test_a_read_in_sequence_gives_the_whole(plain: bytes, segment_size: int, step: int) -> None:
    store, sealed = sealed_in_pieces([plain], segment_size)
    blob = opened(store, sealed)
    assert b"".join(blob.pread(offset, step) for offset in range(0, len(plain) + step, step)) == plain


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 17))
def test_how_the_bytes_came_does_not_show(pieces: list[bytes], segment_size: int) -> None:
    in_pieces, _ = sealed_in_pieces(pieces, segment_size)
    at_once, _ = sealed_in_pieces([b"".join(pieces)], segment_size)
    assert in_pieces.blobs == at_once.blobs


@settings(deadline=None)
@given(st.binary(max_size=100), st.integers(1, 17))
def test_the_file_has_the_size_that_follows_from_the_length(plain: bytes, segment_size: int) -> None:
    store, sealed = sealed_in_pieces([plain], segment_size)
    assert len(store.blobs[OBJECT]) == fmt.sealed_length(len(plain), segment_size)
    assert sealed.length == len(plain)


def test_a_reader_in_sequence_finds_the_next_segments_open() -> None:
    plain = content(10 * SEGMENT)
    store, sealed = sealed_in_pieces([plain], SEGMENT)
    reading = Counted(store.open(OBJECT))
    blob = Blob(reading, fmt.segment_cipher(DEK, fmt.context(OBJECT, SEGMENT)), sealed.length, SEGMENT)
    step = SEGMENT // 2
    for offset in range(0, len(plain), step):
        assert blob.pread(offset, step) == plain[offset : offset + step]
    assert reading.asked <= 3


def test_what_is_not_open_yet_is_not_read_without_waiting() -> None:
    store, sealed = sealed_in_pieces([content(3 * SEGMENT)], SEGMENT)
    blob = opened(store, sealed)
    assert blob.cached(0, 1) is None
    blob.pread(0, 1)
    assert blob.cached(0, SEGMENT) == content(3 * SEGMENT)[:SEGMENT]
    assert blob.cached(SEGMENT, 1) is None


def test_a_handle_keeps_a_few_segments_and_no_more() -> None:
    store, sealed = sealed_in_pieces([content(40 * SEGMENT)], SEGMENT)
    blob = opened(store, sealed)
    for offset in range(0, 40 * SEGMENT, SEGMENT):
        blob.pread(offset, SEGMENT)
    assert sum(blob.cached(offset, 1) is not None for offset in range(0, 40 * SEGMENT, SEGMENT)) <= 5


def test_a_closed_blob_gives_nothing_and_closes_twice() -> None:
    store, sealed = sealed_in_pieces([content(SEGMENT)], SEGMENT)
    blob = opened(store, sealed)
    blob.pread(0, 1)
    blob.close()
    blob.close()
    assert blob.cached(0, 1) is None
    with pytest.raises(ClosedHandle):
        blob.pread(0, 1)


def test_damage_ahead_of_the_reader_is_told_when_it_gets_there() -> None:
    plain = content(6 * SEGMENT)
    store, sealed = sealed_in_pieces([plain], SEGMENT)
    damaged = bytearray(store.blobs[OBJECT])
    damaged[3 * (SEGMENT + 16)] ^= 1
    store.blobs[OBJECT] = bytes(damaged)
    blob = opened(store, sealed)
    got = b"".join(blob.pread(offset, SEGMENT) for offset in range(0, 3 * SEGMENT, SEGMENT))
    assert got == plain[: 3 * SEGMENT]
    with pytest.raises(Damaged):
        blob.pread(3 * SEGMENT, 1)


def test_the_commitment_is_to_this_content_and_hides_it() -> None:
    _, one = sealed_in_pieces([b"a letter"], SEGMENT)
    _, other = sealed_in_pieces([b"another"], SEGMENT)
    assert one.commitment[:16] == other.commitment[:16] == SALT
    assert one.commitment != other.commitment
    assert one.commitment != commit_to(b"t" * 16, b"a letter")


def test_a_sealed_object_does_not_show_its_key() -> None:
    _, sealed = sealed_in_pieces([b"a letter"], SEGMENT)
    assert "DDDD" not in repr(sealed)


def test_more_than_can_be_numbered_is_refused_before_it_is_sealed() -> None:
    store = MemoryStore(FakeClock())
    with Sealing(store.create(OBJECT), OBJECT, DEK, SALT, 1) as sealing:
        sealing._length = 1 << 32
        with pytest.raises(ValueError, match="number"):
            sealing.write(b"one more")
    assert not list(store.list())
