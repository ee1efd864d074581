"""What a trusted proxy says of its client: read in every form that proxies write, and never guessed."""

from __future__ import annotations

import logging

import pytest

from tests.webdav.harness import BASIC, Wsgi, running, send_raw, status_of

PROXY = "10.0.0.1"
HTTPS = {"X-Forwarded-Proto": "https"}


def drive() -> Wsgi:
    return Wsgi(proxies=[f"{PROXY}/32", "10.9.0.0/16"])


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.9:51234", "203.0.113.9"),
        ("[2001:db8::1]:44", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::ffff:203.0.113.9]:1", "203.0.113.9"),
        ("unknown, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, ::ffff:10.9.0.1, 10.9.0.2:80", "203.0.113.9"),
    ],
)
def test_the_client_is_known_however_the_proxy_writes_it(forwarded: str, address: str) -> None:
    asked = drive()
    asked("GET", "/", {**HTTPS, "X-Forwarded-For": forwarded}, REMOTE_ADDR=PROXY)
    assert asked.door.asked[0][1].address == address


NAMELESS = ["", "unknown", "203.0.113.9, unknown", "203.0.113.9,", "203.0.113.9:", "_hidden", "1.2.3", "10.9.0.1"]


@pytest.mark.parametrize("forwarded", NAMELESS)
def test_a_client_that_the_proxy_does_not_name_is_refused_before_its_password_is_read(forwarded: str) -> None:
    asked = drive()
    reply = asked("GET", "/", {**HTTPS, "X-Forwarded-For": forwarded}, REMOTE_ADDR=PROXY)
    assert (reply.status, asked.door.asked) == (400, [])


def test_a_proxy_that_names_nobody_at_all_is_told_of_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        reply = drive()("GET", "/", HTTPS, REMOTE_ADDR=PROXY)
    assert (reply.status, PROXY in caplog.text) == (400, True)


TWO_LINES = (
    f"OPTIONS / HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC}\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n"
    "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
).encode()


def test_a_line_that_the_proxy_adds_below_its_clients_counts_last() -> None:
    with running(proxies=["127.0.0.1/32"]) as site:
        answer = send_raw(site, TWO_LINES)
    assert (status_of(answer), site.door.asked[0][1].address) == (200, "203.0.113.9")


def test_two_lines_of_a_stranger_are_refused() -> None:
    with running() as site:
        assert status_of(send_raw(site, TWO_LINES)) == 400
