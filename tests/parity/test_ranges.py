"""Any slice of a document is the same over both protocols, and the one that was sent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.principal import Door
from tests.parity.conftest import Drives
from tests.support.county import County
from tests.support.story import ASHBY, BIG

LENGTH = 3 << 20
EDGES = [0, 1, 32_768, 65_535, 65_536, 65_537, 261_120, 262_144, LENGTH - 1, LENGTH, LENGTH + 1]
OFFSETS = st.sampled_from(EDGES) | st.integers(0, LENGTH + 100)
SIZES = st.sampled_from([1, 2, 65_536, 300_000]) | st.integers(1, 200_000)


def test_ranges_are_equal_slices(county: County, drives: Drives) -> None:
    letter = county.letter(BIG)
    path = letter.path(county["nightly"], ASHBY)

    @settings(max_examples=30, deadline=None)
    @given(start=OFFSETS, size=SIZES)
    def holds(start: int, size: int) -> None:
        read = [drive.read(path, start, size) for drive in drives.values()]
        assert all(data == letter.data[start : start + size] for data in read)

    holds()


@pytest.mark.parametrize("door", [Door.SFTP, Door.WEBDAV])
def test_pieces_make_the_whole(county: County, drives: Drives, door: Door) -> None:
    letter, person = county.letter(BIG), county["nightly"]
    path, step = letter.path(person, ASHBY), 500_009
    pieces = [drives[door].read(path, start, step) for start in range(0, LENGTH, step)]
    assert b"".join(pieces) == letter.data
    county.received(person, door, letter)
