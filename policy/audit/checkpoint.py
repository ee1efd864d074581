"""A checkpoint: a signed head of the record, as one line of ASCII that fits a mail, a log and a printout.

Made by `Checkpointer` and `ladocs audit checkpoint`, read by `ladocs audit verify`. Pure; docs/audit-format.md is its
text. A line has one form alone: whatever was changed in it, in any byte, is either not of that form or not signed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from policy.audit.chain import Head

MARK = "ladocs-checkpoint/1 "
BRIEF = "ladocs-head/1:"
_DOMAIN = b"ladocs/v1/checkpoint\0"
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_NUMBER = "0|[1-9][0-9]{0,17}"
_FORM = re.compile(
    rf"(?P<said>ladocs-checkpoint/1 origin=(?P<origin>[a-z0-9.:-]{{1,253}}) records=(?P<records>{_NUMBER})"
    rf" batch=(?P<batch>{_NUMBER}) link=(?P<link>[0-9a-f]{{64}})"
    r" time=(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z) key=(?P<key>[0-9a-f]{16}))"
    r" sig=(?P<signature>[0-9a-f]{128})"
)

PublicKeys = Mapping[str, Ed25519PublicKey]
"""By the id that stands in a checkpoint."""


class NotACheckpoint(ValueError):
    """The text has not the form of a checkpoint."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was signed, by whom, and the signature. That it holds is for `is_signed` to say."""

    origin: str
    head: Head
    at: datetime
    key_id: str
    signature: bytes

    @classmethod
    def sign(cls, key: Ed25519PrivateKey, *, origin: str, head: Head, at: datetime) -> Checkpoint:
        """The checkpoint of `head` at `at` (aware). `origin` says which installation it is, in words of its own."""
        unsigned = cls(origin, head, at.astimezone(UTC), key_id(key.public_key()), b"")
        return cls(origin, head, unsigned.at, unsigned.key_id, key.sign(_DOMAIN + unsigned._said().encode("ascii")))

    @classmethod
    def parse(cls, line: str) -> Checkpoint:
        """The checkpoint that `line` is. Raises NotACheckpoint."""
        found = _FORM.fullmatch(line)
        if found is None:
            raise NotACheckpoint("it has not the form of a checkpoint: something in it was changed or left out")
        try:
            at = datetime.strptime(found["time"], _TIME).replace(tzinfo=UTC)
        except ValueError as exc:
            raise NotACheckpoint(f"'{found['time']}' is no time: it was changed") from exc
        head = Head(int(found["batch"]), int(found["records"]), bytes.fromhex(found["link"]))
        return cls(found["origin"], head, at, found["key"], bytes.fromhex(found["signature"]))

    def is_signed(self, keys: PublicKeys) -> bool:
        """Whether one of `keys` made the signature over exactly this."""
        key = keys.get(self.key_id)
        if key is None:
            return False
        try:
            key.verify(self.signature, _DOMAIN + self._said().encode("ascii"))
        except InvalidSignature:
            return False
        return True

    def _said(self) -> str:
        return (
            f"{MARK}origin={self.origin} records={self.head.records} batch={self.head.b} link={self.head.link.hex()}"
            f" time={self.at.strftime(_TIME)} key={self.key_id}"
        )

    def __str__(self) -> str:
        return f"{self._said()} sig={self.signature.hex()}"


def brief(head: Head) -> str:
    """`head` in one word that fits the foot of a mail: size, batch, and 20 hex digits of the link."""
    return f"{BRIEF}{head.records}:{head.b}:{head.link.hex()[:20]}"


def key_id(key: Ed25519PublicKey) -> str:
    """What names `key` in a checkpoint: the first 16 hex digits of SHA-256 of its 32 bytes."""
    return sha256(key.public_bytes_raw()).hexdigest()[:16]


def as_origin(host: str) -> str:
    """`host` as it may stand in a checkpoint."""
    return re.sub(r"[^a-z0-9.:-]", "-", host.lower())[:253] or "localhost"
