"""Defaults of wsgidav and cheroot that no other test here meets: each fails without its counter-measure."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from wsgidav.request_resolver import RequestResolver

from gateway.names import MAX_CHARACTERS
from gateway.path import VirtualPath
from gateway.webdav.limits import HttpLimits
from tests.support.memory_fs import MemoryFileSystem
from tests.webdav.harness import BASIC, DOCUMENT, MemoryDoor, Site, Wsgi, make_application, running, send_raw
from tests.webdav.test_propfind import librarys_own

WINDOWS_PATH = 260


def test_wsgidav_keeps_neither_locks_nor_properties() -> None:
    provider = make_application(MemoryDoor())._library.provider_map["/"]  # type: ignore[attr-defined]
    assert (provider.lock_manager, provider.prop_manager) == (None, None)


def test_nothing_of_wsgidavs_stands_before_its_resolver() -> None:
    config = make_application(MemoryDoor())._library.config  # type: ignore[attr-defined]
    assert (config["middleware_stack"], config["dir_browser"]["enable"]) == ([RequestResolver], False)


def test_neither_cookie_nor_query_nor_forms_of_a_name_reach_the_library() -> None:
    drive = Wsgi()
    seen: list[dict[str, Any]] = []

    def library(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(dict(environ))
        start_response("204 No Content", [])
        return []

    drive.application._library = library
    drive("GET", "/E%CC%81lan/../E%CC%81lan.pdf?logout", {"Cookie": "session=x"})
    path = "/\u00c9lan.pdf".encode().decode("latin-1")
    assert ("HTTP_COOKIE" in seen[0], seen[0]["QUERY_STRING"], seen[0]["PATH_INFO"]) == (False, "", path)


def test_wsgidavs_own_listing_asks_the_file_system_once() -> None:
    fs = MemoryFileSystem({f"{n}.pdf": b"x" for n in range(50)})
    librarys_own(fs, "/", "1", b"")
    assert [verb for verb, _ in fs.calls].count("scandir") == 1 and len(fs.calls) <= 2


@pytest.mark.parametrize(
    ("target", "authorization", "status"),
    [
        ("/%ff", BASIC, 404),
        ("/a%00b", BASIC, 404),
        ("/", "Basic !", 401),
        ("/", "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(), 401),
    ],
    ids=["bytes that are no UTF-8", "a NUL", "credentials that are no base64", "credentials that are no UTF-8"],
)
def test_what_cannot_be_read_is_an_answer_and_the_connection_goes_on(
    target: str, authorization: str, status: int
) -> None:
    bad = f"PROPFIND {target} HTTP/1.1\r\nHost: a\r\nDepth: 0\r\nAuthorization: {authorization}\r\n\r\n"
    good = f"HEAD {DOCUMENT} HTTP/1.1\r\nHost: a\r\nAuthorization: {BASIC}\r\nConnection: close\r\n\r\n"
    with running() as site:
        answer = send_raw(site, (bad + good).encode())
    assert [answer.count(f"HTTP/1.1 {each} ".encode()) for each in (status, 200)] == [1, 1]


def test_no_more_requests_of_one_account_run_than_its_places() -> None:
    places, askers = 2, 4  # as many again may wait
    with running(limits=HttpLimits(threads=8, requests_per_account=places)) as site:
        crowd = _Crowd(site, askers)
        with ThreadPoolExecutor(askers) as pool:
            statuses = [pool.submit(lambda: site.ask("GET", DOCUMENT).status) for _ in range(askers)]
    assert (crowd.most, [status.result() for status in statuses]) == (places, [200] * askers)


class _Crowd:
    """How many openings ran at a time; each waits a moment for all the others to have begun."""

    def __init__(self, site: Site, expected: int) -> None:
        self.most = self._running = 0
        self._changed = threading.Condition()
        plain = site.door.fs.note

        def note(verb: str, path: VirtualPath) -> None:
            plain(verb, path)
            if verb == "open":
                self._pass(expected)

        site.door.fs.note = note  # type: ignore[method-assign]

    def _pass(self, expected: int) -> None:
        with self._changed:
            self._running += 1
            self.most = max(self.most, self._running)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._running == expected, timeout=0.2)
            self._running -= 1


def test_the_longest_path_of_a_mapped_drive_is_one_that_windows_opens() -> None:
    folders = ("830-2001 " + "x" * 31, "2026-09 September", "Shared Services HR")  # no school's folder is longer
    assert len("Z:\\" + "\\".join((*folders, "x" * MAX_CHARACTERS))) < WINDOWS_PATH
