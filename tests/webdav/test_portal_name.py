"""`/portal` without its slash: a browser is led to the pages, a drive finds nothing of that name and is never led."""

from __future__ import annotations

import pytest

from tests.support.memory_fs import WRITE_REFUSAL
from tests.webdav.harness import Wsgi

METHODS = ["OPTIONS", "PROPFIND", "PROPPATCH", "POST", "PUT", "DELETE", "MKCOL", "MOVE", "LOCK", "BREW"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_browser_is_led_to_the_pages(method: str) -> None:
    reply = Wsgi()(method, "/portal", {}, signed_in=False)
    assert (reply.status, reply.headers["location"]) == (308, "/portal/")


@pytest.mark.parametrize("method", METHODS)
def test_a_stranger_is_asked_who_it_is(method: str) -> None:
    reply = Wsgi()(method, "/portal", {}, signed_in=False)
    assert (reply.status, "location" in reply.headers) == (401, False)


@pytest.mark.parametrize("method", ["OPTIONS", "PROPFIND"])
def test_a_drive_has_nothing_of_that_name(method: str) -> None:
    reply = Wsgi()(method, "/portal", {"Depth": "0"})
    assert (reply.status, "location" in reply.headers) == (404, False)


@pytest.mark.parametrize(("method", "status"), [("PUT", 403), ("DELETE", 403), ("MKCOL", 403), ("POST", 405)])
def test_writing_is_refused_as_anywhere_on_the_drive(method: str, status: int) -> None:
    reply = Wsgi()(method, "/portal")
    assert (reply.status, reply.text) == (status, f"{WRITE_REFUSAL}\n")


def test_a_method_that_is_not_served_is_told_which_are() -> None:
    assert Wsgi()("POST", "/portal").headers["allow"] == "OPTIONS, GET, HEAD, PROPFIND"
