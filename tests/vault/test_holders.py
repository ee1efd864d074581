"""Other holders of the keys: they follow each rotation, catch up, take over, and bring nothing back."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from config.errors import OperatorError
from gateway.vault.holders import Known, Standing
from gateway.vault.keybox import KeyBox
from gateway.vault.keyfolder import KeyFolder
from tests.support.clock import FakeClock
from tests.support.faults import Disk, PowerCut, on, sweep
from tests.vault.documents import KEK, KEK_ID, OTHER_KEK_ID

NEW_ID, NEW = b"n" * 16, b"N" * 32


@pytest.fixture
def second(box: KeyBox, tmp_path: Path) -> Path:
    """A second holder of the box."""
    box.replicate(tmp_path / "second")
    return tmp_path / "second"


@pytest.fixture
def away(second: Path) -> Path:
    """Where the second holder's files are while it is not mounted: its folder is there, and empty."""
    place = second.with_name("drawer")
    second.rename(place)
    second.mkdir()
    return place


def without(box: KeyBox, kek_id: bytes) -> None:
    with box.rotating() as held:
        box.replace({one: key for one, key in held.items() if one != kek_id})


def add(box: KeyBox, kek_id: bytes = NEW_ID) -> None:
    with box.rotating() as held:
        box.replace({**held, kek_id: NEW})


def back(away: Path, second: Path) -> None:
    """Mount it again."""
    second.rmdir()
    away.rename(second)


def known(box: KeyBox) -> Known:
    found = box.holders()
    assert found is not None
    return found


def standings(box: KeyBox) -> dict[str, str]:
    return {one.folder.name: known(box).standing(one, box.generation()) for one in known(box).holders}


def opened(folder: Path, clock: FakeClock) -> KeyBox:
    return KeyBox(folder, clock, os.urandom)


def assert_the_same(one: Path, other: Path) -> None:
    assert KeyFolder(one).read() == KeyFolder(other).read()
    assert [path.name for path in one.glob("root.*")] == [path.name for path in other.glob("root.*")]


def test_a_holder_has_the_same_box_and_the_same_one_root_key(second: Path, keys_dir: Path, box: KeyBox) -> None:
    assert_the_same(second, keys_dir)
    assert standings(box) == {"keys": Standing.IN_USE, "second": Standing.IN_STEP}


def test_every_rotation_is_one_of_the_holder_too_and_overwrites_its_old_root_key(
    second: Path, keys_dir: Path, box: KeyBox
) -> None:
    [root] = second.glob("root.*")
    with root.open("rb", buffering=0) as old:
        before = old.read()
        without(box, OTHER_KEK_ID)
        old.seek(0)
        assert before != old.read()
    assert_the_same(second, keys_dir)
    assert OTHER_KEK_ID not in KeyFolder(second).read()


def test_a_holder_is_its_owners_alone(second: Path) -> None:
    assert {path.stat().st_mode & 0o077 for path in (second, *second.iterdir())} == {0}


def test_a_holder_that_is_not_mounted_does_not_stop_the_rotation_and_gets_no_key_in_its_place(
    second: Path, away: Path, box: KeyBox, caplog: pytest.LogCaptureFixture
) -> None:
    without(box, OTHER_KEK_ID)
    assert OTHER_KEK_ID not in box.all()
    assert list(second.iterdir()) == []
    assert standings(box)["second"] == Standing.BEHIND
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]
    assert f"{second} still holds keys" in caplog.text


def test_a_holder_that_comes_back_is_caught_up_and_forgets_what_was_destroyed(
    second: Path, away: Path, keys_dir: Path, box: KeyBox
) -> None:
    without(box, OTHER_KEK_ID)
    add(box)
    back(away, second)
    box.follow()
    assert_the_same(second, keys_dir)
    assert set(KeyFolder(second).read()) == {KEK_ID, NEW_ID}
    assert known(box).behind(box.generation()) == []


def test_a_holder_that_is_full_stays_behind_and_keeps_what_it_had(
    second: Path, box: KeyBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ = os.open

    def full(path: str | Path, flags: int, mode: int = 0o777, **more: int) -> int:
        if str(path).startswith(str(second)) and flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return open_(path, flags, mode, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        add(box)
    assert standings(box)["second"] == Standing.BEHIND
    assert NEW_ID not in KeyFolder(second).read()
    box.follow()
    assert NEW_ID in KeyFolder(second).read()


def test_another_folder_in_a_holder_s_place_is_left_alone(
    second: Path, away: Path, box: KeyBox, tmp_path: Path, clock: FakeClock
) -> None:
    theirs = opened(tmp_path / "theirs", clock)
    theirs.create()
    theirs.replicate(tmp_path / "another")
    second.rmdir()
    (tmp_path / "another").rename(second)
    before = (second / "box").read_bytes()
    add(box)
    assert (second / "box").read_bytes() == before
    assert standings(box)["second"] == Standing.BEHIND


def test_when_the_key_folder_is_lost_a_holder_takes_its_place(
    second: Path, keys_dir: Path, box: KeyBox, clock: FakeClock
) -> None:
    shutil.rmtree(keys_dir)
    now = opened(second, clock)
    assert now.key(KEK_ID) == KEK
    add(now)
    assert standings(now) == {"keys": Standing.BEHIND, "second": Standing.IN_USE}


def test_a_lost_key_folder_that_comes_back_follows_the_one_that_took_its_place(
    second: Path, keys_dir: Path, box: KeyBox, clock: FakeClock, tmp_path: Path
) -> None:
    lost = keys_dir.rename(tmp_path / "lost")
    now = opened(second, clock)
    without(now, OTHER_KEK_ID)
    lost.rename(keys_dir)
    now.follow()
    assert_the_same(keys_dir, second)
    assert OTHER_KEK_ID not in KeyFolder(keys_dir).read()


def test_a_lost_key_folder_that_had_gone_further_follows_all_the_same(
    second: Path, away: Path, keys_dir: Path, box: KeyBox, clock: FakeClock, tmp_path: Path
) -> None:
    for number in range(5):
        add(box, bytes([number]) * 16)
    lost = keys_dir.rename(tmp_path / "lost")
    back(away, second)
    now = opened(second, clock)
    add(now)
    lost.rename(keys_dir)
    now.follow()
    assert_the_same(keys_dir, second)
    assert set(now.all()) == {KEK_ID, OTHER_KEK_ID, NEW_ID}


def test_a_key_folder_that_was_put_back_to_an_older_state_overwrites_no_holder(
    second: Path, keys_dir: Path, box: KeyBox, clock: FakeClock, tmp_path: Path
) -> None:
    snapshot = shutil.copytree(keys_dir, tmp_path / "snapshot")
    for _ in range(3):
        without(box, OTHER_KEK_ID)
    shutil.rmtree(keys_dir)
    snapshot.rename(keys_dir)
    rolled_back = opened(keys_dir, clock)
    add(rolled_back)
    assert OTHER_KEK_ID not in KeyFolder(second).read()
    assert standings(rolled_back)["second"] == Standing.BEHIND


def test_a_copy_of_a_key_folder_takes_what_it_was_copied_from_for_a_holder(
    box: KeyBox, second: Path, keys_dir: Path, clock: FakeClock, tmp_path: Path
) -> None:
    copy = opened(shutil.copytree(second, tmp_path / "copy"), clock)
    without(copy, OTHER_KEK_ID)
    assert standings(copy) == {"keys": Standing.IN_STEP, "second": Standing.IN_STEP, "copy": Standing.IN_USE}
    assert OTHER_KEK_ID not in KeyFolder(second).read()


def test_a_holder_that_is_forgotten_has_no_key_any_more(second: Path, box: KeyBox) -> None:
    [root] = second.glob("root.*")
    with root.open("rb", buffering=0) as old:
        before = old.read()
        box.forget(second)
        old.seek(0)
        assert before != old.read()
    assert list(second.iterdir()) == []
    assert standings(box) == {"keys": Standing.IN_USE}


def test_a_holder_out_of_reach_is_given_up_with_a_reason_alone_and_stays_known(
    second: Path, away: Path, box: KeyBox
) -> None:
    with pytest.raises(OperatorError, match="may hold keys"):
        box.forget(second)
    add(box)
    box.forget(second, "the stick was shredded")
    assert standings(box)["second"] == Standing.GIVEN_UP
    assert known(box).behind(box.generation()) == []
    assert known(box).others[0].generation == box.generation() - 1


REFUSED: dict[str, Callable[[Path], Path]] = {
    "a folder that holds something": lambda keys: keys.parent,
    "the key folder itself": lambda keys: keys,
    "a file": lambda keys: keys / "box",
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_folder_that_is_not_empty_is_no_holder(what: str, box: KeyBox, keys_dir: Path) -> None:
    with pytest.raises(OperatorError, match="is not empty"):
        box.replicate(REFUSED[what](keys_dir))
    assert box.holders() is None


def test_a_list_of_holders_that_is_damaged_is_told(second: Path, box: KeyBox, keys_dir: Path) -> None:
    (keys_dir / "holders").write_text("{}")
    with pytest.raises(OperatorError, match="is damaged"):
        box.holders()


@pytest.mark.parametrize("power_cut", [False, True], ids=["an error", "a power cut"])
def test_both_boxes_open_whichever_step_of_a_rotation_fails(
    power_cut: bool, second: Path, keys_dir: Path, box: KeyBox, clock: FakeClock
) -> None:
    for number, disk in enumerate(sweep(Disk, power_cut=power_cut)):
        before, kek_id = dict(box.all()), number.to_bytes(16, "big")
        with on(disk), suppress(PowerCut, OSError):
            add(box, kek_id)
        clock.advance(seconds=1)
        for folder in (keys_dir, second):
            assert KeyFolder(folder).read() in (before, {**before, kek_id: NEW})
        add(box, kek_id)
        assert_the_same(second, keys_dir)
    assert disk.fails_at > 40
