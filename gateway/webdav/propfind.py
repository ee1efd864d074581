"""PROPFIND (RFC 4918, section 9.1), written from string templates.

wsgidav builds an element tree for each property of each entry, which costs forty times as much; a test holds these
answers equal to its own, parsed. Two things differ on purpose: entity tags are quoted, and `propname` is valid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from html import escape
from http import HTTPStatus
from typing import Any, TypeAlias

from gateway.tree import Attributes
from gateway.webdav.answers import Answer, Environ, StartResponse, text, xml
from gateway.webdav.call import Call, call_of, href, http_date, quote_name
from gateway.webdav.media import content_type
from gateway.webdav.xmlbody import DAV, BadBody, Mode, Name, Propfind, parse_propfind

MAX_NAMED = 64

Render: TypeAlias = Callable[[str, Attributes], str]
Properties: TypeAlias = Mapping[str, Render]
Entry: TypeAlias = Callable[[str, str, Attributes], str]

_FINITE_DEPTH = '<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>'
_OPENING = '<D:multistatus xmlns:D="DAV:">'
_CLOSING = "</D:multistatus>"
_FOUND, _MISSING = "HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"


@lru_cache(maxsize=4096)
def _created(at: datetime) -> str:
    return f"<D:creationdate>{at:%Y-%m-%dT%H:%M:%SZ}</D:creationdate>"


@lru_cache(maxsize=4096)
def _modified(at: datetime) -> str:
    return f"<D:getlastmodified>{http_date(at)}</D:getlastmodified>"


DOCUMENT: Properties = {
    "resourcetype": lambda name, attributes: "<D:resourcetype/>",
    "creationdate": lambda name, attributes: _created(attributes.mtime),
    "getlastmodified": lambda name, attributes: _modified(attributes.mtime),
    "getcontentlength": lambda name, attributes: f"<D:getcontentlength>{attributes.size}</D:getcontentlength>",
    "getcontenttype": lambda name, attributes: f"<D:getcontenttype>{content_type(name)}</D:getcontenttype>",
    "getetag": lambda name, attributes: f'<D:getetag>"{attributes.etag}"</D:getetag>',
}
FOLDER: Properties = {
    "resourcetype": lambda name, attributes: "<D:resourcetype><D:collection/></D:resourcetype>",
    "creationdate": lambda name, attributes: _created(attributes.mtime),
    "getlastmodified": lambda name, attributes: _modified(attributes.mtime),
}
QUOTA = ("quota-used-bytes", "quota-available-bytes")


def respond(environ: Environ, start_response: StartResponse, _library: Any) -> Iterable[bytes]:
    """Answer. Raises FSError before the answer begins: a listing is whole or an error."""
    call = call_of(environ)
    return _answer(call, environ).send(environ, start_response)


def _answer(call: Call, environ: Environ) -> Answer:
    attributes = call.stat()
    depth = environ.get("HTTP_DEPTH", "infinity" if attributes.is_folder else "0").strip().lower()
    if depth not in ("0", "1", "infinity"):
        return text(HTTPStatus.BAD_REQUEST, "Depth is 0 or 1.")
    if attributes.is_folder and depth == "infinity":
        return xml(HTTPStatus.FORBIDDEN, _FINITE_DEPTH)
    try:
        asked = parse_propfind(call.body, environ.get("HTTP_CONTENT_ENCODING", ""))
    except BadBody as exc:
        return text(exc.status, str(exc))
    if len(asked.names) > MAX_NAMED:
        return text(HTTPStatus.BAD_REQUEST, f"At most {MAX_NAMED} properties can be named.")
    call.with_quota = wants_quota(asked, depth)
    with_members = attributes.is_folder and depth == "1"
    return xml(HTTPStatus.MULTI_STATUS, "".join(_multistatus(call, attributes, asked, with_members=with_members)))


def wants_quota(asked: Propfind, depth: str) -> bool:
    """RFC 4331, section 5, keeps the quota out of `allprop`; Windows finds it only there, on the folder alone."""
    named = any(name.namespace == DAV and name.local in QUOTA for name in asked.names)
    return named or (depth == "0" and asked.mode is not Mode.PROP)


def _multistatus(call: Call, attributes: Attributes, asked: Propfind, *, with_members: bool) -> Iterable[str]:
    folder, document = _entry(_folder_properties(call), asked), _entry(DOCUMENT, asked)
    base = href(call.path, is_folder=attributes.is_folder)
    members = call.fs.scandir(call.path) if with_members else ()
    yield _OPENING
    yield (folder if attributes.is_folder else document)(base, call.path.name, attributes)
    for member in members:
        quoted = base + quote_name(member.name)
        if member.attributes.is_folder:
            yield folder(f"{quoted}/", member.name, member.attributes)
        else:
            yield document(quoted, member.name, member.attributes)
    yield _CLOSING


def _folder_properties(call: Call) -> Properties:
    if not call.with_quota:
        return FOLDER
    used = f"<D:quota-used-bytes>{call.used_bytes()}</D:quota-used-bytes>"
    available = "<D:quota-available-bytes>0</D:quota-available-bytes>"
    return {**FOLDER, QUOTA[0]: lambda name, attributes: used, QUOTA[1]: lambda name, attributes: available}


def _entry(properties: Properties, asked: Propfind) -> Entry:
    """How one resource is written, given what was asked of its kind."""
    if asked.mode is Mode.PROPNAME:
        constant = _propstat("".join(f"<D:{local}/>" for local in properties), _FOUND)
        return lambda link, name, attributes: _response(link, constant)
    named = [_local(name) for name in asked.names]
    known = list(properties) if asked.mode is Mode.ALLPROP else [local for local in named if local in properties]
    renders = [properties[local] for local in known]
    unknown = [name for name, local in zip(asked.names, named, strict=True) if local not in properties]
    missing = _propstat("".join(map(_empty, unknown)), _MISSING) if unknown else ""
    if not renders and missing:
        return lambda link, name, attributes: _response(link, missing)
    return lambda link, name, attributes: _response(
        link, _propstat("".join([render(name, attributes) for render in renders]), _FOUND) + missing
    )


def _local(name: Name) -> str:
    """The local name of a DAV: property; else a string that no property has."""
    return name.local if name.namespace == DAV else ""


def _empty(name: Name) -> str:
    if name.namespace == DAV:
        return f"<D:{name.local}/>"
    return f'<N:{name.local} xmlns:N="{escape(name.namespace)}"/>' if name.namespace else f"<{name.local}/>"


def _propstat(properties: str, status: str) -> str:
    return f"<D:propstat><D:prop>{properties}</D:prop><D:status>{status}</D:status></D:propstat>"


def _response(link: str, propstats: str) -> str:
    return f"<D:response><D:href>{link}</D:href>{propstats}</D:response>"


def refused_properties(link: str, names: Sequence[Name], sentence: str) -> str:
    """The multistatus that refuses to change `names` (RFC 4918, section 9.2)."""
    empties = "".join(map(_empty, names))
    return (
        f"{_OPENING}<D:response><D:href>{link}</D:href><D:propstat><D:prop>{empties}</D:prop>"
        "<D:status>HTTP/1.1 403 Forbidden</D:status>"
        "<D:error><D:cannot-modify-protected-property/></D:error>"
        f"<D:responsedescription>{escape(sentence)}</D:responsedescription></D:propstat></D:response>{_CLOSING}"
    )
