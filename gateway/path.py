"""`VirtualPath`: the one normaliser of paths. Bytes at the wire, `VirtualPath` inside.

Called by the adapters, once per request. A path is only ever looked up in the catalogue; nothing here or later makes a
host path of it. Pure and thread-safe. Raises only NotFound.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from gateway.errors import NotFound

MAX_BYTES = 4096
MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class VirtualPath:
    """An absolute path: its names from the root, NFC, none empty, none `.` or `..`. The root has no names."""

    names: tuple[str, ...] = ()

    @classmethod
    def parse(cls, raw: bytes | str) -> VirtualPath:
        """The path that `raw` names, relative paths taken from the root.

        `//`, `.` and `..` are resolved by the names alone (RFC 3986, section 5.2.4); `..` above the root stays there.
        Raises NotFound for what no document could ever be called: bad UTF-8, control characters, too long, too deep.
        """
        if isinstance(raw, bytes):
            if len(raw) > MAX_BYTES:
                raise NotFound
            try:
                raw = raw.decode("utf-8")
            except UnicodeDecodeError as exc:
                raise NotFound from exc
        if len(raw) > MAX_BYTES or any(unicodedata.category(c) in ("Cc", "Cs") for c in raw):
            raise NotFound
        names: list[str] = []
        for name in unicodedata.normalize("NFC", raw).split("/"):
            if name == "..":
                del names[-1:]
            elif name not in ("", "."):
                names.append(name)
        if len(names) > MAX_DEPTH:
            raise NotFound
        return cls(tuple(names))

    @property
    def name(self) -> str:
        """The last name, or an empty string for the root."""
        return self.names[-1] if self.names else ""

    @property
    def parent(self) -> VirtualPath:
        """The folder above; the root is its own parent."""
        return VirtualPath(self.names[:-1])

    def joinpath(self, name: str) -> VirtualPath:
        """The path of `name` (one clean name) in this folder."""
        return VirtualPath((*self.names, name))

    def __str__(self) -> str:
        return "/" + "/".join(self.names)
