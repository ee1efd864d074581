"""The strict reader of request heads."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.webdav.head import HeadRefused, parse_head

GOOD = b"GET /a%20b?q=1 HTTP/1.1\r\nHost: la.example\r\nDepth: 1\r\n\r\n"

AMBIGUOUS = {
    "two lengths": b"Content-Length: 3\r\nContent-Length: 3\r\n",
    "two different lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n",
    "a list of lengths": b"Content-Length: 3, 3\r\n",
    "a length with a plus": b"Content-Length: +0\r\n",
    "a negative length": b"Content-Length: -1\r\n",
    "a hexadecimal length": b"Content-Length: 0x10\r\n",
    "an empty length": b"Content-Length:\r\n",
    "a length with an underscore": b"Content-Length: 1_0\r\n",
    "a length with a coding": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "two codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "a folded line": b"Depth: 1\r\n 0\r\n",
    "a line folded with a tab": b"X-A: 1\r\n\t2\r\n",
    "a space before the colon": b"Depth : 1\r\n",
    "a header without a name": b": 1\r\n",
    "a header without a colon": b"Depth 1\r\n",
    "a bare line feed": b"X-A: 1\nX-B: 2\r\n",
    "a bare carriage return": b"X-A: 1\rX-B: 2\r\n",
    "a NUL": b"X-A: 1\x002\r\n",
    "two hosts": b"Host: other.example\r\n",
    "two authorizations": b"Authorization: Basic YTpi\r\nAuthorization: Basic YTpj\r\n",
    "two depths": b"Depth: 0\r\nDepth: 1\r\n",
    "two forwarded addresses": b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\n",
}
MALFORMED_LINES = {
    "no version": b"GET /",
    "a lower-case protocol": b"GET / http/1.1",
    "two spaces": b"GET  / HTTP/1.1",
    "a tab": b"GET\t/ HTTP/1.1",
    "a relative target": b"GET a HTTP/1.1",
    "an authority": b"CONNECT la.example:443 HTTP/1.1",
    "a fragment": b"GET /a#b HTTP/1.1",
    "a control character": b"GET /a\x7fb HTTP/1.1",
    "a star without OPTIONS": b"GET * HTTP/1.1",
    "another scheme": b"GET ftp://la.example/ HTTP/1.1",
}


@pytest.mark.parametrize("lines", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_is_ambiguous_is_refused(lines: bytes) -> None:
    with pytest.raises(HeadRefused) as refused:
        parse_head(b"GET / HTTP/1.1\r\nHost: la.example\r\n" + lines + b"\r\n")
    assert refused.value.status is HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("line", MALFORMED_LINES.values(), ids=MALFORMED_LINES)
def test_a_malformed_request_line_is_refused(line: bytes) -> None:
    with pytest.raises(HeadRefused) as refused:
        parse_head(line + b"\r\nHost: la.example\r\n\r\n")
    assert refused.value.status is HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED),
        (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED),
        (b"GET / HTTP/1.1\r\n\r\n", HTTPStatus.BAD_REQUEST),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", HTTPStatus.NOT_IMPLEMENTED),
        (b"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", HTTPStatus.BAD_REQUEST),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: 1\r\n" * 120 + b"\r\n", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    ],
)
def test_what_is_not_spoken_has_its_status(raw: bytes, status: HTTPStatus) -> None:
    with pytest.raises(HeadRefused) as refused:
        parse_head(raw)
    assert refused.value.status is status


def test_a_plain_head_is_read_whole() -> None:
    head = parse_head(GOOD)
    assert (head.method, head.path, head.query) == ("GET", b"/a b", b"q=1")
    assert head.headers == {b"Host": b"la.example", b"Depth": b"1"}


def test_an_absolute_target_is_its_path() -> None:
    assert parse_head(b"GET HTTPS://la.example:8443/x HTTP/1.1\r\nHost: a\r\n\r\n").path == b"/x"


def test_an_encoded_slash_separates_nothing() -> None:
    assert parse_head(b"GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n").path == b"/a%2Fb"


def test_a_header_with_an_underscore_cannot_pass_for_another() -> None:
    head = parse_head(b"GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 1.2.3.4\r\n\r\n")
    assert list(head.headers) == [b"Host"]


def test_repeated_list_headers_are_one_list() -> None:
    head = parse_head(b"GET / HTTP/1.1\r\nHost: a\r\nAccept: a\r\naccept: b\r\n\r\n")
    assert head.headers[b"Accept"] == b"a, b"


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: TE, Close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
    ],
)
def test_the_client_says_whether_the_connection_stays(version: bytes, connection: bytes, keeps: bool) -> None:
    head = parse_head(b"GET / HTTP/" + version + b"\r\nHost: a\r\n" + connection + b"\r\n")
    assert head.keeps_alive is keeps


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_head_or_refused(noise: bytes) -> None:
    status = None
    try:
        parse_head(noise + b"\r\n\r\n")
    except HeadRefused as refused:
        status = refused.status
    assert status in (None, 400, 413, 431, 501, 505)


@settings(max_examples=100)
@given(st.binary(min_size=1, max_size=40).filter(lambda path: b"/" not in path))
def test_percent_encoded_bytes_come_back(name: bytes) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in name).encode()
    assert parse_head(b"GET /" + encoded + b" HTTP/1.1\r\nHost: a\r\n\r\n").path == b"/" + name
