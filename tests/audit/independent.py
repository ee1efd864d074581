"""The record once more, written from docs/audit-format.md alone: nothing of our own code is imported here.

It proves a record row by row, checkpoints, and certificates of destruction (docs/vault-format.md). Called by the tests,
which let it read what ours wrote, and what was done to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FIELDS = [
    *("actor", "address", "client", "count", "event", "object", "protocol", "range", "reason", "reference", "result"),
    *("school", "session", "ts", "v"),
]
KEPT = 730 * 24 * 60 * 60 * 1_000_000
CHECKPOINT = re.compile(
    r"(?P<said>ladocs-checkpoint/1 origin=[a-z0-9.:-]{1,253} records=(?P<records>0|[1-9][0-9]*)"
    r" batch=(?P<batch>0|[1-9][0-9]*) link=(?P<link>[0-9a-f]{64})"
    r" time=[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z key=(?P<key>[0-9a-f]{16}))"
    r" sig=(?P<sig>[0-9a-f]{128})"
)

Row = tuple[int, int, bytes | None, bytes | None, bytes]
"""seq, batch, salt, payload, leaf."""
Batch = tuple[int, int, int, int, bytes, bytes, bytes]
"""b, first, n, ts, root, prev, link."""
Head = tuple[int, int, bytes]


class Broken(Exception):
    """What does not hold, with its batch or record."""


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


def leaf(seq: int, salt: bytes, payload: bytes) -> bytes:
    return sha256(b"\0" + u64(seq) + salt + payload).digest()


def tree(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:])).digest()


def link(prev: bytes, b: int, first: int, n: int, ts: int, root: bytes) -> bytes:
    return sha256(b"\2" + prev + u64(b) + u64(first) + n.to_bytes(4, "big") + u64(ts) + root).digest()


def check_payload(payload: bytes) -> None:
    """RFC 8785 for these values: what is written anew from what was read is the same bytes."""
    said = json.loads(payload)
    if sorted(said) != FIELDS or said["v"] != 1:
        raise Broken("a payload has other fields")
    if json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() != payload:
        raise Broken("a payload is not canonical")


def prove(batches: Sequence[Batch], rows: Iterator[Row]) -> list[Head]:
    """The head after each batch, the empty record's first. Raises Broken at the first thing that does not hold."""
    heads: list[Head] = [(0, 0, bytes(32))]
    last = batches[-1][3] if batches else 0
    for b, first, n, ts, root, prev, said in batches:
        before, records, linked = heads[-1]
        if (b, first, prev) != (before + 1, records + 1, linked) or n < 1:
            raise Broken(f"batch {b} does not follow")
        leaves = [_proved(next(rows, None), first + i, b, forgotten=last - ts > KEPT) for i in range(n)]
        if tree(leaves) != root or link(prev, b, first, n, ts, root) != said:
            raise Broken(f"batch {b} was not sealed so")
        heads.append((b, first + n - 1, said))
    if next(rows, None) is not None:
        raise Broken("a record follows the last batch")
    return heads


def _proved(row: Row | None, seq: int, b: int, *, forgotten: bool) -> bytes:
    if row is None or row[:2] != (seq, b):
        raise Broken(f"record {seq} is not in its place")
    _, _, salt, payload, hashed = row
    if salt is None and payload is None:
        if not forgotten:
            raise Broken(f"record {seq} was emptied before its time")
    elif salt is None or payload is None or leaf(seq, salt, payload) != hashed:
        raise Broken(f"record {seq} was changed")
    else:
        check_payload(payload)
    return hashed


def key_name(public: bytes) -> str:
    return sha256(public).hexdigest()[:16]


def _signed(public: bytes, signature: str, said: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(signature), said)
    except InvalidSignature:
        return False
    return True


def checkpoint(line: str, keys: Mapping[str, bytes]) -> Head:
    """The head that a checkpoint vouches for; `keys` by their names. Raises Broken."""
    found = CHECKPOINT.fullmatch(line)
    if found is None or found["key"] not in keys:
        raise Broken("not a checkpoint of a known key")
    if not _signed(keys[found["key"]], found["sig"], b"ladocs/v1/checkpoint\0" + found["said"].encode()):
        raise Broken("the checkpoint's signature does not hold")
    return int(found["batch"]), int(found["records"]), bytes.fromhex(found["link"])


def certificate(text: str, keys: Mapping[str, bytes]) -> list[str]:
    """What a certificate of destruction says, line by line, proved. Raises Broken."""
    *said, digests, signer, signature, end = text.split("\n")
    name = signer.removeprefix("signer ")
    if end or name not in keys or not said or said[0] != "ladocs-certificate/1":
        raise Broken("not a certificate of a known key")
    if digests.split(" ") != ["digests", *(sha256(line.encode()).hexdigest() for line in said)]:
        raise Broken("a line is not what was signed")
    over = b"ladocs/v1/certificate\0" + f"{digests}\n{signer}\n".encode()
    if not _signed(keys[name], signature.removeprefix("signature "), over):
        raise Broken("the certificate's signature does not hold")
    return said
