"""SSH public keys as OpenSSH writes them (sshd(8), AUTHORIZED_KEYS FILE FORMAT), with `from=` and no other option.

Used by the authenticator and the commands. Functions act within the caller's transaction. Thread-safe. Raises
OperatorError for what a person asked wrongly.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from sqlalchemy import Connection, insert, select, update

from auth import endings, networks
from auth.labels import label
from auth.models import SshKey
from auth.verdicts import RefusalReason
from config.errors import OperatorError

SHORTEST_RSA = 3072

_LINE = re.compile(
    r"""(?:(?P<options>(?:[^\s"]|"[^"]*")+)\s+)?(?P<type>[a-z0-9@.-]+)\s+(?P<blob>AAAA[A-Za-z0-9+/=]+)(?:[ \t].*)?"""
)
_FROM = re.compile(r'from="(?P<networks>[^"]+)"', re.IGNORECASE)
_LONGEST = 16384


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that is strong enough. `text` is `type base64`, `networks` what its line's `from=` said."""

    text: str
    fingerprint: str
    networks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyRow:
    """A key of an account. `networks` is comma-separated CIDR, empty for anywhere. Times are aware UTC."""

    id: int
    account_id: int
    fingerprint: str
    public_key: str
    name: str
    networks: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_address: str
    last_client: str
    revoked_at: datetime | None
    suspended_at: datetime | None

    def objection(self, address: str, at: datetime) -> RefusalReason | None:
        """What speaks against its use from `address` at `at`; None where nothing does."""
        ended = self.revoked_at is not None or (self.expires_at is not None and at >= self.expires_at)
        rows = (
            (ended, RefusalReason.CREDENTIAL_ENDED),
            (self.suspended_at is not None, RefusalReason.REVIEW_OVERDUE),
            (not networks.permitted(address, self.networks), RefusalReason.OTHER_NETWORK),
        )
        return next((reason for applies, reason in rows if applies), None)


def parse(line: str) -> PublicKey:
    """The key of one line of an OpenSSH `.pub` or `authorized_keys` file. Raises OperatorError."""
    text = line.strip()
    if "PRIVATE KEY" in text:
        raise OperatorError("This is a private key, which stays with its owner: give the file that ends in .pub.")
    match = _LINE.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise OperatorError("This is not an OpenSSH public key: give one line that begins ssh-ed25519 AAAA...")
    kept = f"{match['type']} {match['blob']}"
    try:
        key = load_ssh_public_key(kept.encode())
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise OperatorError(
            f"Keys of type {match['type']} are not accepted: make one with ssh-keygen -t ed25519."
        ) from exc
    _refuse_weak(key)
    return PublicKey(kept, fingerprint_of(match["blob"]), _from_option(match["options"]))


def fingerprint_of(blob: str) -> str:
    """`SHA256:...` as ssh-keygen -l shows it, of a key's base64 part. Raises ValueError."""
    digest = hashlib.sha256(base64.b64decode(blob, validate=True)).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def add(
    connection: Connection,
    account_id: int,
    openssh_text: str,
    name: str,
    *,
    at: datetime,
    bound_to: Iterable[str] = (),
    expires_at: datetime | None = None,
) -> KeyRow:
    """Give an account a key. `bound_to` goes before the line's own `from=`."""
    key = parse(openssh_text)
    kept = label(name, "A key carries the name of where it lives: for example 'Office PC'.")
    if expires_at is not None and expires_at <= at:
        raise OperatorError("This key would have ended before it began: give a later day.")
    earlier = _one(connection, account_id, SshKey.fingerprint == key.fingerprint)
    if earlier is not None:
        state = "has this key already" if earlier.revoked_at is None else "had this key, and it was removed for good"
        raise OperatorError(f"The account {state} ('{earlier.name}'): make a new one with ssh-keygen -t ed25519.")
    row = insert(SshKey).values(
        account_id=account_id,
        fingerprint=key.fingerprint,
        public_key=key.text,
        name=kept,
        networks=networks.joined(tuple(bound_to) or key.networks),
        created_at=at,
        expires_at=expires_at,
    )
    endings.end_trust(connection, account_id)
    return KeyRow(**connection.execute(row.returning(SshKey.__table__)).mappings().one())


def match(connection: Connection, account_id: int | None, openssh_public: str) -> KeyRow | None:
    """The key of this account that was offered as `type base64`, in whatever standing: ask its `objection`."""
    try:
        fingerprint = fingerprint_of(openssh_public.split()[1])
    except (ValueError, IndexError):
        return None
    return _one(connection, account_id or 0, SshKey.fingerprint == fingerprint)


def get(connection: Connection, account_id: int, key_id: int) -> KeyRow | None:
    """One key of an account."""
    return _one(connection, account_id, SshKey.id == key_id)


def listing(connection: Connection, account_id: int) -> list[KeyRow]:
    """Every key of an account, the oldest first, removed ones too."""
    rows = connection.execute(select(SshKey.__table__).where(SshKey.account_id == account_id).order_by(SshKey.id))
    return [KeyRow(**row) for row in rows.mappings()]


def remove(connection: Connection, account_id: int, key_id: int, at: datetime) -> None:
    """End a key for good; the caller bumps the counter that every process watches."""
    live = update(SshKey).where(SshKey.id == key_id, SshKey.account_id == account_id, SshKey.revoked_at.is_(None))
    if connection.execute(live.values(revoked_at=at)).rowcount == 0:
        raise OperatorError(f"This account has no live key {key_id}: see 'ladocs key list'.")
    endings.end_trust(connection, account_id)


def set_suspended(connection: Connection, key_id: int, at: datetime | None) -> None:
    """Let a key wait for an access review since `at`, or with None be good again; the caller bumps the counter."""
    connection.execute(update(SshKey).where(SshKey.id == key_id).values(suspended_at=at))


def _refuse_weak(key: object) -> None:
    if isinstance(key, RSAPublicKey) and key.key_size < SHORTEST_RSA:
        raise OperatorError(f"This RSA key has {key.key_size} bits: at least {SHORTEST_RSA}, or ssh-keygen -t ed25519.")
    if not isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey):
        raise OperatorError("Keys of this type are not accepted: make one with ssh-keygen -t ed25519.")


def _from_option(options: str | None) -> tuple[str, ...]:
    if not options:
        return ()
    match = _FROM.fullmatch(options)
    if match is None:
        raise OperatorError('Of the options before a key only from="192.0.2.0/24" is understood: leave the others out.')
    return tuple(networks.canonical(network) for network in match["networks"].split(","))


def _one(connection: Connection, account_id: int, condition: Any) -> KeyRow | None:
    rows = connection.execute(select(SshKey.__table__).where(SshKey.account_id == account_id, condition))
    row = rows.mappings().one_or_none()
    return None if row is None else KeyRow(**row)
