"""Every refusal of the drive is one line, and whoever may be helped by asking is told whom [R33] [R36]."""

from __future__ import annotations

import pytest

from gateway.webdav.app import Application, Signpost
from gateway.webdav.turnstile import Turnstile
from tests.support.memory_fs import WRITE_REFUSAL
from tests.webdav.harness import DOCUMENT, MemoryDoor, Wsgi, echo_pages

REFUSED = [
    ("PROPFIND", DOCUMENT, {"Depth": "2"}, 400),
    ("PROPFIND", DOCUMENT, {"Depth": "0", "Content-Encoding": "gzip"}, 415),
    ("GET", "/none", {}, 404),
    ("GET", "/%ff", {}, 404),
    ("PUT", DOCUMENT, {}, 403),
    ("POST", DOCUMENT, {}, 405),
    ("GET", DOCUMENT, {"If-Match": '"other"'}, 412),
    ("GET", DOCUMENT, {"If-Unmodified-Since": "Tue, 03 Nov 2020 09:30:00 GMT"}, 412),
    ("GET", DOCUMENT, {"Range": "bytes=9999999-"}, 416),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), REFUSED)
def test_a_refusal_is_one_line(method: str, path: str, headers: dict[str, str], status: int) -> None:
    reply = Wsgi()(method, path, headers, body=b"<")
    assert (reply.status, len(reply.text.splitlines()), reply.text[-2:]) == (status, 1, ".\n")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "POST", "BREW"])
def test_whoever_would_change_something_is_told_whom_to_ask(method: str) -> None:
    assert Wsgi()(method, DOCUMENT).text == f"{WRITE_REFUSAL}\n"


def test_who_is_not_accepted_is_told_whom_to_ask_in_one_line() -> None:
    text = Wsgi()("GET", DOCUMENT, {}, signed_in=False).text
    assert ("01629 536797" in text, len(text.splitlines())) == (True, 1)


@pytest.mark.parametrize(
    ("name", "realm"), [("Ysgolion \u0174y", "Ysgolion Wy"), ('The "LA" drive', "The LA drive"), ("\u6559\u80b2", "")]
)
def test_the_realm_of_a_service_with_any_name_fits_its_header(name: str, realm: str) -> None:
    drive = Wsgi()
    drive.application = Application(
        door=MemoryDoor(),
        pages=echo_pages,
        turnstile=Turnstile(places=8, wait=5.0),
        proxies=(),
        signpost=Signpost(realm=name, support=""),
    )
    reply = drive("GET", DOCUMENT, {}, signed_in=False)
    assert reply.headers["www-authenticate"] == f'Basic realm="{realm}"'
