"""The key box: who can open it, how it changes, and what a crash of a rotation leaves."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from config.database import Database
from config.errors import OperatorError
from gateway.vault.keybox import KeyBox, KeyGone
from gateway.vault.store import LocalStore
from gateway.vault.vault import Vault
from tests.support.clock import FakeClock
from tests.support.faults import Disk, PowerCut, on
from tests.vault.documents import KEK, KEK_ID, OTHER_KEK, OTHER_KEK_ID

NEW_ID, NEW = b"n" * 16, b"N" * 32
BOTH = {KEK_ID: KEK, OTHER_KEK_ID: OTHER_KEK}


def add(box: KeyBox, kek_id: bytes, key: bytes) -> None:
    with box.rotating() as held:
        box.replace({**held, kek_id: key})


def one_line(error: OperatorError) -> bool:
    return error.exit_status == 2 and "\n" not in str(error) and str(error).endswith(".")


def edited(at: int, value: bytes) -> Callable[[Path], None]:
    def edit(keys_dir: Path) -> None:
        box = bytearray((keys_dir / "box").read_bytes())
        box[at : at + len(value)] = value
        (keys_dir / "box").write_bytes(box)

    return edit


WRONG: dict[str, Callable[[Path], object]] = {
    "the root key is another": lambda keys_dir: (keys_dir / "root.2").write_bytes(b"?" * 32),
    "the root key is cut": lambda keys_dir: (keys_dir / "root.2").write_bytes(b"?" * 31),
    "the root key is missing": lambda keys_dir: (keys_dir / "root.2").unlink(),
    "the box is missing": lambda keys_dir: (keys_dir / "box").unlink(),
    "the box is empty": lambda keys_dir: (keys_dir / "box").write_bytes(b""),
    "the box is cut": lambda keys_dir: (keys_dir / "box").write_bytes((keys_dir / "box").read_bytes()[:-1]),
    "the box is another file": edited(0, b"PK\3\4"),
    "the box is of a newer version": edited(4, b"\2"),
    "the box names another generation": edited(5, (7).to_bytes(8, "big")),
    "the box counts other keys": edited(13, (1).to_bytes(4, "big")),
    "a bit of the box is flipped": edited(40, b"\0"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_box_that_does_not_open_is_told_each_time_it_is_asked(
    what: str, box: KeyBox, keys_dir: Path, clock: FakeClock
) -> None:
    WRONG[what](keys_dir)
    asked = KeyBox(keys_dir, clock, os.urandom)
    for _ in range(3):
        clock.advance(seconds=1)
        with pytest.raises(OperatorError) as caught:
            asked.all()
        assert one_line(caught.value)


@pytest.mark.parametrize("what", [what for what in WRONG if "box" in what])
def test_a_box_that_is_spoiled_under_a_running_service_is_noticed(
    what: str, box: KeyBox, keys_dir: Path, clock: FakeClock
) -> None:
    box.all()
    WRONG[what](keys_dir)
    for _ in range(3):
        clock.advance(seconds=1)
        with pytest.raises(OperatorError):
            box.all()


def test_a_folder_without_a_box_is_no_key_folder(tmp_path: Path, clock: FakeClock) -> None:
    for box in (KeyBox(tmp_path / "nowhere", clock, os.urandom), KeyBox(tmp_path, clock, os.urandom)):
        for ask in (box.all, box.generation, lambda box=box: box.key(KEK_ID), lambda box=box: add(box, NEW_ID, NEW)):
            with pytest.raises(OperatorError) as caught:
                ask()
            assert one_line(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_box_is_made_once(box: KeyBox) -> None:
    with pytest.raises(OperatorError) as caught:
        box.create()
    assert one_line(caught.value)
    assert dict(box.all()) == BOTH


def test_the_keys_of_another_home_are_refused(
    local_store: LocalStore, database: Database, tmp_path: Path, clock: FakeClock
) -> None:
    theirs = KeyBox(tmp_path / "theirs", clock, os.urandom)
    theirs.create()
    add(theirs, NEW_ID, NEW)
    with pytest.raises(OperatorError) as caught:
        Vault(box=theirs, store=local_store, entropy=os.urandom).check(database)
    assert one_line(caught.value)


def test_a_key_that_was_destroyed_since_a_backup_does_not_stop_the_start(
    box: KeyBox, vault: Vault, database: Database
) -> None:
    with box.rotating():
        box.replace({KEK_ID: KEK})
    vault.check(database)


def test_folder_and_files_are_their_owners_alone(keys_dir: Path, clock: FakeClock) -> None:
    before = os.umask(0)
    try:
        box = KeyBox(keys_dir, clock, os.urandom)
        box.create()
        add(box, NEW_ID, NEW)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in keys_dir.iterdir()}
    assert modes == {"box": 0o600, "root.2": 0o600, "lock": 0o600}
    assert stat.S_IMODE(keys_dir.stat().st_mode) == 0o700


def test_a_rotation_leaves_one_root_key_of_the_next_generation(box: KeyBox, keys_dir: Path) -> None:
    assert box.generation() == 2
    add(box, NEW_ID, NEW)
    assert box.generation() == 3
    assert {path.name for path in keys_dir.iterdir()} == {"box", "root.3", "lock"}
    assert dict(box.all()) == {**BOTH, NEW_ID: NEW}


def test_an_older_box_does_not_open_after_a_rotation(box: KeyBox, keys_dir: Path, clock: FakeClock) -> None:
    older = (keys_dir / "box").read_bytes()
    add(box, NEW_ID, NEW)
    (keys_dir / "box").write_bytes(older)
    with pytest.raises(OperatorError, match="does not open"):
        KeyBox(keys_dir, clock, os.urandom).all()


def test_the_bytes_of_the_old_root_key_are_overwritten(box: KeyBox, keys_dir: Path) -> None:
    with (keys_dir / "root.2").open("rb", buffering=0) as old:
        before = old.read()
        add(box, NEW_ID, NEW)
        old.seek(0)
        after = old.read()
        assert os.fstat(old.fileno()).st_nlink == 0
    assert len(before) == len(after) == 32
    assert before != after


def test_a_key_left_out_is_gone_for_everyone(box: KeyBox, keys_dir: Path, clock: FakeClock) -> None:
    other = KeyBox(keys_dir, clock, os.urandom)
    assert other.key(OTHER_KEK_ID) == OTHER_KEK
    with box.rotating():
        box.replace({KEK_ID: KEK})
    clock.advance(seconds=1)
    for each in (box, other):
        with pytest.raises(KeyGone):
            each.key(OTHER_KEK_ID)


def test_what_was_derived_from_a_key_goes_with_it(box: KeyBox, vault: Vault, keys_dir: Path, clock: FakeClock) -> None:
    vault.token(OTHER_KEK_ID, b"folder", "Letter.pdf")
    rotator = KeyBox(keys_dir, clock, os.urandom)
    with rotator.rotating():
        rotator.replace({KEK_ID: KEK})
    clock.advance(seconds=1)
    with pytest.raises(KeyGone):
        vault.token(OTHER_KEK_ID, b"folder", "Letter.pdf")
    assert OTHER_KEK_ID not in vault._derived


def test_a_vault_that_nobody_uses_forgets_what_is_gone_when_it_looks(
    box: KeyBox, vault: Vault, keys_dir: Path, clock: FakeClock
) -> None:
    vault.token(OTHER_KEK_ID, b"folder", "Letter.pdf")
    rotator = KeyBox(keys_dir, clock, os.urandom)
    with rotator.rotating():
        rotator.replace({KEK_ID: KEK})
    clock.advance(seconds=5)
    vault.refresh()
    assert OTHER_KEK_ID not in vault._derived
    assert OTHER_KEK_ID not in box._keys


def test_a_reader_that_meets_an_unknown_key_reads_the_box_once_more(
    box: KeyBox, keys_dir: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = KeyBox(keys_dir, clock, os.urandom)
    reader.all()
    add(box, NEW_ID, NEW)
    asked: list[str] = []
    read_bytes = Path.read_bytes

    def noted(path: Path) -> bytes:
        asked.append(path.name)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    assert reader.key(NEW_ID) == NEW
    assert asked == ["box", "root.3"]
    with pytest.raises(KeyGone):
        reader.key(b"?" * 16)
    assert asked == ["box", "root.3"] * 2


def test_the_box_is_not_read_again_while_it_is_the_same(
    box: KeyBox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = box.all()
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("it was read"))
    clock.advance(seconds=60)
    assert box.all() is before


def test_rotators_that_meet_lose_no_key(box: KeyBox, keys_dir: Path, clock: FakeClock) -> None:
    def rotate(number: int) -> None:
        mine = KeyBox(keys_dir, clock, os.urandom)
        for turn in range(6):
            mine.all()  # what it knows from before its turn must not be what it goes by
            add(mine, bytes([number, turn]) * 8, NEW)

    threads = [threading.Thread(target=rotate, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(box.key(bytes([3, 5]) * 8)) == 32
    assert len(box.all()) == 2 + 4 * 6


def test_readers_are_not_disturbed_by_rotations(box: KeyBox, keys_dir: Path, clock: FakeClock) -> None:
    ended = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        while not ended.is_set():
            try:
                KeyBox(keys_dir, clock, os.urandom).key(KEK_ID)
            except BaseException as exc:  # noqa: BLE001  # the thread ends here, and the test says why
                failures.append(exc)
                return

    thread = threading.Thread(target=read)
    thread.start()
    for turn in range(30):
        add(box, turn.to_bytes(16, "big"), NEW)
    ended.set()
    thread.join(60)
    assert failures == []


@pytest.mark.parametrize("power_cut", [False, True], ids=["an error", "a power cut"])
def test_a_box_opens_whichever_step_of_a_rotation_failed(
    power_cut: bool, box: KeyBox, keys_dir: Path, clock: FakeClock
) -> None:
    counting = Disk()
    with on(counting):
        add(box, b"1" * 16, NEW)
    assert {"fsync", "replace", "pwrite", "unlink"} <= set(counting.taken)
    for step in range(1, len(counting.taken) + 1):
        before = dict(box.all())
        disk = Disk(fails_at=step, power_cut=power_cut)
        with on(disk), pytest.raises((PowerCut, OSError)):
            add(box, step.to_bytes(16, "big"), NEW)
        assert disk.fired
        after = dict(KeyBox(keys_dir, clock, os.urandom).all())
        assert after in (before, {**before, step.to_bytes(16, "big"): NEW})
        add(box, b"1" * 16, NEW)
        assert {path.name for path in keys_dir.iterdir()} == {"box", f"root.{box.generation()}", "lock"}


def test_the_root_key_of_a_rotation_that_crashed_is_overwritten_too(box: KeyBox, keys_dir: Path) -> None:
    (keys_dir / "root.3").write_bytes(b"r" * 32)
    (keys_dir / ".root.3.0123abcd.tmp").write_bytes(b"r" * 32)
    with (keys_dir / "root.3").open("rb") as root, (keys_dir / ".root.3.0123abcd.tmp").open("rb") as half:
        add(box, NEW_ID, NEW)
        assert b"r" * 32 not in (root.read(), half.read())


def test_a_rotation_that_does_not_read_back_keeps_the_old_root_key(
    box: KeyBox, keys_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeyBox, "_read_again", lambda self: {})
    with pytest.raises(OSError, match="read back"), box.rotating():
        box.replace({KEK_ID: KEK})
    assert (keys_dir / "root.2").exists()
