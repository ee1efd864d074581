"""A signed statement: JSON that says something, with a digest of each of its parts among what is signed.

Made where an access review is confirmed, read by `ladocs review verify`. Pure. A statement has one form alone, to the
byte, in ASCII; for any changed byte `differences` says which part it is in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policy.audit.checkpoint import PublicKeys, key_id

_DOMAIN = b"ladocs/v1/statement\0"
_PARTS = {"digests", "form", "said", "signature", "signer"}
_SIGNATURE = re.compile(r"[0-9a-f]{128}")


def signed(form: str, said: Mapping[str, Any], key: Ed25519PrivateKey) -> str:
    """The statement of this form (`ladocs-review/1`) that says `said`, plain JSON. The same words make one text."""
    digests = {part: _digest(value) for part, value in _parts(said)}
    sealed = {"digests": digests, "form": form, "signer": key_id(key.public_key())}
    signature = key.sign(_DOMAIN + _text(sealed).encode()).hex()
    return _text({**sealed, "said": said, "signature": signature})


def said(statement: str) -> dict[str, Any]:
    """What a statement of ours says, whether or not it is as it was signed."""
    found: dict[str, Any] = json.loads(statement)["said"]
    return found


def differences(data: bytes, form: str, keys: PublicKeys) -> list[str]:
    """What differs from what one of `keys` signed, a line of text for each; empty where all holds."""
    try:
        text = data.decode("ascii")
        found = json.loads(text)
    except UnicodeDecodeError as exc:
        return [f"line {data[: exc.start].count(10) + 1}: byte {exc.start} is not of this form"]
    except (ValueError, RecursionError) as exc:
        where = f"line {exc.lineno}" if isinstance(exc, json.JSONDecodeError) else "the file"
        return [f"{where}: this is not the JSON that was signed"]
    if not isinstance(found, dict) or set(found) != _PARTS or not isinstance(found["digests"], dict):
        return [f"the file does not hold {', '.join(sorted(_PARTS))}, and these alone"]
    differs = [*_changed(found["said"], found["digests"]), *_unsigned(found, form, keys)]
    if not differs and _text(found) != text:
        differs.append(f"line {_first_other_line(_text(found), text)}: it is not written as it was signed")
    return differs


def _changed(said: object, digests: Mapping[str, Any]) -> Iterator[str]:
    now = dict(_parts(said)) if isinstance(said, dict) else {}
    yield from (f"said, {part}: it is not what was signed" for part in now if _digest(now[part]) != digests.get(part))
    yield from (f"said, {part}: it was left out" for part in digests if part not in now)


def _unsigned(found: Mapping[str, Any], form: str, keys: PublicKeys) -> Iterator[str]:
    if found["form"] != form:
        yield f"form: it is not {form}"
    key = keys.get(str(found["signer"]))
    if key is None:
        yield f"signer: {str(found['signer'])[:40]} is none of the keys that are trusted"
        return
    if not isinstance(found["signature"], str) or not _SIGNATURE.fullmatch(found["signature"]):
        yield "signature: it is not of this form"
        return
    try:
        sealed = {part: found[part] for part in ("digests", "form", "signer")}
        key.verify(bytes.fromhex(found["signature"]), _DOMAIN + _text(sealed).encode())
    except InvalidSignature:
        yield "signature: it does not hold, or the digests or the form were changed"


def _parts(said: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each value by its name; of a list each of its parts, and how many they are."""
    for name, value in said.items():
        if isinstance(value, list):
            yield f"{name}, how many", len(value)
            yield from ((f"{name}, number {number}", one) for number, one in enumerate(value, 1))
        else:
            yield name, value


def _digest(value: Any) -> str:
    return sha256(_text(value).encode()).hexdigest()


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, indent=1) + "\n"


def _first_other_line(wanted: str, given: str) -> int:
    pairs = zip(wanted.split("\n"), given.split("\n"), strict=False)
    return next((number for number, (one, other) in enumerate(pairs, 1) if one != other), wanted.count("\n") + 1)
