"""The methods that read nothing: OPTIONS, and everything that would write [R4].

wsgidav answers every writing method of a read-only share with a bare 405; clients then say "error", or ask for another
password. Here each gets the status that makes its client say what is the matter, and one sentence with whom to ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from gateway.webdav.answers import Answer, Environ, StartResponse, text, xml
from gateway.webdav.call import Call, call_of, href
from gateway.webdav.propfind import refused_properties
from gateway.webdav.xmlbody import BadBody, parse_proppatch

SERVED = ("OPTIONS", "GET", "HEAD", "PROPFIND")
FORBIDDEN = frozenset({"PUT", "DELETE", "MKCOL", "COPY", "MOVE"})
NOT_ALLOWED = frozenset({"LOCK", "UNLOCK", "POST"})
ALLOW = ("Allow", ", ".join(SERVED))

_UNKNOWN = "unknown method"  # so it stands in the record: what a client makes up does not
_CAPABILITIES = (ALLOW, ("DAV", "1"), ("MS-Author-Via", "DAV"), ("Accept-Ranges", "bytes"))


def options(environ: Environ, start_response: StartResponse, _library: Any) -> Iterable[bytes]:
    """OPTIONS of a resource. Raises FSError."""
    call_of(environ).stat()
    return server_options().send(environ, start_response)


def server_options() -> Answer:
    """What this server can do: class 1, no locks, so that Office opens [Read-Only] and Finder mounts read-only."""
    return Answer(HTTPStatus.OK, _CAPABILITIES)


def refusal(method: str, call: Call, environ: Environ) -> Answer | None:
    """The answer to a method that is not served; None for one that is. Raises FSError."""
    if method in SERVED:
        return None
    if method == "PROPPATCH":
        return _proppatch(call, environ)
    if method in FORBIDDEN:
        return text(HTTPStatus.FORBIDDEN, call.fs.refuse_write(call.path, method))
    operation = method if method in NOT_ALLOWED else _UNKNOWN
    return text(HTTPStatus.METHOD_NOT_ALLOWED, call.fs.refuse_write(call.path, operation), ALLOW)


def _proppatch(call: Call, environ: Environ) -> Answer:
    """207 with 403 inside: Windows sends it after each copy and takes a plain 403 for a wrong password."""
    try:
        names = parse_proppatch(call.body, environ.get("HTTP_CONTENT_ENCODING", ""))
    except BadBody as exc:
        return text(exc.status, str(exc))
    link = href(call.path, is_folder=call.stat().is_folder)
    sentence = call.fs.refuse_write(call.path, "PROPPATCH")
    return xml(HTTPStatus.MULTI_STATUS, refused_properties(link, names, sentence))
