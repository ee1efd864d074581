"""A blob is there whole or not at all, whichever step of the disk fails, and what no row names is swept."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.database import Database
from gateway.vault.store import LocalStore
from gateway.vault.vault import Vault
from tests.support.faults import Disk, PowerCut, on
from tests.support.memory_store import MemoryStore
from tests.vault.documents import SEGMENT, content, read_whole, stored

DATA = content(3 * SEGMENT)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def seal(vault: Vault) -> bytes:
    """Seal a document, in two writes; the object's id."""
    with vault.seal(SEGMENT) as sealing:
        sealing.write(DATA[: 2 * SEGMENT])
        sealing.write(DATA[2 * SEGMENT :])
        return sealing.finish().object_id


@pytest.fixture
def steps(vault: Vault, tmp_path: Path) -> range:
    """Every step that sealing into an empty store takes."""
    disk = Disk()
    with on(disk):
        object_id = seal(vault)
    assert {"mkdir", "open", "write", "fsync", "rename"} <= set(disk.taken)
    LocalStore(tmp_path / "store").delete(object_id)
    for folder in (tmp_path / "store").iterdir():
        folder.rmdir()
    return range(1, len(disk.taken) + 1)


def test_a_step_that_fails_leaves_nothing_behind(vault: Vault, tmp_path: Path, steps: range) -> None:
    for step in steps:
        disk = Disk(fails_at=step)
        with on(disk), pytest.raises(OSError, match="Input/output error"):
            seal(vault)
        assert disk.fired
        assert files_in(tmp_path / "store") == [], f"after step {step}, {disk.taken[-1]}"
        for folder in (tmp_path / "store").iterdir():
            folder.rmdir()


def test_after_a_power_cut_a_blob_is_whole_or_not_there(
    vault: Vault, local_store: LocalStore, tmp_path: Path, steps: range
) -> None:
    whole = 3 * (SEGMENT + 16)
    for step in steps:
        disk = Disk(fails_at=step, power_cut=True)
        with on(disk), pytest.raises(PowerCut):
            seal(vault)
        assert disk.fired
        found = [path for path in files_in(tmp_path / "store") if path.suffix != ".new"]
        assert [path.stat().st_size for path in found] in ([], [whole])
        vault.sweep_orphans(frozenset(), datetime.now(UTC) + timedelta(hours=1))
        assert list(local_store.list()) == []
        for folder in (tmp_path / "store").iterdir():
            folder.rmdir()


def test_a_store_that_takes_a_byte_at_a_time_gets_them_all(
    vault: Vault, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:1]))
    assert read_whole(vault, stored(vault, database, DATA)) == DATA


def test_a_read_that_comes_in_pieces_is_put_together(
    vault: Vault, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = stored(vault, database, DATA)
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda descriptor, size, offset: pread(descriptor, min(size, 7), offset))
    assert read_whole(vault, ref) == DATA


def test_a_sealing_that_is_left_before_its_end_leaves_nothing(vault: Vault, tmp_path: Path) -> None:
    with vault.seal(SEGMENT) as sealing:
        sealing.write(DATA)
    assert files_in(tmp_path / "store") == []


def test_the_name_on_the_disk_is_no_link_to_elsewhere(vault: Vault, database: Database, tmp_path: Path) -> None:
    ref = stored(vault, database, DATA)
    [path] = files_in(tmp_path / "store")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        vault.open(ref)


def test_the_sweep_takes_what_no_row_names_when_it_is_older_than_asked(
    memory_vault: Vault, memory_store: MemoryStore, database: Database
) -> None:
    clock = memory_store.clock
    kept = stored(memory_vault, database, DATA).object_id
    seal(memory_vault)
    with memory_vault.seal(SEGMENT):
        clock.advance(hours=1)
        young = seal(memory_vault)
        clock.advance(minutes=30)
        assert memory_vault.sweep_orphans({kept}, clock.now() - timedelta(hours=1)) == 2
    assert [object_id for object_id, _ in memory_store.list()] == sorted([kept, young])


def test_the_sweep_leaves_alone_what_is_not_ours(vault: Vault, tmp_path: Path) -> None:
    stranger = tmp_path / "store" / "ab" / "notes.txt"
    stranger.parent.mkdir()
    stranger.write_text("not a blob")
    assert vault.sweep_orphans(frozenset(), datetime.now(UTC) + timedelta(hours=1)) == 0
    assert stranger.exists()
