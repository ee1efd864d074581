"""Which names a document may carry [R8], the name that would do, and `name (2).pdf` [R7].

Called by publishing. Pure and thread-safe; raises nothing: a verdict is returned.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import count

from gateway.quiet import is_quiet_name

MAX_CHARACTERS = 100
MAX_BYTES = 200
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"]
)


def fault(name: str) -> str | None:
    """What is wrong with `name`, in a few words, or None where every client can carry it."""
    rows = (
        (not name.strip(" ."), "is empty"),
        (unicodedata.normalize("NFC", name) != name, "is not in the composed form of Unicode (NFC)"),
        (
            any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in name),
            "holds a control character",
        ),
        (_FORBIDDEN.search(name) is not None, 'holds one of < > : " / \\ | ? *'),
        (name.partition(".")[0].rstrip(" ").casefold() in _RESERVED, "is a device name of Windows"),
        (name != name.strip(" ") or name.endswith("."), "begins or ends with a space, or ends with a dot"),
        (is_quiet_name(name), "is one that Windows, macOS or Office use for files of their own"),
        (len(name) > MAX_CHARACTERS, f"is longer than {MAX_CHARACTERS} characters"),
        (len(name.encode("utf-8", "replace")) > MAX_BYTES, f"is longer than {MAX_BYTES} bytes in UTF-8"),
    )
    return next((text for applies, text in rows if applies), None)


def proposal(name: str) -> str:
    """The nearest name to `name` that has no fault: `name` itself where it has none."""
    if fault(name) is None:
        return name
    text = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
    text = _FORBIDDEN.sub("-", text).strip(" ").rstrip(". ")
    text = text.lstrip("~$") if text.startswith("~$") else text
    text = text.removeprefix("._")
    if text.partition(".")[0].rstrip(" ").casefold() in _RESERVED or is_quiet_name(text):
        text = f"_{text}"
    return _cut(text.strip(" ") or "document", "")


def numbered(name: str) -> Iterator[str]:
    """`name`, then `name (2)`, `name (3)` … before the extension, each within the limits."""
    yield name
    for number in count(2):
        yield _cut(name, f" ({number})")


def _cut(name: str, mark: str) -> str:
    """`name` with `mark` before its extension, the stem shortened to keep both limits."""
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > 12:
        stem, dot, extension = name, "", ""
    while True:
        made = f"{stem.rstrip(' .') or stem}{mark}{dot}{extension}"
        if len(made) <= MAX_CHARACTERS and len(made.encode()) <= MAX_BYTES:
            return made
        stem = stem[:-1]
