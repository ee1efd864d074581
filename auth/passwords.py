"""Passwords [R12]: Argon2id over a peppered HMAC, and the rules for choosing one.

Used by the authenticator and the commands. A stored hash reads `<pepper id>$argon2id$...`, so that the pepper can be
changed while older hashes still verify. Thread-safe. A password is never kept, logged or part of an error.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from auth import choice
from auth.argon import ArgonGate
from config.entropy import Entropy
from config.errors import OperatorError
from config.secrets import PASSWORD_PEPPER, Secrets

_SALT_BYTES = 16
_HASH_BYTES = 32
_LONGEST_BYTES = 4096  # what the longest that settings permit takes in UTF-8; 128 characters, in whatever form, a third


@dataclass(frozen=True, kw_only=True, slots=True)
class PasswordRules:
    """Lengths in characters after normalisation; Argon2's cost in KiB and passes. Settings may raise, not lower."""

    minimum: int = 12
    minimum_staff: int = 15
    maximum: int = 128
    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1
    own_words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lowest = (("minimum", 12), ("minimum_staff", 15), ("maximum", 128), ("memory_kib", 19456), ("passes", 2))
        for field, least in lowest:
            if getattr(self, field) < least:
                raise OperatorError(f"password.{field} may be raised but not lowered: at least {least}.", exit_status=2)


class Passwords:
    """Makes and verifies hashes, behind the gate."""

    def __init__(self, secrets: Secrets, entropy: Entropy, gate: ArgonGate, rules: PasswordRules) -> None:
        self._secrets = secrets
        self._entropy = entropy
        self.gate = gate
        self.rules = rules
        self._argon2 = PasswordHasher(
            time_cost=rules.passes,
            memory_cost=rules.memory_kib,
            parallelism=rules.lanes,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
            type=Type.ID,
        )
        self._nobodys = _encoded_zeroes(rules)

    def hash(self, text: str, *, known: bool = True) -> str:
        """The hash to store. Raises GateBusy; ValueError for text that is no Unicode."""
        pepper = self._secrets.current(PASSWORD_PEPPER)
        mixed = _mix(pepper.value, text)
        salt = self._entropy(_SALT_BYTES)
        return f"{pepper.id}{self.gate.run(lambda: self._argon2.hash(mixed, salt=salt), known=known)}"

    def verify(self, stored: str | None, text: str, *, known: bool = False) -> bool:
        """Does `text` match? With None an Argon2 of the same cost runs and nothing matches. Raises GateBusy."""
        pepper_id, dollar, rest = (stored or "").partition("$")
        encoded = f"{dollar}{rest}" if stored else self._nobodys
        pepper = self._secrets.get(PASSWORD_PEPPER, pepper_id) if stored else self._secrets.current(PASSWORD_PEPPER)
        try:
            mixed = _mix(pepper.value, text)
        except ValueError:
            encoded, mixed = self._nobodys, b""
        return self.gate.run(lambda: self._matches(encoded, mixed), known=known) and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Was `stored` made under an older pepper or at another cost?"""
        pepper_id, dollar, rest = stored.partition("$")
        return pepper_id != self._secrets.current(PASSWORD_PEPPER).id or self._argon2.check_needs_rehash(
            f"{dollar}{rest}"
        )

    def check_choice(self, text: str, *, words: Iterable[str] = (), staff: bool = False) -> None:
        """Raises OperatorError, one line that says which rule speaks against `text` and what would do.

        `words` are the person's own (name, address, school); those of the authority come with the rules. Raises nothing
        else, whatever was typed. Who asks shows `three_words` beside it: a message may end in a log, and they do not.
        """
        objection = self._objection(text, words, self.rules.minimum_staff if staff else self.rules.minimum)
        if objection is not None:
            raise OperatorError(f"{objection}: three random words are a good password.")

    def _objection(self, text: str, words: Iterable[str], minimum: int) -> str | None:
        length = f"A password has {minimum} to {self.rules.maximum} characters"
        try:
            chosen = normalised(text)
        except UnicodeEncodeError:
            return "This password holds something that is not a character"
        except ValueError:
            return length
        if not minimum <= len(chosen) <= self.rules.maximum:
            return length
        return choice.objection(chosen, (*self.rules.own_words, *words))

    def three_words(self, *, staff: bool = False) -> str:
        """A password of three random words, 36 bits: enough behind [R18] and a second factor."""
        return choice.three_words(self._entropy, self.rules.minimum_staff if staff else self.rules.minimum)

    def _matches(self, encoded: str, mixed: bytes) -> bool:
        try:
            return self._argon2.verify(encoded, mixed)
        except (VerificationError, InvalidHashError):
            return False


def normalised(text: str) -> str:
    """One form for what keyboards type in several: blanks as such, then NFC (RFC 8265, section 4.2.2).

    Raises ValueError: UnicodeEncodeError where a surrogate stands alone.
    """
    if len(text.encode()) > _LONGEST_BYTES:
        raise ValueError("too long")
    blank = "".join(" " if unicodedata.category(character) == "Zs" else character for character in text)
    return unicodedata.normalize("NFC", blank)


def _mix(pepper: bytes, text: str) -> bytes:
    return hmac.digest(pepper, normalised(text).encode(), hashlib.sha256)


def _encoded_zeroes(rules: PasswordRules) -> str:
    cost = f"m={rules.memory_kib},t={rules.passes},p={rules.lanes}"
    salt, digest = (base64.b64encode(bytes(n)).decode().rstrip("=") for n in (_SALT_BYTES, _HASH_BYTES))
    return f"$argon2id$v=19${cost}${salt}${digest}"
