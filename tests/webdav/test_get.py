"""GET and HEAD: conditions, ranges, headers and pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.tree import Attributes, NodeKind
from gateway.webdav.app import BLOCK_SIZE
from gateway.webdav.get import wanted_range
from tests.support.memory_fs import PUBLISHED, TREE, MemoryFileSystem
from tests.webdav.harness import BIG, CSV, DOCUMENT, SEND, MemoryDoor, Wsgi

DATA = TREE["Derbyshire Documents/2026-11 November/SEND/Provision map.pdf"]
SIZE = len(DATA)
WHEN = "Tue, 03 Nov 2026 09:30:00 GMT"
EARLIER, LATER = "Tue, 03 Nov 2026 09:29:59 GMT", "Tue, 03 Nov 2026 09:30:01 GMT"


def etag() -> str:
    return Wsgi()("HEAD", DOCUMENT).headers["etag"]


def test_a_document_comes_whole() -> None:
    reply = Wsgi()("GET", DOCUMENT)
    assert (reply.status, reply.body) == (200, DATA)


def test_the_entity_tag_is_strong_and_quoted() -> None:
    tag = etag()
    assert tag.startswith('"') and tag.endswith('"') and len(tag) > 2


def test_head_says_what_get_says() -> None:
    drive = Wsgi()
    get, head = drive("GET", DOCUMENT), drive("HEAD", DOCUMENT)
    without_date = [{k: v for k, v in reply.headers.items() if k != "date"} for reply in (get, head)]
    assert (without_date[0], head.body) == (without_date[1], b"")


def test_head_opens_nothing() -> None:
    drive = Wsgi()
    drive("HEAD", DOCUMENT)
    assert "open" not in {verb for verb, _ in drive.fs.calls}


def test_a_document_leaves_as_an_attachment_that_no_browser_runs() -> None:
    headers = Wsgi()("GET", DOCUMENT).headers
    assert (
        headers["content-disposition"],
        headers["content-security-policy"],
        headers["x-content-type-options"],
    ) == (
        "attachment; filename=\"Provision map.pdf\"; filename*=UTF-8''Provision%20map.pdf",
        "sandbox; default-src 'none'",
        "nosniff",
    )


def test_a_name_beyond_ascii_stands_in_full_beside_a_plain_one() -> None:
    headers = Wsgi()("HEAD", f"{SEND}%C3%89lan%20review%20%26%20notes.docx").headers
    assert headers["content-disposition"] == (
        "attachment; filename=\"_lan review & notes.docx\"; filename*=UTF-8''%C3%89lan%20review%20&%20notes.docx"
    )


CONDITIONS = [
    ({"If-None-Match": "{etag}"}, 304),
    ({"If-None-Match": "W/{etag}"}, 304),
    ({"If-None-Match": '"other", {etag}'}, 304),
    ({"If-None-Match": "*"}, 304),
    ({"If-None-Match": '"other"'}, 200),
    ({"If-None-Match": '"other"', "If-Modified-Since": WHEN}, 200),
    ({"If-Modified-Since": WHEN}, 304),
    ({"If-Modified-Since": LATER}, 304),
    ({"If-Modified-Since": EARLIER}, 200),
    ({"If-Modified-Since": "yesterday"}, 200),
    ({"If-Match": "{etag}"}, 200),
    ({"If-Match": "*"}, 200),
    ({"If-Match": "W/{etag}"}, 412),
    ({"If-Match": '"other"'}, 412),
    ({"If-Unmodified-Since": WHEN}, 200),
    ({"If-Unmodified-Since": EARLIER}, 412),
    ({"If-Match": "{etag}", "If-Unmodified-Since": EARLIER}, 200),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("headers", "status"), CONDITIONS)
def test_conditions_are_weighed_as_rfc_9110_says(method: str, headers: dict[str, str], status: int) -> None:
    tag = etag()
    asked = {name: value.replace("{etag}", tag) for name, value in headers.items()}
    assert Wsgi()(method, DOCUMENT, asked).status == status


def test_nothing_is_opened_for_what_has_not_changed() -> None:
    drive = Wsgi()
    drive("GET", DOCUMENT, {"If-Modified-Since": WHEN})
    assert "open" not in {verb for verb, _ in drive.fs.calls}


def test_304_keeps_the_connection() -> None:
    assert "connection" not in Wsgi()("GET", DOCUMENT, {"If-Modified-Since": WHEN}).headers


RANGES = [
    ("bytes=0-4", DATA[:5], 206),
    ("bytes=5-5", DATA[5:6], 206),
    ("bytes=-7", DATA[-7:], 206),
    (f"bytes=-{SIZE + 1}", DATA, 206),
    ("bytes=10-", DATA[10:], 206),
    (f"bytes=10-{SIZE + 1000}", DATA[10:], 206),
    (f"bytes={SIZE - 1}-", DATA[-1:], 206),
    ("BYTES=0-4", DATA[:5], 206),
    ("bytes=0-4,10-14", DATA, 200),
    ("bytes=0-4, 2-3, 100-200", DATA, 200),
    ("bytes=-", DATA, 200),
    ("bytes=a-b", DATA, 200),
    ("pages=1-2", DATA, 200),
    ("bytes=0-" + "9" * 40, DATA, 200),
]


@pytest.mark.parametrize(("header", "body", "status"), RANGES)
def test_a_range_is_the_slice_and_several_are_the_whole(header: str, body: bytes, status: int) -> None:
    reply = Wsgi()("GET", DOCUMENT, {"Range": header})
    assert (reply.status, reply.body) == (status, body)


@pytest.mark.parametrize("header", [f"bytes={SIZE}-", "bytes=5-2", "bytes=-0", f"bytes={SIZE + 5}-{SIZE + 9}"])
def test_a_range_that_cannot_be_is_416_with_the_size(header: str) -> None:
    reply = Wsgi()("GET", DOCUMENT, {"Range": header})
    assert (reply.status, reply.headers["content-range"]) == (416, f"bytes */{SIZE}")


def test_a_thousand_ranges_are_the_whole() -> None:
    header = "bytes=" + ",".join(f"{n}-{n}" for n in range(1000))
    assert Wsgi()("GET", DOCUMENT, {"Range": header}).body == DATA


@pytest.mark.parametrize(
    ("if_range", "status"),
    [("{etag}", 206), (WHEN, 206), ('"other"', 200), ("W/{etag}", 200), (LATER, 200), (EARLIER, 200), ("odd", 200)],
)
def test_a_range_is_sent_only_of_what_the_client_has(if_range: str, status: int) -> None:
    reply = Wsgi()("GET", DOCUMENT, {"Range": "bytes=0-4", "If-Range": if_range.replace("{etag}", etag())})
    assert reply.status == status


def test_no_handle_stays_open_after_a_416() -> None:
    drive = Wsgi()
    drive("GET", DOCUMENT, {"Range": "bytes=5-2"})
    assert drive.fs.open_handles == 0


@settings(max_examples=150)
@given(st.integers(0, 40), st.integers(0, 40) | st.none(), st.integers(0, 30))
def test_a_range_lies_within_the_document(first: int, last: int | None, size: int) -> None:
    attributes = Attributes(NodeKind.FILE, size, PUBLISHED, "tag")
    span = wanted_range({"HTTP_RANGE": f"bytes={first}-{'' if last is None else last}"}, attributes)
    if isinstance(span, tuple):
        data = bytes(range(size))
        assert data[span[0] : span[1] + 1] == data[first : None if last is None else last + 1] != b""
    else:
        assert span is not None and (first >= size or (last is not None and last < first))


def test_blocks_are_512_kib() -> None:
    drive = Wsgi()
    drive("GET", BIG)
    reads = [verb for verb, _ in drive.fs.calls if verb == "pread"]
    assert (BLOCK_SIZE, len(reads)) == (524288, 2)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/", SEND, SEND.rstrip("/")])
def test_a_folder_is_a_small_page(method: str, path: str) -> None:
    reply = Wsgi()(method, path)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_folders_page_runs_nothing_and_lets_its_links_download() -> None:
    policy = Wsgi()("GET", SEND).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "sandbox" not in policy


def test_names_with_markup_are_encoded_in_a_page() -> None:
    name = "{{7*7}} & 'x' {0.__class__} %s.pdf"
    fs = MemoryFileSystem({name: b"x"}, mtime=datetime(2026, 11, 3, tzinfo=UTC))
    page = Wsgi(MemoryDoor(fs))("GET", "/").text
    assert "{{7*7}} &amp; &#x27;x&#x27; {0.__class__} %s.pdf</a>" in page


def test_the_media_type_is_by_the_name() -> None:
    assert Wsgi()("HEAD", CSV).headers["content-type"] == "text/csv"


@pytest.mark.parametrize("name", ["page.html", "image.svg", "code.js", "none", "x.xhtml", "y.xml"])
def test_what_a_browser_might_run_has_no_type(name: str) -> None:
    reply = Wsgi(MemoryDoor(MemoryFileSystem({name: b"x"})))("GET", f"/{name}")
    assert reply.headers["content-type"] == "application/octet-stream"


def test_a_handle_is_closed_when_the_client_hangs_up_early() -> None:
    drive = Wsgi()
    answer: Any = drive.application(_environ("GET", BIG), lambda *_: None)
    next(iter(answer))
    answer.close()
    assert drive.fs.open_handles == 0


def _environ(method: str, path: str) -> dict[str, object]:
    import io
    from urllib.parse import unquote

    from tests.webdav.harness import BASIC

    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path),
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_AUTHORIZATION": BASIC,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
