"""The strict reader of a request's head (RFC 9112): what is ambiguous is refused, never repaired.

Called by `connection` with the bytes up to and including the empty line. Two readers of one ambiguous head are how
requests are smuggled past a proxy, so there is one answer to a doubt: 400, and the connection closes. Pure and
thread-safe. Raises only HeadRefused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

MAX_HEADERS = 100

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e\x80-\xff]+) HTTP/([0-9])\.([0-9])")
_FIELD = re.compile(
    rb"(" + _TOKEN + rb"):[ \t]*([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?[ \t]*"
)
_ABSOLUTE = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_DIGITS = re.compile(rb"[0-9]{1,15}")

# A second one of these would leave it to the reader which of the two counts.
_SINGLE = frozenset(
    b"authorization content-encoding content-length content-type cookie depth destination expect host if-match"
    b" if-modified-since if-none-match if-range if-unmodified-since overwrite range transfer-encoding user-agent"
    b" x-forwarded-for x-forwarded-proto".split()
)


class HeadRefused(Exception):
    """A head that is not served: the status and the sentence of its one answer."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What a request says before its body.

    `target` is as sent; `path` is percent-decoded once and may hold any byte; `query` is not decoded. `headers` are by
    title-cased name. `length` is the declared length of the body in bytes, None where none is declared.
    """

    method: str
    target: bytes
    path: bytes
    query: bytes
    version: tuple[int, int]
    headers: dict[bytes, bytes]
    length: int | None
    chunked: bool

    @property
    def keeps_alive(self) -> bool:
        """Whether the client lets the connection stay open (RFC 9112, section 9.3)."""
        options = {option.strip().lower() for option in self.headers.get(b"Connection", b"").split(b",")}
        return b"close" not in options and (self.version == (1, 1) or b"keep-alive" in options)

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for 100 before it sends the body."""
        return self.version == (1, 1) and self.headers.get(b"Expect", b"").lower() == b"100-continue"


def has_bare_break(raw: bytes | bytearray) -> bool:
    """Whether a line of `raw` ends in anything but CR LF. A last CR may still be waiting for its LF."""
    return _BARE.search(raw, 0, len(raw) - 1 if raw.endswith(b"\r") else len(raw)) is not None


def parse_head(raw: bytes, *, by_proxy: bool = False) -> Head:
    """The head that `raw` holds, which ends with the empty line.

    A trusted proxy (`by_proxy`) may add an X-Forwarded-For of its own below its client's: together they are one list.
    """
    if has_bare_break(raw) or not raw.endswith(b"\r\n\r\n"):
        raise _bad("Lines end in CR LF.")
    first, *lines = raw[:-4].split(b"\r\n")
    method, target, version = _request_line(first)
    headers = _fields(lines, _SINGLE - {b"x-forwarded-for"} if by_proxy else _SINGLE)
    if version == (1, 1) and b"Host" not in headers:
        raise _bad("A Host header is needed.")
    length, chunked = _framing(headers, version)
    path, query = _split_target(target, method)
    return Head(
        method=method,
        target=target,
        path=path,
        query=query,
        version=version,
        headers=headers,
        length=length,
        chunked=chunked,
    )


def _bad(sentence: str) -> HeadRefused:
    return HeadRefused(HTTPStatus.BAD_REQUEST, sentence)


def _request_line(line: bytes) -> tuple[str, bytes, tuple[int, int]]:
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise _bad("The request line is malformed.")
    version = int(match[3]), int(match[4])
    if version not in ((1, 0), (1, 1)):
        raise HeadRefused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is spoken here.")
    return match[1].decode("ascii"), match[2], version


def _fields(lines: list[bytes], single: frozenset[bytes]) -> dict[bytes, bytes]:
    if len(lines) > MAX_HEADERS:
        raise HeadRefused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"At most {MAX_HEADERS} headers are read.")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise _bad("A header line is malformed.")
        name, value = match[1], match[2] or b""
        if b"_" in name:
            continue  # in WSGI it would pass for the header with a hyphen
        if (key := name.title()) not in headers:
            headers[key] = value
        elif name.lower() in single:
            raise _bad(f"The {key.decode('ascii')} header may stand once.")
        else:
            headers[key] += b", " + value
    return headers


def _framing(headers: dict[bytes, bytes], version: tuple[int, int]) -> tuple[int | None, bool]:
    """How long the body is (RFC 9112, section 6.3): a length, or chunked, never both."""
    declared, coding = headers.get(b"Content-Length"), headers.get(b"Transfer-Encoding")
    if coding is not None:
        if declared is not None or version == (1, 0):
            raise _bad("Content-Length and Transfer-Encoding exclude each other.")
        if coding.lower() != b"chunked":
            raise HeadRefused(HTTPStatus.NOT_IMPLEMENTED, "No transfer coding but chunked is known.")
        return None, True
    if declared is None:
        return None, False
    if _DIGITS.fullmatch(declared) is None:
        raise _bad("Content-Length is not a number.")
    return int(declared), False


def _split_target(target: bytes, method: str) -> tuple[bytes, bytes]:
    """Decoded path and query (RFC 9112, section 3.2). An encoded slash stays encoded: it separates nothing."""
    if target == b"*" and method == "OPTIONS":
        return b"*", b""
    if (match := _ABSOLUTE.match(target)) is not None:
        target = target[match.end() :] or b"/"
    if not target.startswith(b"/") or b"#" in target:
        raise _bad("The request target is malformed.")
    path, _, query = target.partition(b"?")
    pieces = re.split(rb"%2[fF]", path)
    return b"%2F".join(unquote_to_bytes(piece) for piece in pieces), query
