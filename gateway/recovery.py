"""The recovery key: what a backup's secrets are sealed to. Its private half is kept by people, offline.

HPKE (RFC 9180) in base mode with X25519, HKDF-SHA256 and AES-256-GCM. The home holds the public half alone. Called by
`init`, `gateway.backup` and `gateway.restoring`. Raises OperatorError. Thread-safe.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from config.errors import OperatorError
from config.files import write_durably

PUBLIC_FILE = "recovery.pub"
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO = b"ladocs backup secrets 1"
_PRIVATE = "ladocs-recovery-1-"


def make(home: Path) -> str:
    """A new pair for the home: the private half as a line of text, to be shown once. The public one is kept."""
    key = X25519PrivateKey.generate()
    write_durably(home / PUBLIC_FILE, key.public_key().public_bytes_raw().hex().encode() + b"\n")
    return _PRIVATE + key.private_bytes_raw().hex()


def public_key(home: Path) -> X25519PublicKey:
    """The public half in the home."""
    try:
        return X25519PublicKey.from_public_bytes(bytes.fromhex((home / PUBLIC_FILE).read_text("ascii").strip()))
    except FileNotFoundError as exc:
        raise OperatorError(
            "This home has no recovery key yet: make one with 'ladocs backup DIR --new-recovery-key FILE'."
        ) from exc
    except ValueError as exc:
        raise OperatorError(f"{home / PUBLIC_FILE} is damaged: make a new one with --new-recovery-key FILE.") from exc


def private_key(file: Path) -> X25519PrivateKey:
    """The private half, from the file in which somebody kept it."""
    try:
        _, _, value = file.read_text("ascii").strip().partition(_PRIVATE)
        return X25519PrivateKey.from_private_bytes(bytes.fromhex(value))
    except OSError as exc:
        raise OperatorError(f"The recovery key {file} cannot be read: {exc.strerror}.", exit_status=2) from exc
    except ValueError:
        # The line is a secret or a part of one: nothing of it may stand in what is shown.
        raise OperatorError(
            f"{file} holds no recovery key: it is one line that begins with {_PRIVATE}.", exit_status=2
        ) from None


def seal(plain: bytes, key: X25519PublicKey) -> bytes:
    """`plain`, for whoever has the private half."""
    return _SUITE.encrypt(plain, key, info=_INFO)


def unseal(sealed: bytes, key: X25519PrivateKey) -> bytes:
    """What was sealed."""
    try:
        return _SUITE.decrypt(sealed, key, info=_INFO)
    except (InvalidTag, ValueError) as exc:
        raise OperatorError("The backup was not sealed to this recovery key: give the one of that home.") from exc
