"""The hashes of the record: leaf, tree (RFC 6962, section 2.1) and link. Pure; docs/audit-format.md is their text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from struct import Struct

HASH_BYTES = 32
SALT_BYTES = 16
GENESIS = bytes(HASH_BYTES)

_SEQUENCE = Struct(">Q")
_LINK = Struct(">QQIQ")


def leaf_hash(seq: int, salt: bytes, payload: bytes) -> bytes:
    """SHA-256(0x00 ‖ u64 seq ‖ salt ‖ payload): one record in its place."""
    return hashlib.sha256(b"\x00" + _SEQUENCE.pack(seq) + salt + payload).digest()


def link_hash(previous: bytes, *, b: int, first: int, n: int, ts: int, root: bytes) -> bytes:
    """SHA-256(0x02 ‖ previous link ‖ u64 b ‖ u64 first ‖ u32 n ‖ u64 ts ‖ root). Raises struct.error out of range."""
    return hashlib.sha256(b"\x02" + previous + _LINK.pack(b, first, n, ts) + root).digest()


class TreeHash:
    """A Merkle tree hash fed one leaf at a time, in memory of the logarithm of their number. Not thread-safe."""

    def __init__(self) -> None:
        self._peaks: list[tuple[int, bytes]] = []  # (size, hash) of full subtrees, largest first

    def add(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        size, node = 1, leaf
        while self._peaks and self._peaks[-1][0] == size:
            node = _inner(self._peaks.pop()[1], node)
            size *= 2
        self._peaks.append((size, node))

    def root(self) -> bytes:
        """The hash over all leaves so far; that of nothing is SHA-256 of nothing."""
        if not self._peaks:
            return hashlib.sha256().digest()
        *left, (_, node) = self._peaks
        for _, peak in reversed(left):
            node = _inner(peak, node)
        return node


def tree_hash(leaves: Iterable[bytes]) -> bytes:
    """The Merkle tree hash of leaf hashes."""
    tree = TreeHash()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def _inner(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
