"""The start page's line for curl, as curl takes it: a document whole, the rest of one, never a refusal in its place."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from html import unescape
from http.client import HTTPSConnection
from pathlib import Path

import pytest
from flask import Flask

from gateway.webdav.tls import TlsFiles
from tests.support.memory_fs import TREE
from tests.support.programs import need
from tests.webdav.harness import PASSWORD, USERNAME, Site, client_tls, running

pytestmark = pytest.mark.needs("curl")
DATA = TREE["Derbyshire Documents/2026-10 October/Shared Services HR/Big.bin"]
WHERE = {"MONTH": "2026-10%20October", "CATEGORY": "Shared%20Services%20HR", "DOCUMENT": "Big.bin"}
Curl = Callable[..., int]


def _line(site: Site) -> str:
    """What stands on the page of this server."""
    asking = HTTPSConnection("127.0.0.1", site.port, timeout=10, context=client_tls())
    try:
        asking.request("GET", "/portal/")
        page = asking.getresponse().read().decode()
    finally:
        asking.close()
    match = re.search(r'<h2 id="curl">.*?<code>(.*?)</code>', page, re.DOTALL)
    assert match is not None
    return unescape(match[1]).replace("\\\n", "")


@pytest.fixture
def curl(tls_files: TlsFiles, tmp_path: Path, pages: Flask) -> Iterator[Curl]:
    """The page's line, filled in and run in `tmp_path`; its exit status."""
    with running(tls=tls_files, pages=pages) as site:
        line = _line(site)
        for blank, value in WHERE.items():
            line = line.replace(blank, value)

        def run(password: str = PASSWORD) -> int:
            words = shlex.split(line.replace("YOUR-NAME", f"{USERNAME}:{password}"))
            command = [need("curl"), "--disable", "--silent", "--cacert", str(tls_files.certificate), *words[1:]]
            return subprocess.run(command, cwd=tmp_path, timeout=30, check=False).returncode

        yield run


def test_the_line_brings_the_document(curl: Curl, tmp_path: Path) -> None:
    assert (curl(), (tmp_path / "Big.bin").read_bytes() == DATA) == (0, True)


def test_the_line_leaves_a_whole_document_as_it_is(curl: Curl, tmp_path: Path) -> None:
    (tmp_path / "Big.bin").write_bytes(DATA)
    curl()
    assert (tmp_path / "Big.bin").read_bytes() == DATA


def test_the_line_continues_a_download_that_broke_off(curl: Curl, tmp_path: Path) -> None:
    (tmp_path / "Big.bin").write_bytes(DATA[:123_456])
    assert (curl(), (tmp_path / "Big.bin").read_bytes() == DATA) == (0, True)


def test_a_refusal_never_stands_in_the_documents_place(curl: Curl, tmp_path: Path) -> None:
    assert (curl("another"), (tmp_path / "Big.bin").exists()) == (22, False)
