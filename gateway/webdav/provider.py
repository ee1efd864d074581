"""The drive as wsgidav sees it: a read-only provider over the caller's file system.

wsgidav dispatches each request here through its own hook, `custom_request_handler`, where `HANDLERS` answers what the
library answers otherwise than clients need (docs/decisions/0061-wsgidav.md); documents are sent by the library itself
from `Document`. Thread-safe: all state is in the request's `Call`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from wsgidav.dav_provider import DAVCollection, DAVNonCollection, DAVProvider

from gateway.errors import NotFound
from gateway.path import VirtualPath
from gateway.tree import Attributes, Handle
from gateway.webdav import get, methods, propfind
from gateway.webdav.answers import DOCUMENT_HEADERS, Environ, StartResponse
from gateway.webdav.call import call_of, href
from gateway.webdav.media import content_disposition, content_type

Handler: TypeAlias = Callable[[Environ, StartResponse, Any], Iterable[bytes]]

HANDLERS: Mapping[str, Handler] = {
    "OPTIONS": methods.options,
    "PROPFIND": propfind.respond,
    "GET": get.respond,
    "HEAD": get.respond,
}


class Folder(DAVCollection):
    """A folder."""

    def __init__(self, path: VirtualPath, environ: Environ, attributes: Attributes) -> None:
        super().__init__(str(path), environ)
        self._path, self._attributes = path, attributes

    def get_creation_date(self) -> float:
        return self._attributes.mtime.timestamp()

    def get_last_modified(self) -> float:
        return self._attributes.mtime.timestamp()

    def get_display_name(self) -> None:
        return None

    def get_href(self) -> str:
        return href(self._path, is_folder=True)

    def get_used_bytes(self) -> int | None:
        call = call_of(self.environ)
        return call.used_bytes() if call.with_quota else None

    def get_available_bytes(self) -> int | None:
        return 0 if call_of(self.environ).with_quota else None

    def get_member_list(self) -> list[Folder | Document]:
        """All members at once: by names, the library would come back for each of them."""
        entries = call_of(self.environ).fs.scandir(self._path)
        return [resource(self._path.joinpath(each.name), self.environ, each.attributes) for each in entries]

    def get_member_names(self) -> list[str]:
        return [each.name for each in call_of(self.environ).fs.scandir(self._path)]


class Document(DAVNonCollection):
    """A document."""

    def __init__(self, path: VirtualPath, environ: Environ, attributes: Attributes) -> None:
        super().__init__(str(path), environ)
        self._path, self._attributes = path, attributes

    def get_content_length(self) -> int:
        return self._attributes.size

    def get_content_type(self) -> str:
        return content_type(self._path.name)

    def get_creation_date(self) -> float:
        return self._attributes.mtime.timestamp()

    def get_last_modified(self) -> float:
        return self._attributes.mtime.timestamp()

    def get_display_name(self) -> None:
        return None

    def get_etag(self) -> str | None:
        return self._attributes.etag

    def get_href(self) -> str:
        return href(self._path, is_folder=False)

    def support_etag(self) -> bool:
        return self._attributes.etag is not None

    def support_ranges(self) -> bool:
        return True

    def get_content(self) -> Stream:
        """The handle that `get` opened, as a file. Raises FSError."""
        call = call_of(self.environ)
        if call.handle is None:
            call.handle = call.fs.open(call.path)
        return Stream(call.handle)

    def finalize_headers(self, environ: Environ, response_headers: list[tuple[str, str]]) -> None:
        """wsgidav's hook before it sends a document."""
        response_headers.extend([("Content-Disposition", content_disposition(self._path.name)), *DOCUMENT_HEADERS])


class Stream:
    """A handle with a position, as wsgidav reads it. Used by one thread. Raises FSError."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._offset = 0

    def seek(self, offset: int) -> None:
        """Go to the absolute `offset`."""
        self._offset = offset

    def read(self, size: int) -> bytes:
        """Up to `size` bytes from the position on; empty at the end."""
        data = self._handle.pread(self._offset, size)
        self._offset += len(data)
        return data

    def close(self) -> None:
        self._handle.close()


def resource(path: VirtualPath, environ: Environ, attributes: Attributes) -> Folder | Document:
    """What wsgidav calls a resource."""
    return (Folder if attributes.is_folder else Document)(path, environ, attributes)


class Drive(DAVProvider):
    """The one provider, mounted at the root."""

    def is_readonly(self) -> bool:
        return True

    def get_resource_inst(self, path: str, environ: Environ) -> Folder | Document | None:
        """What stands at the call's path; `path` is the library's own reading of it. Raises FSError but NotFound."""
        call = call_of(environ)
        try:
            return resource(call.path, environ, call.stat())
        except NotFound:
            return None

    def custom_request_handler(
        self, environ: Environ, start_response: StartResponse, default_handler: Any
    ) -> Iterable[bytes]:
        return HANDLERS[environ["REQUEST_METHOD"]](environ, start_response, default_handler)
