"""A date of HTTP that no calendar holds counts as not sent."""

from __future__ import annotations

import pytest

from tests.webdav.harness import DOCUMENT, Wsgi

BEYOND = "Fri, 31 Dec 9999 23:59:59 -1200"


@pytest.mark.parametrize(
    "headers",
    [{"If-Modified-Since": BEYOND}, {"If-Unmodified-Since": BEYOND}, {"Range": "bytes=0-1", "If-Range": BEYOND}],
    ids=lambda headers: list(headers)[-1],
)
def test_a_date_beyond_the_calendar_is_no_condition(headers: dict[str, str]) -> None:
    assert Wsgi()("GET", DOCUMENT, headers).status == 200
