"""`docs/vault-format.md` names all there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.secrets import NAMES
from gateway.models import StoredObject
from gateway.vault import format as fmt
from gateway.vault import keyfolder
from gateway.vault.models import Kek, KekState, Purpose

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "vault-format.md").read_text("utf-8")
COLUMNS = [column.name for table in (StoredObject, Kek) for column in table.__table__.columns]
VECTORS = [path.name for path in (ROOT / "tests" / "vault" / "vectors").iterdir()]


@pytest.mark.parametrize("word", [*COLUMNS, *Purpose, *KekState, *NAMES, *VECTORS, "name_sealed", "token"])
def test_the_format_page_names(word: str) -> None:
    assert f"`{word}`" in TEXT


@pytest.mark.parametrize("info", ["seg\\0", "wrap\\0", "name", "index", "commitment\\0"])
def test_the_format_page_gives_the_info(info: str) -> None:
    assert f'"ladocs/v1/{info}"' in TEXT


def test_the_format_page_gives_sizes_and_magic() -> None:
    assert f'"{fmt.MAGIC.decode()}" ‖ u8 {fmt.VERSION} ‖ u8 {fmt.AES_256_GCM}' in TEXT
    assert f'"{keyfolder.MAGIC.decode()}" ‖ u8 {keyfolder.VERSION}' in TEXT
    assert f"{fmt.SEGMENT_BYTES:,} in objects" in TEXT
    assert f"{len(fmt.context(bytes(16), 1))} bytes: version" in TEXT
