"""A second implementation, written from docs/vault-format.md, opens what the vault wrote, and the other way round."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.database import Database
from gateway.vault.keybox import KeyBox
from gateway.vault.vault import ObjectRef, Vault
from tests.support.clock import FakeClock
from tests.support.memory_store import MemoryStore
from tests.vault import independent
from tests.vault.documents import CATEGORY, KEK, KEK_ID, SEGMENT, content, read_whole, stored

LENGTHS = [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT, 3 * SEGMENT + 5]


@pytest.mark.parametrize("length", LENGTHS)
def test_the_independent_reader_opens_what_the_vault_sealed(
    length: int, memory_vault: Vault, memory_store: MemoryStore, database: Database
) -> None:
    ref = stored(memory_vault, database, content(length))
    dek = independent.unwrap(
        KEK,
        ref.wrap,
        object_id=ref.object_id,
        segment_size=SEGMENT,
        kek_id=KEK_ID,
        length=length,
        category=CATEGORY,
    )
    file = memory_store.blobs[ref.object_id]
    assert independent.open_object(dek, ref.object_id, SEGMENT, length, file) == content(length)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_vault_opens_what_the_independent_writer_sealed(
    length: int, memory_vault: Vault, memory_store: MemoryStore
) -> None:
    object_id, dek = os.urandom(16), os.urandom(32)
    writing = memory_store.create(object_id)
    writing.write(independent.seal_object(dek, object_id, SEGMENT, content(length)))
    writing.commit()
    wrapped = independent.wrap(
        KEK,
        os.urandom(12),
        dek,
        object_id=object_id,
        segment_size=SEGMENT,
        kek_id=KEK_ID,
        length=length,
        category=CATEGORY,
    )
    ref = ObjectRef(
        object_id=object_id,
        kek_id=KEK_ID,
        wrap=wrapped,
        length=length,
        category_id=CATEGORY,
        segment_size=SEGMENT,
    )
    assert read_whole(memory_vault, ref) == content(length)


def test_the_independent_reader_opens_the_box(box: KeyBox, keys_dir: Path) -> None:
    assert independent.keys_of(keys_dir) == dict(box.all())


def test_the_box_opens_what_the_independent_writer_sealed(tmp_path: Path) -> None:
    root, keys = os.urandom(32), {os.urandom(16): os.urandom(32) for _ in range(5)}
    (tmp_path / "root.7").write_bytes(root)
    (tmp_path / "box").write_bytes(independent.make_box(root, os.urandom(12), 7, keys))
    assert dict(KeyBox(tmp_path, FakeClock(), os.urandom).all()) == keys


def test_names_are_the_same_to_both(vault: Vault) -> None:
    bound = {"delivery_id": b"d" * 16, "object_id": b"o" * 16}
    ours = vault.seal_name(KEK_ID, "Zoë’s letter.pdf", school_id=7, category_id=CATEGORY, **bound)
    theirs = independent.seal_name(KEK, os.urandom(12), "Zoë’s letter.pdf", school=7, category=CATEGORY, **bound)
    assert independent.open_name(KEK, ours, school=7, category=CATEGORY, **bound) == "Zoë’s letter.pdf"
    assert vault.open_name(KEK_ID, theirs, school_id=7, category_id=CATEGORY, **bound) == "Zoë’s letter.pdf"
