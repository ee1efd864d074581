"""The start page behind a proxy: the drive's address is the one by which the caller came."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from tests.webdav.harness import Wsgi


def drive_shown(flask: Flask, remote: str, scheme: str, forwarded: str) -> str:
    pages = Wsgi(proxies=["10.0.0.1/32"], pages=flask)
    headers = {"Host": "documents.example.gov.uk", "X-Forwarded-Proto": forwarded, "X-Forwarded-For": "203.0.113.9"}
    environ: dict[str, Any] = {"REMOTE_ADDR": remote, "wsgi.url_scheme": scheme}
    page = pages("GET", "/portal/", headers, signed_in=False, **environ).text
    found = re.search(r"<code>(https://[^<]+)</code>", page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("remote", "scheme", "forwarded", "address"),
    [
        ("10.0.0.1", "http", "https", "https://documents.example.gov.uk/"),
        ("10.0.0.1", "https", "https", "https://documents.example.gov.uk/"),
        ("10.0.0.1", "https", "http", "https://documents.example.gov.uk:8443/"),
        ("203.0.113.9", "http", "https", "https://documents.example.gov.uk:8443/"),
        ("203.0.113.9", "https", "http", "https://documents.example.gov.uk/"),
    ],
)
def test_the_start_page_names_the_drive_by_a_trusted_proxys_word(
    pages: Flask, remote: str, scheme: str, forwarded: str, address: str
) -> None:
    assert drive_shown(pages, remote, scheme, forwarded) == address
