"""Who gets in at the drive, over which way, and what everyone else is told."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from auth.principal import Door
from gateway.webdav.basic import Credentials, parse_basic
from gateway.webdav.turnstile import Turnstile
from tests.webdav.harness import BASIC, DOCUMENT, PASSWORD, Wsgi

VERBS = ["OPTIONS", "GET", "HEAD", "PROPFIND", "PUT", "DELETE", "LOCK", "BREW"]


def basic(text: bytes) -> str:
    return "Basic " + base64.b64encode(text).decode()


@pytest.mark.parametrize("path", ["/", "/Derbyshire%20Documents/", DOCUMENT, "/none", "/%ff", "/desktop.ini", "*"])
@pytest.mark.parametrize("verb", VERBS)
def test_everything_unauthenticated_gets_one_401(verb: str, path: str) -> None:
    reply = Wsgi()(verb, path, {}, signed_in=False)
    assert (reply.status, reply.headers["www-authenticate"]) == (401, 'Basic realm="LA Documents"')


@pytest.mark.parametrize("verb", ["GET", "HEAD"])
def test_a_browser_at_the_root_is_led_to_the_pages(verb: str) -> None:
    reply = Wsgi()(verb, "/", {"Accept": "text/html,*/*"}, signed_in=False)
    assert (reply.status, reply.headers["location"]) == (302, "/portal/")


@pytest.mark.parametrize(
    ("verb", "path", "headers"),
    [
        ("PROPFIND", "/", {"Accept": "text/html"}),
        ("OPTIONS", "/", {"Accept": "text/html"}),
        ("GET", "/Derbyshire%20Documents", {"Accept": "text/html"}),
        ("GET", "//", {"Accept": "text/html"}),
        ("GET", "/", {"Accept": "*/*"}),
        ("GET", "/", {}),
        ("GET", "/", {"Accept": "text/html", "Authorization": "Basic !"}),
    ],
)
def test_nothing_else_is_led_away(verb: str, path: str, headers: dict[str, str]) -> None:
    assert Wsgi()(verb, path, headers, signed_in=False).status == 401


MALFORMED = {
    "empty": "",
    "no scheme": BASIC.removeprefix("Basic "),
    "no credentials": "Basic",
    "not base64": "Basic %%%",
    "base64 of nothing": "Basic ",
    "not UTF-8": basic(b"\xff\xfe:\xff"),
    "no colon": basic(b"a.head"),
    "no name": basic(b":x"),
    "a NUL": basic(b"a\x00b:x"),
    "another scheme": "Bearer abc",
    "digest": 'Digest username="a"',
    "no padding": "Basic YTpiYw",
    "non-ASCII": "Basic \xff\xff",
}


@pytest.mark.parametrize("header", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_header_is_a_401(header: str) -> None:
    assert Wsgi()("PROPFIND", "/", {"Authorization": header}).status == 401


@pytest.mark.parametrize("header", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_header_asks_nobody(header: str) -> None:
    drive = Wsgi()
    drive("PROPFIND", "/", {"Authorization": header})
    assert drive.door.asked == []


def test_a_missing_header_asks_nobody() -> None:
    drive = Wsgi()
    drive("PROPFIND", "/", {}, signed_in=False)
    assert drive.door.asked == []


def test_the_401_says_what_a_drive_needs_and_where_it_is_made() -> None:
    text = Wsgi()("GET", "/", {}, signed_in=False).text
    assert "device password" in text and "/portal/" in text and "01629 536797" in text


def test_a_wrong_credential_hears_what_a_missing_one_hears() -> None:
    drive = Wsgi()
    missing = drive("GET", "/", {}, signed_in=False)
    wrong = drive("GET", "/", {"Authorization": basic(b"a.head:wrong")})
    assert (missing.status, missing.headers, missing.body) == (wrong.status, wrong.headers, wrong.body)


def test_the_name_is_handed_on_as_it_was_typed() -> None:
    drive = Wsgi()
    drive("GET", "/", {"Authorization": basic(b"SCHOOL\\A.Head:x:y")})
    assert drive.door.asked[0][0] == Credentials("SCHOOL\\A.Head", "x:y")


def test_the_peer_is_told_with_door_address_and_client() -> None:
    drive = Wsgi()
    drive("GET", "/", {"User-Agent": "x" * 500})
    peer = drive.door.asked[0][1]
    assert (peer.door, peer.address, len(peer.client)) == (Door.WEBDAV, "127.0.0.1", 200)


@pytest.mark.parametrize(
    ("remote", "scheme", "headers", "status"),
    [
        ("127.0.0.1", "http", {}, 200),
        ("::1", "http", {}, 200),
        ("192.0.2.7", "https", {}, 200),
        ("192.0.2.7", "http", {}, 403),
        ("192.0.2.7", "http", {"X-Forwarded-Proto": "https"}, 403),
        ("10.0.0.1", "http", {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}, 200),
        ("10.0.0.1", "http", {"X-Forwarded-Proto": "http", "X-Forwarded-For": "192.0.2.7"}, 403),
        ("10.0.0.1", "http", {"X-Forwarded-For": "192.0.2.7"}, 403),
        ("10.0.0.1", "http", {}, 403),
    ],
)
def test_credentials_travel_by_a_private_way_only(
    remote: str, scheme: str, headers: dict[str, str], status: int
) -> None:
    drive = Wsgi(proxies=["10.0.0.0/8"])
    environ: dict[str, Any] = {"REMOTE_ADDR": remote, "wsgi.url_scheme": scheme}
    reply = drive("GET", "/", headers, **environ)
    assert (reply.status, len(drive.door.asked)) == (status, int(status == 200))


def test_nobody_is_asked_for_a_password_over_an_open_way() -> None:
    reply = Wsgi()("GET", "/", {}, signed_in=False, REMOTE_ADDR="192.0.2.7")
    assert (reply.status, "www-authenticate" in reply.headers) == (403, False)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("198.51.100.1, 192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, 10.9.9.9", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
    ],
)
def test_a_trusted_proxy_names_the_last_address_that_is_not_its_own(forwarded: str, address: str) -> None:
    drive = Wsgi(proxies=["10.0.0.0/8"])
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": forwarded}
    drive("GET", "/", headers, REMOTE_ADDR="10.0.0.1")
    assert drive.door.asked[0][1].address == address


def test_a_stranger_cannot_name_an_address() -> None:
    drive = Wsgi()
    drive("GET", "/", {"X-Forwarded-For": "192.0.2.7"})
    assert drive.door.asked[0][1].address == "127.0.0.1"


def test_the_pages_do_not_see_credentials() -> None:
    assert Wsgi()("GET", "/portal/x").text == "/portal|/x|-"


def test_the_drive_ignores_cookies() -> None:
    assert Wsgi()("GET", "/", {"Cookie": "session=stolen"}, signed_in=False).status == 401


def test_the_pages_have_their_slash() -> None:
    assert Wsgi()("GET", "/portal").headers["location"] == "/portal/"


def test_a_name_that_begins_like_the_pages_is_the_drives() -> None:
    assert Wsgi()("GET", "/portals", {}, signed_in=False).status == 401


def test_credentials_hide_their_password() -> None:
    assert PASSWORD not in repr(parse_basic(BASIC))


def test_the_requests_of_one_account_beyond_its_places_are_told_to_come_again() -> None:
    turnstile = Turnstile(places=1, wait=0.01)
    drive = Wsgi(turnstile=turnstile)
    turnstile.enter(7)
    reply = drive("GET", "/")
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")


def test_a_place_is_given_back_after_every_answer() -> None:
    drive = Wsgi(turnstile=Turnstile(places=1, wait=0.01))
    asked = [("GET", "/none"), ("GET", DOCUMENT), ("HEAD", DOCUMENT), ("PUT", "/x"), ("GET", "/%ff"), ("GET", DOCUMENT)]
    assert 503 not in [drive(verb, path).status for verb, path in asked]
