"""Room on the disk and the record's reserve."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.audit.space import Reserve, Room, judge, room_at

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("free", "total", "room"),
    [
        (1000, 1000, Room.ENOUGH),
        (101, 1000, Room.ENOUGH),
        (100, 1000, Room.ALARM),
        (51, 1000, Room.ALARM),
        (50, 1000, Room.REFUSE),
        (0, 1000, Room.REFUSE),
        (0, 0, Room.REFUSE),
    ],
)
def test_room_is_judged_by_the_share_that_is_free(free: int, total: int, room: Room) -> None:
    assert judge(free, total) is room


def test_room_is_that_of_the_folders_file_system(tmp_path: Path) -> None:
    assert room_at(tmp_path) in Room


def test_the_reserve_really_takes_its_room(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", MIB)
    reserve.ensure()
    assert reserve.path.stat().st_blocks * 512 >= MIB


def test_the_reserve_is_given_up_once(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", MIB)
    reserve.ensure()
    assert [reserve.release(), reserve.release()] == [True, False]


def test_the_reserve_is_taken_again(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", MIB)
    reserve.ensure()
    reserve.release()
    reserve.ensure()
    assert reserve.path.exists()


def test_a_reserve_that_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", 2**62)
    with pytest.raises(OSError):  # noqa: PT011 - ENOSPC or EFBIG, as the file system has it
        reserve.ensure()
    assert not reserve.path.exists()
