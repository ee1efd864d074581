"""The vault's format, as pure functions: docs/vault-format.md in code. Nothing here reads a file or a clock.

Only primitives of `cryptography` are used: AES-256-GCM (NIST SP 800-38D), HKDF-SHA256 (RFC 5869), HMAC-SHA256
(RFC 2104). Thread-safe. Raises cryptography.exceptions.InvalidTag where something sealed was changed.
"""

from __future__ import annotations

import hmac
import struct
import unicodedata
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"LADV"
VERSION = 1
AES_256_GCM = 1
SEGMENT_BYTES = 65536
TAG_BYTES = 16
NONCE_BYTES = 12
KEY_BYTES = 32
ID_BYTES = 16
TOKEN_BYTES = 16

_CONTEXT = struct.Struct(">4sBBI16s")
_NONCE = struct.Struct(">7xIB")
_MAX_SEGMENTS = 1 << 32


def context(object_id: bytes, segment_size: int) -> bytes:
    """ctx_o: what is known of an object before its first byte."""
    return _CONTEXT.pack(MAGIC, VERSION, AES_256_GCM, segment_size, object_id)


def derive(key: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 without salt: 32 bytes."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(key)


def segment_cipher(dek: bytes, ctx: bytes) -> AESGCM:
    """The cipher of an object's segments."""
    return AESGCM(derive(dek, b"ladocs/v1/seg\0" + ctx))


def segment_nonce(index: int, *, last: bool) -> bytes:
    """7 zero bytes, the segment's number, and whether it is the last (the STREAM construction)."""
    return _NONCE.pack(index, last)


def segment_count(length: int, segment_size: int) -> int:
    """How many segments `length` bytes of plaintext have: at least one, so that an empty object has a tag."""
    return max(1, -(-length // segment_size))


def sealed_length(length: int, segment_size: int) -> int:
    """The size of the file that holds `length` bytes of plaintext."""
    return length + TAG_BYTES * segment_count(length, segment_size)


def fits(length: int, segment_size: int) -> bool:
    """Whether the format can number the segments of so many bytes."""
    return segment_count(length, segment_size) <= _MAX_SEGMENTS


def wrap(kek: bytes, nonce: bytes, dek: bytes, *, ctx: bytes, kek_id: bytes, length: int, category: int) -> bytes:
    """wrap_o: an object's key under a key-encryption key, bound to the object's length and category."""
    return nonce + AESGCM(kek).encrypt(nonce, dek, _wrap_aad(ctx, kek_id, length, category))


def unwrap(kek: bytes, wrapped: bytes, *, ctx: bytes, kek_id: bytes, length: int, category: int) -> bytes:
    """The key that `wrap` wrapped. Raises InvalidTag when any part of it differs."""
    aad = _wrap_aad(ctx, kek_id, length, category)
    return AESGCM(kek).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], aad)


def name_cipher(kek: bytes) -> AESGCM:
    """The cipher of names sealed under a key-encryption key."""
    return AESGCM(derive(kek, b"ladocs/v1/name"))


def name_aad(delivery_id: bytes, school_id: int, category: int, object_id: bytes) -> bytes:
    """What binds a sealed name to its delivery."""
    return delivery_id + struct.pack(">QI", school_id, category) + object_id


def index_key(kek: bytes) -> bytes:
    """The key of name tokens."""
    return derive(kek, b"ladocs/v1/index")


def carried_id(kek_id: bytes) -> bytes:
    """Under which id the key box holds the tokens' key of a key that took over another's names."""
    return sha256(b"ladocs/v1/index-of\0" + kek_id).digest()[:ID_BYTES]


def token(key: bytes, folder: bytes, name: str) -> bytes:
    """What finds a name in a folder: the same for names that differ in case or composition alone."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return hmac.digest(key, folder + text.encode("utf-8", "surrogatepass"), "sha256")[:TOKEN_BYTES]


def _wrap_aad(ctx: bytes, kek_id: bytes, length: int, category: int) -> bytes:
    return b"ladocs/v1/wrap\0" + ctx + kek_id + struct.pack(">QI", length, category)
