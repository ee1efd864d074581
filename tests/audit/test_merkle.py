"""The hashes of the record, against RFC 6962's definition and against vectors kept as data."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from policy.audit.merkle import leaf_hash, link_hash, tree_hash

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "hashes.json").read_text())


def definition(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word: split at the largest power of two smaller than n."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + definition(leaves[:k]) + definition(leaves[k:])).digest()


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70))
@settings(max_examples=60)
def test_tree_hash_is_that_of_the_definition(leaves: list[bytes]) -> None:
    assert tree_hash(leaves) == definition(leaves)


def test_tree_hash_gives_the_roots_that_certificate_transparency_published() -> None:
    leaves = [hashlib.sha256(b"\x00" + bytes.fromhex(text)).digest() for text in VECTORS["rfc6962"]["inputs"]]
    roots = [tree_hash(leaves[:n]).hex() for n in range(len(leaves) + 1)]
    assert roots == VECTORS["rfc6962"]["roots"]


def test_leaf_hash_gives_the_vectors() -> None:
    for row in VECTORS["leaves"]:
        leaf = leaf_hash(row["seq"], bytes.fromhex(row["salt"]), row["payload"].encode())
        assert leaf.hex() == row["leaf"]


def test_link_hash_gives_the_vectors() -> None:
    for row in VECTORS["links"]:
        numbers = {name: row[name] for name in ("b", "first", "n", "ts")}
        link = link_hash(bytes.fromhex(row["previous"]), root=bytes.fromhex(row["root"]), **numbers)
        assert link.hex() == row["link"]


@given(st.integers(0, 2**64 - 1), st.binary(min_size=16, max_size=16), st.binary(max_size=64))
@settings(max_examples=30)
def test_leaf_hash_binds_a_record_to_its_place(seq: int, salt: bytes, payload: bytes) -> None:
    other = (seq + 1) % 2**64
    assert leaf_hash(seq, salt, payload) != leaf_hash(other, salt, payload)
