"""The conversation of Windows' WebClient service (Mini-Redirector) with the drive, replayed on a real server.

Requests and headers are those that WebClient sends when a drive is mapped, opened, copied from and written to. What
matters to it: every 401 comes before credentials, everything at and above the mapped folder answers with and without
its slash, what is missing is a plain 404, and a refused write is neither 401 (endless prompts) nor 423 ("in use").
"""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from xml.etree import ElementTree as ET

import pytest

from tests.support.memory_fs import TREE
from tests.webdav.harness import BASIC, DOCUMENT, SEND, MemoryDoor, Reply, Site, running

AGENT = {"User-Agent": "Microsoft-WebDAV-MiniRedir/10.0.22631", "translate": "f", "Connection": "Keep-Alive"}
KNOWN = {**AGENT, "Authorization": BASIC}
PARENTS = ["/", "/Derbyshire%20Documents", "/Derbyshire%20Documents/2026-11%20November", SEND.rstrip("/")]
PROBES = ["desktop.ini", "Desktop.ini", "AutoRun.inf", "Thumbs.db", "folder.jpg", "folder.gif"]
WIN32 = (
    b'<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:">'
    b"<D:set><D:prop><Z:Win32CreationTime>Tue, 03 Nov 2026 09:30:00 GMT</Z:Win32CreationTime>"
    b"<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>"
)
LOCK = (
    b'<?xml version="1.0" encoding="utf-8" ?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    b"<D:locktype><D:write/></D:locktype><D:owner><D:href>SCHOOL\\a.head</D:href></D:owner></D:lockinfo>"
)


class WebClient:
    """One keep-alive connection, as WebClient has it."""

    def __init__(self, site: Site) -> None:
        self._connection = HTTPConnection("127.0.0.1", site.port, timeout=10)

    def __call__(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Reply:
        asked = {**KNOWN, **(headers or {}), "Content-Length": str(len(body))}
        self._connection.request(method, path, body, {name: value for name, value in asked.items() if value})
        answer = self._connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def site() -> Iterator[Site]:
    with running(door=MemoryDoor()) as served:
        yield served


@pytest.fixture
def windows(site: Site) -> Iterator[WebClient]:
    client = WebClient(site)
    yield client
    client.close()


@pytest.mark.parametrize("method", ["OPTIONS", "PROPFIND"])
def test_the_first_question_without_credentials_is_met_by_basic(windows: WebClient, method: str) -> None:
    reply = windows(method, "/", {"Authorization": "", "Depth": "0"})
    assert (reply.status, reply.headers["www-authenticate"]) == (401, 'Basic realm="LA Documents"')


def test_the_question_is_repeated_on_the_same_connection(windows: WebClient) -> None:
    windows("OPTIONS", "/", {"Authorization": ""})
    reply = windows("OPTIONS", "/")
    assert (reply.status, reply.headers["dav"], "PROPFIND" in reply.headers["allow"]) == (200, "1", True)


@pytest.mark.parametrize("path", PARENTS)
def test_every_folder_above_answers_without_its_slash(windows: WebClient, path: str) -> None:
    reply = windows("PROPFIND", path, {"Depth": "0"})
    assert (reply.status, reply.body.count(b"<D:collection/>")) == (207, 1)


def test_nothing_is_redirected(windows: WebClient) -> None:
    statuses = [windows(method, path, {"Depth": "0"}).status for method in ("OPTIONS", "PROPFIND") for path in PARENTS]
    assert not [status for status in statuses if 300 <= status < 400]


@pytest.mark.parametrize("name", PROBES)
def test_probes_are_a_plain_404(windows: WebClient, site: Site, name: str) -> None:
    reply = windows("PROPFIND", f"{SEND}{name}", {"Depth": "0"})
    assert (reply.status, site.door.fs.calls) == (404, [])


def test_a_folder_lists_its_documents_with_what_explorer_shows(windows: WebClient) -> None:
    listing = ET.fromstring(windows("PROPFIND", SEND.rstrip("/"), {"Depth": "1"}).body)
    sizes = [each.text for each in listing.iter("{DAV:}getcontentlength")]
    assert sizes == [str(len(TREE[name])) for name in sorted(TREE) if "/SEND/" in name]


def test_a_document_is_looked_at_and_copied(windows: WebClient) -> None:
    looked = windows("PROPFIND", DOCUMENT, {"Depth": "0"})
    copied = windows("GET", DOCUMENT)
    assert (looked.status, copied.body) == (207, TREE["Derbyshire Documents/2026-11 November/SEND/Provision map.pdf"])


def test_saving_is_refused_without_a_prompt_for_credentials(windows: WebClient) -> None:
    conversation = [
        windows("PROPFIND", f"{SEND}New.docx", {"Depth": "0"}),
        windows("PUT", f"{SEND}New.docx"),
        windows("LOCK", f"{SEND}New.docx", {"Timeout": "Second-3600"}, LOCK),
        windows("PUT", f"{SEND}New.docx", body=b"x" * 1000),
        windows("PROPPATCH", DOCUMENT, body=WIN32),
        windows("DELETE", DOCUMENT),
        windows("MOVE", DOCUMENT, {"Destination": f"{SEND}Other.pdf"}),
        windows("MKCOL", f"{SEND}New%20folder"),
    ]
    assert [reply.status for reply in conversation] == [404, 403, 405, 403, 207, 403, 403, 403]


def test_opening_in_office_falls_back_to_read_only(windows: WebClient) -> None:
    reply = windows("LOCK", DOCUMENT, {"Timeout": "Second-3600"}, LOCK)
    assert (reply.status, "LOCK" in reply.headers["allow"]) == (405, False)


def test_a_domain_before_the_name_reaches_whoever_strips_it(windows: WebClient, site: Site) -> None:
    windows("OPTIONS", "/", {"Authorization": "Basic U0NIT09MXGEuaGVhZDp4"})
    assert site.door.asked[-1][0].username == "SCHOOL\\a.head"
