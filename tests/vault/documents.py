"""Documents for the vault's tests: sealed in a line, and described as the database would describe them."""

from __future__ import annotations

import random
from datetime import date

from config.database import Database
from gateway.vault.models import Purpose
from gateway.vault.vault import ObjectRef, Vault

DAY = date(2027, 2, 21)
"""The 90th day after the day on which the tests' clock stands."""

KEK_ID, KEK = b"k" * 16, b"K" * 32
OTHER_KEK_ID, OTHER_KEK = b"o" * 16, b"O" * 32
CATEGORY = 3
SEGMENT = 64


def content(length: int, seed: int = 1) -> bytes:
    """Bytes of no pattern, the same each time."""
    return random.Random(seed).randbytes(length)


def stored(vault: Vault, database: Database, data: bytes, *, segment_size: int = SEGMENT, day: date = DAY) -> ObjectRef:
    """Seal `data` and wrap its key; what the database would say of it."""
    with vault.seal(segment_size) as sealing:
        sealing.write(data)
        sealed = sealing.finish()
    with database.write() as connection:
        wrapped = vault.wrap(connection, sealed, purpose=Purpose.PUBLISH, day=day, category_id=CATEGORY)
    return ObjectRef(
        object_id=sealed.object_id,
        kek_id=wrapped.kek_id,
        wrap=wrapped.wrap,
        length=sealed.length,
        category_id=CATEGORY,
        segment_size=segment_size,
    )


def read_whole(vault: Vault, ref: ObjectRef) -> bytes:
    """The plaintext, by one read."""
    blob = vault.open(ref)
    try:
        return blob.pread(0, ref.length)
    finally:
        blob.close()
