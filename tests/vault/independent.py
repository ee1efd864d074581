"""The vault once more, written from docs/vault-format.md alone: nothing of our own code is imported here.

HKDF is RFC 5869 by hand over `hmac`, and AES-GCM is the cipher's own mode rather than the one-call form that the vault
uses. Called by the tests, which let either side open what the other wrote.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

TAG = 16


def u8(value: int) -> bytes:
    return value.to_bytes(1, "big")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


def gcm_seal(key: bytes, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
    """Ciphertext, then the tag."""
    sealer = Cipher(AES(key), GCM(nonce)).encryptor()
    sealer.authenticate_additional_data(aad)
    return sealer.update(plain) + sealer.finalize() + sealer.tag


def gcm_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    """Raises cryptography.exceptions.InvalidTag."""
    opener = Cipher(AES(key), GCM(nonce, sealed[-TAG:])).decryptor()
    opener.authenticate_additional_data(aad)
    return opener.update(sealed[:-TAG]) + opener.finalize()


def hkdf(key: bytes, info: bytes) -> bytes:
    """One block of RFC 5869 with SHA-256, which is all that 32 bytes need."""
    extracted = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(extracted, info + u8(1), "sha256")


def context(object_id: bytes, segment_size: int) -> bytes:
    return b"LADV" + u8(1) + u8(1) + u32(segment_size) + object_id


def segment_key(dek: bytes, object_id: bytes, segment_size: int) -> bytes:
    return hkdf(dek, b"ladocs/v1/seg\0" + context(object_id, segment_size))


def seal_object(dek: bytes, object_id: bytes, segment_size: int, plain: bytes) -> bytes:
    """The file of an object."""
    key = segment_key(dek, object_id, segment_size)
    pieces = [plain[start : start + segment_size] for start in range(0, len(plain), segment_size)] or [b""]
    return b"".join(
        gcm_seal(key, bytes(7) + u32(i) + u8(i == len(pieces) - 1), piece, b"") for i, piece in enumerate(pieces)
    )


def open_object(dek: bytes, object_id: bytes, segment_size: int, length: int, file: bytes) -> bytes:
    """The plaintext of an object's file."""
    key = segment_key(dek, object_id, segment_size)
    count = max(1, (length + segment_size - 1) // segment_size)
    if len(file) != length + TAG * count:
        raise ValueError("the file has another size")
    stride = segment_size + TAG
    return b"".join(
        gcm_open(key, bytes(7) + u32(i) + u8(i == count - 1), file[i * stride : (i + 1) * stride], b"")
        for i in range(count)
    )


def _wrap_aad(object_id: bytes, segment_size: int, kek_id: bytes, length: int, category: int) -> bytes:
    return b"ladocs/v1/wrap\0" + context(object_id, segment_size) + kek_id + u64(length) + u32(category)


def wrap(
    kek: bytes,
    nonce: bytes,
    dek: bytes,
    *,
    object_id: bytes,
    segment_size: int,
    kek_id: bytes,
    length: int,
    category: int,
) -> bytes:
    return nonce + gcm_seal(kek, nonce, dek, _wrap_aad(object_id, segment_size, kek_id, length, category))


def unwrap(
    kek: bytes, wrapped: bytes, *, object_id: bytes, segment_size: int, kek_id: bytes, length: int, category: int
) -> bytes:
    return gcm_open(kek, wrapped[:12], wrapped[12:], _wrap_aad(object_id, segment_size, kek_id, length, category))


def _name_aad(delivery_id: bytes, school: int, category: int, object_id: bytes) -> bytes:
    return delivery_id + u64(school) + u32(category) + object_id


def seal_name(
    kek: bytes, nonce: bytes, name: str, *, delivery_id: bytes, school: int, category: int, object_id: bytes
) -> bytes:
    aad = _name_aad(delivery_id, school, category, object_id)
    return nonce + gcm_seal(hkdf(kek, b"ladocs/v1/name"), nonce, name.encode(), aad)


def open_name(kek: bytes, sealed: bytes, *, delivery_id: bytes, school: int, category: int, object_id: bytes) -> str:
    aad = _name_aad(delivery_id, school, category, object_id)
    return gcm_open(hkdf(kek, b"ladocs/v1/name"), sealed[:12], sealed[12:], aad).decode()


def folder_id(school: int, year: int, month: int, category: int) -> bytes:
    return u64(school) + u64(100 * year + month) + u64(category)


def token(kek: bytes, folder: bytes, name: str) -> bytes:
    return token_by(hkdf(kek, b"ladocs/v1/index"), folder, name)


def token_by(index_key: bytes, folder: bytes, name: str) -> bytes:
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return hmac.digest(index_key, folder + folded.encode(), "sha256")[:16]


def index_key(keys: Mapping[bytes, bytes], kek_id: bytes) -> bytes:
    """The key of tokens: the one that the box carries on for this key, or its own."""
    carried = keys.get(hashlib.sha256(b"ladocs/v1/index-of\0" + kek_id).digest()[:16])
    return hkdf(keys[kek_id], b"ladocs/v1/index") if carried is None else carried


def make_box(root: bytes, nonce: bytes, generation: int, keys: Mapping[bytes, bytes]) -> bytes:
    header = b"LADK" + u8(1) + u64(generation) + u32(len(keys))
    return header + nonce + gcm_seal(root, nonce, b"".join(one + keys[one] for one in sorted(keys)), header)


def open_box(root: bytes, box: bytes) -> dict[bytes, bytes]:
    plain = gcm_open(root, box[17:29], box[29:], box[:17])
    if box[:5] != b"LADK" + u8(1) or len(plain) != 48 * int.from_bytes(box[13:17], "big"):
        raise ValueError("not a key box")
    return {plain[at : at + 16]: plain[at + 16 : at + 48] for at in range(0, len(plain), 48)}


def keys_of(folder: Path) -> dict[bytes, bytes]:
    """The keys in a key folder."""
    box = (folder / "box").read_bytes()
    generation = int.from_bytes(box[5:13], "big")
    return open_box((folder / f"root.{generation}").read_bytes(), box)


@dataclass(frozen=True)
class Read:
    """A document as this reader found it."""

    school: int
    month: str
    category: int
    name: str
    data: bytes


def documents(keys_folder: Path, database: Path, store: Path) -> Iterator[Read]:
    """Every document of a home, from its three places."""
    keys = keys_of(keys_folder)
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT d.id, d.object_id, d.school_id, d.month, d.category_id, d.kek_id, d.name_sealed, d.size,"
            " o.kek_id, o.wrap, o.segment_size FROM delivery d JOIN object o ON o.id = d.object_id"
            " WHERE o.wrap IS NOT NULL"
        ).fetchall()
    connection.close()
    for delivery, object_id, school, month, category, name_key, name, size, kek_id, wrapped, segment_size in rows:
        dek = unwrap(
            keys[kek_id],
            wrapped,
            object_id=object_id,
            segment_size=segment_size,
            kek_id=kek_id,
            length=size,
            category=category,
        )
        file = (store / object_id.hex()[:2] / object_id.hex()).read_bytes()
        yield Read(
            school,
            month,
            category,
            open_name(
                keys[name_key], name, delivery_id=delivery, school=school, category=category, object_id=object_id
            ),
            open_object(dek, object_id, segment_size, size, file),
        )


def find(keys_folder: Path, database: Path, school: int, month: date, category: int, name: str) -> bytes | None:
    """The id of the delivery called `name` in a folder, found by its token as the page says."""
    keys = keys_of(keys_folder)
    following = (month.replace(day=1) + timedelta(days=31)).replace(day=1)
    days = [month.replace(day=1) + timedelta(days=90), following - timedelta(days=1) + timedelta(days=90)]
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        ids = connection.execute(
            "SELECT id FROM kek WHERE purpose = 'publish' AND state != 'destroyed' AND day BETWEEN ? AND ?",
            [day.isoformat() for day in days],
        ).fetchall()
        folder = folder_id(school, month.year, month.month, category)
        tokens = [token_by(index_key(keys, kek_id), folder, name) for (kek_id,) in ids]
        found = connection.execute(
            "SELECT id FROM delivery WHERE school_id = ? AND month = ? AND category_id = ?"
            f" AND token IN ({','.join('?' * len(tokens))})",
            [school, f"{month:%Y-%m}", category, *tokens],
        ).fetchone()
    connection.close()
    return None if found is None else found[0]
