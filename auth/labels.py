"""Names that people give: of a person, a script, a device, a key.

They stand in mails, pages, lists and terminals, so what cannot be seen, ends a line or turns the text round is not
kept. Pure functions.
"""

from __future__ import annotations

import unicodedata

from config.errors import OperatorError

LONGEST = 200


def cleaned(text: str) -> str:
    """`text` as it is kept: composed (NFC), single spaces, nothing that cannot be seen; empty where nothing is left."""
    seen = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text)
    return " ".join(unicodedata.normalize("NFC", seen).split())


def label(text: str, without: str) -> str:
    """`cleaned`. Raises OperatorError: with the sentence `without` where nothing is left, and for too long a name."""
    kept = cleaned(text)
    if not kept:
        raise OperatorError(without)
    if len(kept) > LONGEST:
        raise OperatorError(f"This name has {len(kept)} characters: give one of {LONGEST} at most.")
    return kept
