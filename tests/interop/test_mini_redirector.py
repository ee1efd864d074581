"""The conversation of Windows' WebClient service (Mini-Redirector) with the drive, replayed on a running server.

Requests and headers are those that WebClient sends when a drive is mapped, opened, copied from and written to. What
matters to it: every 401 comes before credentials, everything at and above the mapped folder answers with and without
its slash, what is missing is a plain 404, and a refused write is neither 401 (endless prompts) nor 423 ("in use").
"""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import dirname
from xml.etree import ElementTree as ET

import pytest

from auth.principal import Door
from policy.audit.events import Event
from tests.support.county import County
from tests.support.drives import DavDrive, basic
from tests.support.story import ASHBY, CROWD, DOCUMENTS, Letter, Person

AGENT = {"User-Agent": "Microsoft-WebDAV-MiniRedir/10.0.22631", "translate": "f", "Connection": "Keep-Alive"}
LARGEST_LISTING = 1_000_000  # FileAttributesLimitInBytes: a folder whose answer is longer does not open at all
PROBES = ["desktop.ini", "Desktop.ini", "AutoRun.inf", "Thumbs.db", "folder.jpg", "folder.gif", "~$Letter.docx"]
WIN32 = (
    b'<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:">'
    b"<D:set><D:prop><Z:Win32CreationTime>Tue, 03 Nov 2026 09:30:00 GMT</Z:Win32CreationTime>"
    b"<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>"
)
LOCK = (
    b'<?xml version="1.0" encoding="utf-8" ?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    b"<D:locktype><D:write/></D:locktype><D:owner><D:href>SCHOOL\\r.reader9</D:href></D:owner></D:lockinfo>"
)


class WebClient:
    """One keep-alive connection, as WebClient has it: it names the user with the domain of the PC."""

    def __init__(self, county: County, person: Person) -> None:
        self.person = person
        self._drive = DavDrive(county, person.username, person.device)
        self._credentials = basic(f"SCHOOL\\{person.username}", person.device)

    def __call__(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"", *, known: bool = True
    ) -> tuple[int, dict[str, str], bytes]:
        asked = {**AGENT, "Content-Length": str(len(body)), **(headers or {})}
        return self._drive.ask(method, path, {**asked, "Authorization": self._credentials if known else ""}, body)

    def status(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> int:
        return self(method, path, headers, body)[0]

    def close(self) -> None:
        self._drive.close()


@pytest.fixture(scope="module")
def windows(county: County) -> Iterator[WebClient]:
    client = WebClient(county, county["r.reader9"])
    yield client
    client.close()


@pytest.fixture
def letter(county: County) -> Letter:
    return county.letter("Governor's report.docx")


@pytest.fixture
def path(windows: WebClient, letter: Letter) -> str:
    return letter.path(windows.person)


@pytest.mark.parametrize("method", ["OPTIONS", "PROPFIND"])
def test_the_first_question_without_credentials_is_met_by_basic(windows: WebClient, method: str) -> None:
    status, headers, _ = windows(method, "/", {"Depth": "0"}, known=False)
    assert (status, headers["www-authenticate"]) == (401, 'Basic realm="LA Documents"')


def test_the_question_is_repeated_on_the_same_connection(windows: WebClient) -> None:
    windows("OPTIONS", "/", known=False)
    status, headers, _ = windows("OPTIONS", "/")
    assert (status, headers["dav"], "PROPFIND" in headers["allow"]) == (200, "1", True)


@pytest.mark.parametrize("slash", ["", "/"])
def test_every_folder_above_answers_with_and_without_its_slash(windows: WebClient, path: str, slash: str) -> None:
    folders = [dirname(path), dirname(dirname(path)), f"/{DOCUMENTS}"]
    for folder in ["/", *(f"{folder}{slash}" for folder in folders)]:
        status, _, body = windows("PROPFIND", folder, {"Depth": "0"})
        assert (status, body.count(b"<D:collection/>")) == (207, 1)


@pytest.mark.parametrize("name", PROBES)
def test_probes_are_a_plain_404_that_nobody_writes_down(
    county: County, windows: WebClient, path: str, name: str
) -> None:
    windows("OPTIONS", "/")
    since = county.head()
    assert windows.status("PROPFIND", f"{dirname(path)}/{name}", {"Depth": "0"}) == 404
    assert [event for event in county.events(since) if _of(event, windows.person)] == []


def test_a_folder_lists_its_documents_with_what_explorer_shows(county: County, windows: WebClient, path: str) -> None:
    body = windows("PROPFIND", dirname(path), {"Depth": "1"})[2]
    sizes = [each.text for each in ET.fromstring(body).iter("{DAV:}getcontentlength")]
    beside = {at: one for at, one in county.visible(windows.person).items() if dirname(at) == dirname(path)}
    assert sorted(sizes, key=str) == sorted(str(len(one.data)) for one in beside.values())


def test_the_answer_for_two_thousand_documents_would_not_be_too_long(county: County, windows: WebClient) -> None:
    folder = dirname(county.letter("Payslip 001.pdf").path(windows.person, ASHBY))
    status, _, body = windows("PROPFIND", folder, {"Depth": "1"})
    entries = body.count(b"<D:response>")
    assert (status, entries >= CROWD) == (207, True)
    assert len(body) / entries * 2000 < LARGEST_LISTING


def test_a_document_is_looked_at_and_copied(county: County, windows: WebClient, letter: Letter, path: str) -> None:
    assert windows.status("PROPFIND", path, {"Depth": "0"}) == 207
    assert windows("GET", path)[2] == letter.data
    county.received(windows.person, Door.WEBDAV, letter)


def test_saving_is_refused_without_a_prompt_for_credentials(windows: WebClient, path: str) -> None:
    new, folder = f"{dirname(path)}/New.docx", dirname(path)
    conversation = [
        windows.status("PROPFIND", new, {"Depth": "0"}),
        windows.status("PUT", new),
        windows.status("LOCK", new, {"Timeout": "Second-3600"}, LOCK),
        windows.status("PUT", new, body=b"x" * 1000),
        windows.status("PROPPATCH", path, body=WIN32),
        windows.status("DELETE", path),
        windows.status("MOVE", path, {"Destination": f"{folder}/Other.docx"}),
        windows.status("MKCOL", f"{folder}/New%20folder"),
    ]
    assert conversation == [404, 403, 405, 403, 207, 403, 403, 403]


def test_opening_in_office_falls_back_to_read_only(windows: WebClient, path: str) -> None:
    status, headers, _ = windows("LOCK", path, {"Timeout": "Second-3600"}, LOCK)
    assert (status, "LOCK" in headers["allow"]) == (405, False)


def _of(event: Event, person: Person) -> bool:
    return event.actor == person.account_id
