"""Time-based one-time passwords, RFC 6238: SHA-1, 30 seconds, six digits, as every authenticator app expects [R13].

Used by the authenticator and the commands. A secret lies in the database only as sealed by AES-256-GCM under the
secret `totp-seal`, bound to its account. Thread-safe. `secret` is base32 text throughout.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, delete, func, select

from auth.models import TotpUse
from auth.upsert import insert_into
from config.entropy import Entropy
from config.errors import OperatorError
from config.secrets import TOTP_SEAL, Secrets

STEP_SECONDS = 30

_SECRET_BYTES = 20  # RFC 4226, section 4, R6: 160 bits
_NONCE_BYTES = 12
_CLOSE_STEPS = (0, -1, 1)
_REMEMBERED_STEPS = 10


class Totp:
    """Makes, seals and opens secrets."""

    def __init__(self, secrets: Secrets, entropy: Entropy) -> None:
        self._secrets = secrets
        self._entropy = entropy

    def new_secret(self) -> str:
        """A fresh secret of 160 bits."""
        return base64.b32encode(self._entropy(_SECRET_BYTES)).decode()

    def seal(self, account_id: int, secret: str) -> bytes:
        """What the database keeps: length and id of the sealing secret, nonce, ciphertext and tag."""
        sealing = self._secrets.current(TOTP_SEAL)
        name = sealing.id.encode()
        nonce = self._entropy(_NONCE_BYTES)
        sealed = _cipher(sealing.value).encrypt(nonce, secret.encode(), _bound_to(account_id))
        return bytes([len(name)]) + name + nonce + sealed

    def open(self, account_id: int, sealed: bytes) -> str:
        """The secret. Raises OperatorError for bytes that were changed or moved from another account."""
        name, rest = sealed[1 : 1 + sealed[0]], sealed[1 + sealed[0] :]
        cipher = _cipher(self._secrets.get(TOTP_SEAL, name.decode()).value)
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], _bound_to(account_id)).decode()
        except InvalidTag as exc:
            mend = "reset it with ladocs account totp-reset"
            raise OperatorError(f"The sealed TOTP secret of account {account_id} does not open: {mend}.") from exc


def uri(secret: str, *, username: str, issuer: str) -> str:
    """The `otpauth://` address that a QR code carries."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer)


def code_at(secret: str, at: datetime) -> str:
    """The code of the step in which `at` lies."""
    return pyotp.TOTP(secret).at(at)


def step_for(secret: str, code: str, at: datetime) -> int | None:
    """The step that `code` belongs to: the one of `at`, the one before or the next; None for no such code.

    Blanks within a code, as apps show them, are ignored. Every step is compared, in constant time.
    """
    typed = "".join(code.split()).encode()
    totp = pyotp.TOTP(secret)
    now = totp.timecode(at)
    matching = [
        step
        for step in (now + offset for offset in _CLOSE_STEPS)
        if step >= 0 and hmac.compare_digest(totp.generate_otp(step).encode(), typed)
    ]
    return matching[0] if matching else None


def spend(connection: Connection, account_id: int, step: int) -> bool:
    """Use up a step for good: True for one caller alone among all processes.

    A step that no clock near the newest spent one accepts is spent too: a clock that goes back revives no code [R10].
    """
    newest = connection.execute(select(func.max(TotpUse.step)).where(TotpUse.account_id == account_id)).scalar()
    if newest is not None and step < newest - 2:
        return False
    row = insert_into(connection, TotpUse).values(account_id=account_id, step=step)
    won = connection.execute(row.on_conflict_do_nothing().returning(TotpUse.step)).first() is not None
    old = delete(TotpUse).where(TotpUse.account_id == account_id, TotpUse.step < step - _REMEMBERED_STEPS)
    connection.execute(old)
    return won


def is_spent(connection: Connection, account_id: int, step: int) -> bool:
    """Was this step used up?"""
    used = select(TotpUse.step).where(TotpUse.account_id == account_id, TotpUse.step == step)
    return connection.execute(used).first() is not None


def _cipher(value: bytes) -> AESGCM:
    return AESGCM(hmac.digest(value, b"ladocs totp seal, AES-256-GCM", hashlib.sha256))


def _bound_to(account_id: int) -> bytes:
    return b"ladocs totp of account %d" % account_id
