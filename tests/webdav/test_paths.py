"""One corpus of paths: whatever is asked, names are only looked up."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from gateway.path import VirtualPath
from gateway.quiet import is_quiet, is_quiet_name
from tests.support.memory_fs import MemoryFileSystem
from tests.webdav.harness import DOCUMENT, MemoryDoor, Wsgi

ABSENT = {
    "parent": "/../../etc/passwd",
    "encoded parent": "/%2e%2e/%2e%2e/etc/passwd",
    "twice encoded parent": "/%252e%252e/etc/passwd",
    "backslashes": "/..%5c..%5cwindows%5cwin.ini",
    "NUL": "/a%00.pdf",
    "bad UTF-8": "/%ff",
    "overlong UTF-8": "/%c0%ae%c0%ae/etc/passwd",
    "a surrogate": "/%ed%a0%80",
    "full-width dots": "/%ef%bc%8e%ef%bc%8e/etc/passwd",
    "full-width slash": "/%ef%bc%8fetc%ef%bc%8fpasswd",
    "right-to-left override": "/%e2%80%aefdp.exe",
    "a trailing dot": "/About%20this%20drive.txt.",
    "a trailing space": "/About%20this%20drive.txt%20",
    "an alternate stream": "/About%20this%20drive.txt::$DATA",
    "a device": "/CON",
    "a template": "/%7b%7b7*7%7d%7d",
    "a format": "/%7b0.__class__%7d%25s",
    "a quote": "/'%20OR%201=1--",
    "four kilobytes": "/" + "a" * 4096,
    "a thousand levels": "/a" * 1000,
    "a line break": "/a%0d%0aX-Injected:%201",
    "an encoded slash": DOCUMENT.replace("/SEND/", "/SEND%2F"),
}
SAME = {
    "two slashes": DOCUMENT.replace("/SEND", "//SEND"),
    "a dot": DOCUMENT.replace("/SEND", "/./SEND"),
    "a detour": DOCUMENT.replace("/SEND", "/General/../SEND"),
    "above the root": "/../../" + DOCUMENT.lstrip("/"),
    "a trailing slash": DOCUMENT + "/",
}
QUIET = ["desktop.ini", "Thumbs.db", "AutoRun.inf", "folder.jpg", "FOLDER.JPG", "._Term dates.csv", ".DS_Store"]
QUIET += ["~$Review.docx", ".Trashes", ".hidden", ".Spotlight-V100", ".metadata_never_index", ".Trash-1000"]


@pytest.mark.parametrize("verb", ["GET", "HEAD", "PROPFIND", "OPTIONS"])
@pytest.mark.parametrize("path", ABSENT.values(), ids=ABSENT)
def test_what_names_no_document_is_not_found(verb: str, path: str) -> None:
    assert Wsgi()(verb, path.replace("%2F", "%252F"), {"Depth": "0"}).status == 404


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PROPPATCH", "LOCK"])
@pytest.mark.parametrize("path", ABSENT.values(), ids=ABSENT)
def test_writing_to_any_path_is_a_refusal(verb: str, path: str) -> None:
    assert Wsgi()(verb, path).status in (400, 403, 404, 405)


@pytest.mark.parametrize("path", SAME.values(), ids=SAME)
def test_a_detour_is_the_same_document(path: str) -> None:
    drive = Wsgi()
    assert drive("GET", path).headers["etag"] == drive("GET", DOCUMENT).headers["etag"]


@pytest.mark.parametrize("form", ["/E%CC%81lan.pdf", "/%C3%89lan.pdf"])
def test_a_name_is_found_in_either_form(form: str) -> None:
    assert Wsgi(MemoryDoor(MemoryFileSystem({"\u00c9lan.pdf": b"x"})))("GET", form).status == 200


@pytest.mark.parametrize("query", ["?logout", "?logout=1", "?davmount", "?a=b%ff"])
def test_a_query_changes_nothing(query: str) -> None:
    assert Wsgi()("GET", DOCUMENT + query).status == 200


@pytest.mark.parametrize("verb", ["GET", "HEAD", "PROPFIND", "OPTIONS"])
@pytest.mark.parametrize("name", QUIET)
def test_what_desktops_probe_for_is_not_found_and_asks_nothing(verb: str, name: str) -> None:
    drive = Wsgi()
    reply = drive(verb, f"/Derbyshire%20Documents/{quote(name)}", {"Depth": "0"})
    assert (reply.status, drive.fs.calls) == (404, [])


def test_what_lies_in_a_quiet_folder_is_quiet() -> None:
    assert is_quiet(VirtualPath(("a", ".Trashes", "501", "x")))


@pytest.mark.parametrize("name", ["Letter.pdf", ".profile", "desktop.ini.pdf", "~draft.docx", "folder.png"])
def test_other_names_are_not_quiet(name: str) -> None:
    assert not is_quiet_name(name)
