"""A certificate of destruction: what was destroyed, when and how, as signed lines of ASCII (docs/vault-format.md).

Made by `gateway.destruction`, read by `ladocs certificate`. Pure. A file has one form alone; each line has a digest of
its own among what is signed, so that for any changed byte `differences` says in which line it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policy.audit.checkpoint import PublicKeys, key_id

FIRST = "ladocs-certificate/1"
_DOMAIN = b"ladocs/v1/certificate\0"
_DIGESTS = re.compile(r"digests( [0-9a-f]{64})+")
_SIGNER = re.compile(r"signer [0-9a-f]{16}")
_SIGNATURE = re.compile(r"signature [0-9a-f]{128}")
_SHOWN = 60


def signed(said: Sequence[str], key: Ed25519PrivateKey) -> bytes:
    """The certificate that says `said`, line by line, signed. The same words make the same bytes."""
    lines = [FIRST, *said]
    seal = f"digests {' '.join(_digest(line) for line in lines)}\nsigner {key_id(key.public_key())}\n"
    signature = key.sign(_DOMAIN + seal.encode("ascii")).hex()
    return ("\n".join(lines) + f"\n{seal}signature {signature}\n").encode("ascii")


def differences(data: bytes, keys: PublicKeys) -> list[str]:
    """What differs from what one of `keys` signed, a line of text for each; empty where all holds."""
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError as exc:
        return [f"line {data[: exc.start].count(10) + 1}: byte {exc.start} is not of this form"]
    if len(lines) < 5 or lines.pop():
        return ["the file is cut short, or does not end with its signature's line"]
    *said, digests, signer, signature = lines
    for back, (form, line) in enumerate(((_SIGNATURE, signature), (_SIGNER, signer), (_DIGESTS, digests))):
        if not form.fullmatch(line):
            return [f"line {len(lines) - back}: '{line[:_SHOWN]}' is not of this form"]
    found = _changed(said, digests.split(" ")[1:])
    named = signer.split(" ")[1]
    key = keys.get(named)
    if key is None:
        return [*found, f"line {len(lines) - 1}: the signer {named} is none of the keys that are trusted"]
    try:
        key.verify(bytes.fromhex(signature.split(" ")[1]), _DOMAIN + f"{digests}\n{signer}\n".encode("ascii"))
    except InvalidSignature:
        found.append("the signature does not hold: it, or the line of digests, was changed")
    return found


def _changed(said: Sequence[str], digests: Sequence[str]) -> list[str]:
    if len(said) != len(digests):
        return [f"there are {len(said)} lines for {len(digests)} digests: lines were added or left out"]
    return [
        f"line {number}: '{line[:_SHOWN]}' is not what was signed"
        for number, (line, digest) in enumerate(zip(said, digests, strict=True), start=1)
        if _digest(line) != digest
    ]


def _digest(line: str) -> str:
    return sha256(line.encode("ascii")).hexdigest()
