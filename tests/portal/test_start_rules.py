"""What the start page tells Windows' people: what their drive cannot open, and the steps as a script."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.portal.test_start import Outline

SCRIPT = "/static/connect-drive.cmd"


@pytest.fixture
def client(pages: Flask) -> FlaskClient:
    return pages.test_client()


@pytest.fixture
def script(client: FlaskClient) -> bytes:
    with client.get(SCRIPT) as answer:
        assert answer.status_code == 200
        return bytes(answer.data)


def test_the_page_says_which_folders_windows_does_not_open(client: FlaskClient) -> None:
    assert "a folder of more than about 1,900 documents" in " ".join(client.get("/").text.split())


def test_the_page_leads_to_winscp_where_windows_ends(client: FlaskClient) -> None:
    page = " ".join(client.get("/").text.split())
    assert '<a href="#winscp">WinSCP</a> has none of these limits' in page


def test_the_page_offers_the_script(client: FlaskClient) -> None:
    links = [attributes for tag, attributes in Outline(client.get("/").text).elements if tag == "a"]
    assert [link["href"] for link in links if "download" in link] == [SCRIPT]


def test_the_script_is_downloaded_and_not_shown(client: FlaskClient) -> None:
    with client.get(SCRIPT) as answer:
        assert (answer.mimetype, answer.headers["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")


def test_the_script_is_written_as_windows_reads_it(script: bytes) -> None:
    script.decode("ascii")
    assert script.count(b"\n") == script.count(b"\r\n") > 10


@pytest.mark.parametrize("step", [b"start= auto", b"net start WebClient", b'net use * "%ADDRESS%" * /user:"%NAME%"'])
def test_the_script_takes_every_step(script: bytes, step: bytes) -> None:
    assert step in script


def test_every_leap_of_the_script_has_its_mark(script: bytes) -> None:
    words = script.decode("ascii").split()
    leaps = {words[at + 1] for at, word in enumerate(words) if word == "goto"}
    assert leaps == {word[1:] for word in words if word.startswith(":")}
