"""A range is a matter of GET alone (RFC 9110, section 14.2): HEAD tells of the whole document."""

from __future__ import annotations

import pytest

from tests.support.memory_fs import TREE
from tests.webdav.harness import DOCUMENT, Wsgi

SIZE = len(TREE["Derbyshire Documents/2026-11 November/SEND/Provision map.pdf"])


@pytest.mark.parametrize("header", ["bytes=0-4", "bytes=-7", f"bytes={SIZE}-", "bytes=0-4,10-14"])
def test_head_with_a_range_says_the_whole_length(header: str) -> None:
    reply = Wsgi()("HEAD", DOCUMENT, {"Range": header})
    assert (reply.status, reply.headers["content-length"], "content-range" in reply.headers) == (200, str(SIZE), False)
