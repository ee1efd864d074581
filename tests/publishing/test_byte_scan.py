"""After its day no file of ours holds a document, or a key that opened it, or anything that opens its canary."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select

from gateway import compose, recovery
from gateway.backup import back_up
from gateway.models import StoredObject
from gateway.vault import format as fmt
from gateway.vault.models import Destroyed
from gateway.vault.vault import ObjectRef
from tests.publishing.authority import Authority

MARKER = os.urandom(64)
DATABASES = ("ladocs.db", "record.db")  # searched for the keys themselves; each of their windows would take minutes


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Path]]:
    """The places for temporary files, which this test alone uses."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
        monkeypatch.setattr(tempfile, "tempdir", memory)
        (tmp_path / "tmp").mkdir()
        yield [Path(memory), tmp_path / "tmp"]


def secrets(authority: Authority) -> dict[str, bytes]:
    """What opens the one document, before its day."""
    row = authority.row(StoredObject)
    ref = ObjectRef(
        object_id=row.id,
        kek_id=row.kek_id,
        wrap=row.wrap,
        length=row.length,
        category_id=row.category_id,
        segment_size=row.segment_size,
    )
    [root] = authority.home.keys_dir.glob("root.*")
    dek, kek = authority.services.vault._unwrap(ref), authority.services.vault._box.key(row.kek_id)
    return {"marker": MARKER, "DEK": dek, "KEK": kek, "root key": root.read_bytes()}


def backed_up(authority: Authority, folder: Path) -> tuple[Path, dict[Path, bytes]]:
    """A backup of now, and what its sealed secrets hold for whoever has the recovery key."""
    yesterday, key = folder / "yesterday", folder / "recovery.txt"
    key.write_text(recovery.make(authority.home.path))
    back_up(authority.services.core, yesterday)
    opened = json.loads(recovery.unseal((yesterday / "secrets.sealed").read_bytes(), recovery.private_key(key)))
    assert {Path(name).name for name in opened} >= {"password-pepper.1", "record-signing.1", "ladocs.toml"}
    return yesterday, {yesterday / "opened" / name: base64.b64decode(data) for name, data in opened.items()}


def opens(key: bytes, canary: bytes) -> bool:
    kek_id, object_id, wrap = canary[:16], canary[16:32], canary[32:]
    ctx = fmt.context(object_id, fmt.SEGMENT_BYTES)
    try:
        fmt.unwrap(key, wrap, ctx=ctx, kek_id=kek_id, length=0, category=0)
    except InvalidTag:
        return False
    return True


def test_no_file_holds_the_document_or_what_opens_it(
    authority: Authority, temporary: list[Path], tmp_path: Path
) -> None:
    second = tmp_path / "second"
    authority.published(authority.item(authority.file("Old.pdf", MARKER)))
    compose.key_box(authority.services.core).replicate(second)
    before = secrets(authority)
    yesterday, sealed = backed_up(authority, tmp_path)
    (authority.outbox / "Old.pdf").unlink()
    authority.clock.advance(days=91)
    core, vault, log = authority.services.core, authority.services.vault, authority.services.log
    assert compose.destruction(core, vault, log).run(authority.clock.now()) is None
    places = [authority.home.path, authority.home.keys_dir, second, yesterday, *temporary]
    files = {path: path.read_bytes() for place in places for path in place.rglob("*") if path.is_file()}
    assert {path.name for path in files} >= {"ladocs.db", "ladocs.db-wal", "record.db", "box", "secrets.sealed"}
    files |= sealed
    found = [(what, path) for what, secret in before.items() for path, data in files.items() if secret in data]
    assert found == []
    with authority.database.read() as connection:
        [canary] = connection.execute(select(Destroyed.canaries)).scalars()
    assert opens(before["KEK"], canary[:92])
    keys = {path: data for path, data in files.items() if path.parent in (authority.home.keys_dir, second)}
    keys |= {path: data for path, data in files.items() if yesterday in path.parents and path.name not in DATABASES}
    in_boxes = list(vault._box.reread().values())
    windows = [data[at : at + 32] for data in keys.values() for at in range(len(data) - 31)]
    assert not any(opens(key, canary[:92]) for key in [*in_boxes, *windows])
