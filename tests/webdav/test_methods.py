"""Every verb of HTTP and WebDAV, and what a read-only drive says to it [R4]."""

from __future__ import annotations

from http import HTTPMethod

import pytest
from wsgidav.request_server import RequestServer

from gateway.path import VirtualPath
from gateway.webdav import methods
from gateway.webdav.provider import HANDLERS
from tests.support.memory_fs import WRITE_REFUSAL
from tests.webdav.harness import DOCUMENT, Wsgi

# RFC 9110, 5789, 4918, 3253, 3648, 3744, 4791, 5323, 5842, 8144
EXTENDED = """PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK VERSION-CONTROL REPORT CHECKOUT CHECKIN UNCHECKOUT
MKWORKSPACE UPDATE LABEL MERGE BASELINE-CONTROL MKACTIVITY ORDERPATCH ACL MKCALENDAR SEARCH BIND UNBIND REBIND QUERY"""
VERBS = {each.value for each in HTTPMethod} | set(EXTENDED.split())
PATCH = b'<propertyupdate xmlns="DAV:"><set><prop><displayname>x</displayname></prop></set></propertyupdate>'
ROWS = {
    "GET": 200,
    "HEAD": 200,
    "OPTIONS": 200,
    "PROPFIND": 207,
    "PROPPATCH": 207,
    "PUT": 403,
    "DELETE": 403,
    "MKCOL": 403,
    "COPY": 403,
    "MOVE": 403,
}


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_its_status(verb: str) -> None:
    body = PATCH if verb == "PROPPATCH" else b""
    headers = {"Depth": "0", "Destination": "/x"}
    assert Wsgi()(verb, DOCUMENT, headers, body=body).status == ROWS.get(verb, 405)


@pytest.mark.parametrize("verb", sorted(VERBS - set(methods.SERVED)))
def test_no_verb_but_those_served_opens_or_lists(verb: str) -> None:
    drive = Wsgi()
    drive(verb, DOCUMENT, body=PATCH)
    assert {asked for asked, _ in drive.fs.calls} <= {"refuse_write", "stat"}


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_405_says_truthfully_what_is_allowed(verb: str) -> None:
    drive = Wsgi()
    reply = drive(verb, DOCUMENT, body=PATCH)
    if reply.status == 405:
        allowed = reply.headers["allow"].split(", ")
        assert [drive(each, DOCUMENT, {"Depth": "0"}).status < 300 for each in allowed] == [True] * len(allowed)


@pytest.mark.parametrize("verb", [*sorted(methods.FORBIDDEN), *sorted(methods.NOT_ALLOWED)])
def test_a_refused_write_says_whom_to_ask(verb: str) -> None:
    assert Wsgi()(verb, DOCUMENT).text == f"{WRITE_REFUSAL}\n"


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "POST", "PROPPATCH"])
def test_a_refused_write_is_told_to_the_file_system(verb: str) -> None:
    drive = Wsgi()
    drive(verb, DOCUMENT, body=PATCH)
    assert [operation for _, operation in drive.fs.refused] == [verb]


def test_writing_what_is_not_there_is_refused_alike() -> None:
    assert Wsgi()("PUT", "/new.txt", body=b"x").status == 403


def test_proppatch_refuses_each_property_inside() -> None:
    reply = Wsgi()("PROPPATCH", DOCUMENT, body=PATCH)
    assert "<D:displayname/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status>" in reply.text


def test_proppatch_names_no_property_twice() -> None:
    twice = PATCH.replace(b"</set>", b"</set><remove><prop><displayname/></prop></remove>")
    assert Wsgi()("PROPPATCH", DOCUMENT, body=twice).text.count("<D:displayname/>") == 1


@pytest.mark.parametrize("body", [b"", b"<", b"<a/>", b'<propertyupdate xmlns="DAV:"/>'])
def test_a_proppatch_that_names_nothing_is_a_bad_request(body: bytes) -> None:
    assert Wsgi()("PROPPATCH", DOCUMENT, body=body).status == 400


def test_proppatch_of_what_is_not_there_is_not_found() -> None:
    assert Wsgi()("PROPPATCH", "/none", body=PATCH).status == 404


def test_options_promise_class_1_and_no_locks() -> None:
    assert Wsgi()("OPTIONS", "/").headers["dav"] == "1"


def test_options_of_the_server_need_no_resource() -> None:
    assert Wsgi()("OPTIONS", "*").status == 200


def test_options_of_what_is_not_there_is_not_found() -> None:
    assert Wsgi()("OPTIONS", "/none").status == 404


def test_every_method_that_wsgidav_lets_through_has_a_handler() -> None:
    from gateway.webdav.provider import Drive

    assert set(RequestServer(Drive())._possible_methods) == set(HANDLERS) == set(methods.SERVED)


def test_the_name_of_an_unknown_method_is_not_put_into_the_record() -> None:
    drive = Wsgi()
    drive("X" * 30, DOCUMENT)
    assert [operation for _, operation in drive.fs.refused] == ["unknown method"]


def test_the_path_of_a_refused_write_is_the_one_asked() -> None:
    drive = Wsgi()
    drive("DELETE", "/a%20b")
    assert drive.fs.refused[0][0] == VirtualPath(("a b",))
