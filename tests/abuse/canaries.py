"""Secrets that are known to the tests, and the search for them in whatever a service leaves behind."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

_SIX_DIGITS = re.compile(r"\d{6}")


@dataclass
class Canaries:
    """Every secret that was typed, shown or mailed, with what it was. `names` were typed where a name is asked for."""

    secrets: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)

    def add(self, what: str, secret: str, *, as_name: bool = False, is_link: bool = False) -> str:
        """Keep `secret`, which is given back."""
        assert len(secret) >= 6, what
        self.secrets[secret] = what
        if as_name:
            self.names.add(secret)
        if is_link:
            self.links.add(secret)
        return secret

    def basic(self, username: str, password: str) -> None:
        """What a browser or drive makes of a name and a password."""
        self.add(f"Basic credentials of {username}", b64encode(f"{username}:{password}".encode()).decode())

    def found_in(self, data: bytes, *, but: Collection[str] = ()) -> list[str]:
        """What stands in `data`, in any form that a secret may take; `but` is let pass."""
        low = data.lower()
        return sorted(
            what
            for secret, what in self.secrets.items()
            if secret not in but and any(_stands(form, low) for form in _forms(secret))
        )


def _forms(secret: str) -> set[str]:
    """As typed, without its hyphens, in an address, in JSON, in a header."""
    plain = {secret, secret.replace("-", "")}
    return {form.lower() for each in plain for form in (each, quote(each), quote_plus(each), json.dumps(each)[1:-1])}


def _stands(form: str, low: bytes) -> bool:
    if form.encode() not in low:
        return False
    if _SIX_DIGITS.fullmatch(form):  # a code: not the microseconds of a time, nor a part of a longer number
        return re.search(rb"(?<![0-9a-z.])" + form.encode() + rb"(?![0-9a-z])", low) is not None
    return True
