"""One request to the drive after its sign-in: who asks, for what, and which entity stands there.

Made by `app`, carried in the WSGI environ through wsgidav to the provider and the handlers. Belongs to one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote

from gateway.path import VirtualPath
from gateway.tree import Attributes, FileSystem, Handle
from gateway.webdav.answers import Environ

KEY = "ladocs.call"
_SAFE = ""  # all but letters, digits and -._~ is escaped: neon compares hrefs as they stand, lftp reads no entities


@dataclass(slots=True)
class Call:
    """`attributes` and `handle` are filled in once they are known, so that wsgidav asks for nothing twice."""

    fs: FileSystem
    path: VirtualPath
    body: bytes = b""
    attributes: Attributes | None = None
    handle: Handle | None = None
    with_quota: bool = False
    _usage: int | None = None

    def stat(self) -> Attributes:
        """What stands at the path. Raises FSError."""
        if self.attributes is None:
            self.attributes = self.fs.stat(self.path)
        return self.attributes

    def used_bytes(self) -> int:
        """All that this person sees, in bytes (RFC 4331). Raises FSError."""
        if self._usage is None:
            self._usage = self.fs.usage()
        return self._usage

    def close(self) -> None:
        """Close the handle, if one was opened. Idempotent."""
        if self.handle is not None:
            self.handle.close()


def call_of(environ: Environ) -> Call:
    """The call that `app` put there."""
    call = environ[KEY]
    assert isinstance(call, Call)
    return call


_ESCAPES = {code: quote(chr(code), safe=_SAFE) for code in range(128)}


def quote_name(name: str) -> str:
    """`name` percent-encoded; plain translation for ASCII, because listings quote thousands."""
    return name.translate(_ESCAPES) if name.isascii() else quote(name, safe=_SAFE)


def href(path: VirtualPath, *, is_folder: bool) -> str:
    """The absolute path of a resource as clients ask for it; folders end in a slash (RFC 4918, section 5.2)."""
    quoted = "/" + "/".join(map(quote_name, path.names))
    return f"{quoted}/" if is_folder and path.names else quoted


@lru_cache(maxsize=4096)
def http_date(at: datetime) -> str:
    """`at` (aware UTC) as RFC 9110, section 5.6.7, writes it."""
    return format_datetime(at, usegmt=True)
