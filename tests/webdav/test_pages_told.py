"""What the pages are told of how a request came: they know no proxy, and take no header's word for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.webdav.harness import Wsgi

PROXY = "10.0.0.1"
HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}


def telling_pages(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Pages that say what they were told."""
    told = f"{environ['ladocs.address']} {environ['ladocs.private']}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(told)))])
    return [told]


@pytest.mark.parametrize(
    ("remote", "scheme", "headers", "told"),
    [
        ("203.0.113.9", "https", {}, "203.0.113.9 True"),
        ("203.0.113.9", "http", {}, "203.0.113.9 False"),
        ("127.0.0.1", "http", {}, "127.0.0.1 True"),
        ("::1", "http", {}, "::1 True"),
        (PROXY, "http", HTTPS, "203.0.113.9 True"),
        (PROXY, "https", {**HTTPS, "X-Forwarded-Proto": "http"}, "203.0.113.9 False"),
        (PROXY, "http", {"X-Forwarded-Proto": "https"}, "None True"),
        ("203.0.113.9", "http", {**HTTPS, "X-Forwarded-For": "127.0.0.1"}, "203.0.113.9 False"),
    ],
)
def test_the_pages_are_told_the_address_and_whether_others_can_hear(
    remote: str, scheme: str, headers: dict[str, str], told: str
) -> None:
    pages = Wsgi(proxies=[f"{PROXY}/32"], pages=telling_pages)
    way: dict[str, Any] = {"REMOTE_ADDR": remote, "wsgi.url_scheme": scheme}
    assert pages("GET", "/portal/sign-in", headers, signed_in=False, **way).text == told


@pytest.mark.parametrize("name", ["Ladocs.Private", "ladocs.address", "Ladocs-Private"])
def test_a_header_of_that_name_is_not_believed(name: str) -> None:
    pages = Wsgi(pages=telling_pages)
    way: dict[str, Any] = {"REMOTE_ADDR": "203.0.113.9", "wsgi.url_scheme": "http"}
    assert pages("GET", "/portal/x", {name: "True"}, signed_in=False, **way).text == "203.0.113.9 False"
