"""Names of things that were asked for and refused: kept so that two can be compared, never so that one can be read."""

from __future__ import annotations

import hashlib
import hmac

_DOMAIN = b"ladocs/audit/name/v1\x00"
_MARK = "#"
_HASH_BYTES = 16


def hashed_name(key: bytes, folder: str, rest: str) -> str:
    """`folder` in clear, then `#` and 32 hex digits: HMAC-SHA-256 under `key` of folder and `rest`, cut at 16 bytes."""
    text = f"{folder}\x00{rest}".encode("utf-8", "surrogatepass")
    digest = hmac.new(key, _DOMAIN + text, hashlib.sha256).digest()[:_HASH_BYTES]
    return f"{folder}{_MARK}{digest.hex()}"


def folder_of(name: str) -> str:
    """The folder of a hashed name; any other object stands for itself."""
    folder, mark, digest = name.rpartition(_MARK)
    return folder if mark and len(digest) == 2 * _HASH_BYTES else name
