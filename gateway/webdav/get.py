"""GET and HEAD (RFC 9110): conditions and ranges are decided here, the bytes are sent by wsgidav.

wsgidav answers an equal If-Modified-Since with 200, takes the last of several ranges, and opens before it looks at a
condition; so its view of the request is reduced to at most one good range. Folders get a small page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from gateway.errors import IsADirectory
from gateway.tree import Attributes
from gateway.webdav import page
from gateway.webdav.answers import Answer, Environ, StartResponse, html, text
from gateway.webdav.call import Call, call_of, http_date

_CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")
_IGNORED = (*_CONDITIONS, "HTTP_IF_RANGE", "HTTP_IF", "HTTP_DEPTH", "CONTENT_LENGTH")
_RANGE = re.compile(r"bytes=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", re.IGNORECASE | re.ASCII)
_TAG = re.compile(r'(W/)?"([^"]*)"')


def respond(environ: Environ, start_response: StartResponse, send: Any) -> Iterable[bytes]:
    """Answer; `send` is wsgidav's own handler for documents. Raises FSError before the answer begins."""
    call = call_of(environ)
    answer = _answer_without_bytes(call, environ)
    if answer is not None:
        return answer.send(environ, start_response)
    assert call.attributes is not None
    span = wanted_range(environ, call.attributes) if environ["REQUEST_METHOD"] == "GET" else None  # section 14.2
    if isinstance(span, Answer):
        return span.send(environ, start_response)
    _reduce(environ, span)
    blocks: Iterable[bytes] = send(environ, start_response)
    return blocks


def _answer_without_bytes(call: Call, environ: Environ) -> Answer | None:
    """A page, a 304 or a 412. A document is opened only when its bytes are wanted: opening is recorded."""
    if environ["REQUEST_METHOD"] == "HEAD" or any(name in environ for name in _CONDITIONS):
        attributes = call.stat()
        if attributes.is_folder:
            return _folder(call)
        if (answer := failed_condition(environ, attributes)) is not None:
            return answer
    if environ["REQUEST_METHOD"] == "GET":
        try:
            call.handle = call.fs.open(call.path)
        except IsADirectory:
            return _folder(call)
        call.attributes = call.handle.attributes
    return None


def _folder(call: Call) -> Answer:
    return html(HTTPStatus.OK, page.folder(call.path, call.fs.scandir(call.path)))


def _reduce(environ: Environ, span: tuple[int, int] | None) -> None:
    for name in _IGNORED:
        environ.pop(name, None)
    if span is None:
        environ.pop("HTTP_RANGE", None)
    else:
        environ["HTTP_RANGE"] = f"bytes={span[0]}-{span[1]}"


def failed_condition(environ: Environ, attributes: Attributes) -> Answer | None:
    """304 or 412 where a condition says so, in the order of RFC 9110, section 13.2.2."""
    if (tags := environ.get("HTTP_IF_MATCH")) is not None:
        if not _matches(tags, attributes.etag, weak=False):
            return text(HTTPStatus.PRECONDITION_FAILED, "The document is another one.")
    elif (since := _date(environ.get("HTTP_IF_UNMODIFIED_SINCE"))) is not None and attributes.mtime > since:
        return text(HTTPStatus.PRECONDITION_FAILED, "The document is newer.")
    if (tags := environ.get("HTTP_IF_NONE_MATCH")) is not None:
        unchanged = _matches(tags, attributes.etag, weak=True)
    else:
        since = _date(environ.get("HTTP_IF_MODIFIED_SINCE"))
        unchanged = since is not None and attributes.mtime <= since
    return _not_modified(attributes) if unchanged else None


def _not_modified(attributes: Attributes) -> Answer:
    headers = (("ETag", f'"{attributes.etag}"'), ("Last-Modified", http_date(attributes.mtime)))
    return Answer(HTTPStatus.NOT_MODIFIED, headers)


def wanted_range(environ: Environ, attributes: Attributes) -> tuple[int, int] | Answer | None:
    """First and last byte; None for the whole; 416 for what cannot be (RFC 9110, section 14)."""
    header = environ.get("HTTP_RANGE")
    match = _RANGE.fullmatch(header) if header is not None else None
    if match is None or match[1] == match[2] == "" or not _range_holds(environ.get("HTTP_IF_RANGE"), attributes):
        return None
    size = attributes.size
    if match[1] == "":
        first, last = max(0, size - int(match[2])), size - 1
    else:
        first, last = int(match[1]), min(int(match[2] or size), size - 1)
    if first > last:
        return text(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"The document has {size} bytes.",
            ("Content-Range", f"bytes */{size}"),
        )
    return first, last


def _range_holds(if_range: str | None, attributes: Attributes) -> bool:
    """RFC 9110, section 13.1.5: strong comparison, or exactly that date; else the whole is sent."""
    if if_range is None:
        return True
    if if_range.startswith(('"', "W/")):
        return if_range == f'"{attributes.etag}"'
    return _date(if_range) == attributes.mtime


def _matches(tags: str, etag: str | None, *, weak: bool) -> bool:
    if tags.strip() == "*":
        return True
    return any(tag == etag and (weak or not prefix) for prefix, tag in _TAG.findall(tags))


def _date(value: str | None) -> datetime | None:
    """An HTTP date as aware UTC; None for one that cannot be read, which is then as if it had not been sent."""
    if value is None:
        return None
    try:
        parsed = parsedate_to_datetime(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
