"""Recovery codes [R13]: ten, for whoever has lost the authenticator; shown once, each good once.

A code is 50 random bits as ten Crockford characters, kept as a keyed hash under a key outside the database. Used by the
authenticator and by enrolment. Functions act within the caller's transaction. Thread-safe.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from auth import crockford
from auth.models import RecoveryCode
from config.entropy import Entropy
from config.secrets import DEVICE_KEY, Secrets

HOW_MANY = 10

_CHARACTERS = 10


class RecoveryCodes:
    """Makes and recognises recovery codes."""

    def __init__(self, secrets: Secrets, entropy: Entropy) -> None:
        self._secrets = secrets
        self._entropy = entropy

    def replace(self, connection: Connection, account_id: int, at: datetime) -> tuple[str, ...]:
        """Ten new codes as they are shown, once, in two groups of five; those before end."""
        connection.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
        codes = [self._draw() for _ in range(HOW_MANY)]
        key = self._secrets.current(DEVICE_KEY)
        rows = [
            {"account_id": account_id, "key_id": key.id, "hash": _hash(key.value, account_id, code), "created_at": at}
            for code in codes
        ]
        connection.execute(insert(RecoveryCode), rows)
        return tuple(crockford.grouped(code, 5) for code in codes)

    def spend(self, connection: Connection, account_id: int, typed: str, at: datetime) -> bool:
        """Use up the code that was typed: True for one caller alone among all processes."""
        text = crockford.canonical(typed, _CHARACTERS)
        if text is None:
            return False
        unused = select(RecoveryCode.id, RecoveryCode.key_id, RecoveryCode.hash).where(
            RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None)
        )
        matching = [
            row.id
            for row in connection.execute(unused)
            if hmac.compare_digest(row.hash, _hash(self._secrets.get(DEVICE_KEY, row.key_id).value, account_id, text))
        ]
        if not matching:
            return False
        won = update(RecoveryCode).where(RecoveryCode.id == matching[0], RecoveryCode.used_at.is_(None))
        return connection.execute(won.values(used_at=at)).rowcount == 1

    def _draw(self) -> str:
        number = int.from_bytes(self._entropy(7), "big") >> 6  # 50 bits
        return "".join(crockford.DIGITS[number >> shift & 31] for shift in range(45, -1, -5))


def looks_like_one(typed: str) -> bool:
    """Is this a recovery code by its form? A one-time code, which has six digits, never is."""
    return crockford.canonical(typed, _CHARACTERS) is not None


def is_spent(connection: Connection, account_id: int, at: datetime) -> bool:
    """Was one of the codes that the account has now used up at `at`?"""
    used = select(RecoveryCode.id).where(RecoveryCode.account_id == account_id, RecoveryCode.used_at == at)
    return connection.execute(used).first() is not None


def left(connection: Connection, account_id: int) -> int:
    """How many codes are still good."""
    unused = select(func.count()).where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
    return connection.execute(unused).scalar_one()


def _hash(key: bytes, account_id: int, code: str) -> bytes:
    return hmac.digest(key, b"ladocs recovery code %d\0" % account_id + code.encode(), hashlib.sha256)
