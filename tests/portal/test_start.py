"""The start page, and that it fits a telephone."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.portal.pages import make_pages
from gateway.services import Services
from tests.support.pages import CONTACT, SIGNS
from tests.support.programs import need
from tests.webdav.harness import Reply, call_wsgi, running

CLIENTS = ["Windows drive", "macOS", "WinSCP", "FileZilla", "OpenSSH sftp", "rclone", "curl"]
# A document that holds the page at one width and writes into its own title how wide the page's content is.
PROBE = """<!DOCTYPE html><title>?</title>
<iframe src="page.html" width="{width}" height="900" style="border:0"></iframe>
<script>onload = () => {{ const page = document.querySelector("iframe").contentDocument.documentElement;
document.title = page.scrollWidth + " of " + page.clientWidth; }};</script>"""


@pytest.fixture
def client(pages: Flask) -> FlaskClient:
    return pages.test_client()


class Outline(HTMLParser):
    """Elements with their attributes, and the ids."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


def test_the_page_says_what_this_is_and_whom_to_ask(client: FlaskClient) -> None:
    page = client.get("/").text
    assert [
        word for word in ("LA Documents", "01629 536797", "cs.web@example.gov.uk", "90 days") if word not in page
    ] == []


def test_the_page_says_what_windows_drives_cannot_open(client: FlaskClient) -> None:
    assert "files over 50 MB" in " ".join(client.get("/").text.split())


@pytest.mark.parametrize("name", CLIENTS)
def test_every_client_has_its_section(client: FlaskClient, name: str) -> None:
    assert re.search(rf'<h2 id="[a-z]+">{name}</h2>', client.get("/").text)


def test_every_link_within_the_page_has_its_target(client: FlaskClient) -> None:
    outline = Outline(client.get("/").text)
    ids = outline.values("id")
    assert [link for link in outline.values("href") if link.startswith("#") and link[1:] not in ids] == []


def test_nothing_comes_from_elsewhere_and_nothing_runs(client: FlaskClient) -> None:
    outline = Outline(client.get("/").text)
    tags = {tag for tag, _ in outline.elements}
    outside = [link for link in outline.values("href") + outline.values("src") if link.startswith(("http:", "//"))]
    assert (tags & {"script", "style", "iframe", "object"}, outside, outline.values("style")) == (set(), [], [])


@pytest.mark.parametrize(
    ("base", "address"),
    [
        ("https://la.example/", "https://la.example/"),
        ("https://la.example:8443/", "https://la.example:8443/"),
        ("http://127.0.0.1:8080/", "https://127.0.0.1:8443/"),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443/"),
    ],
)
def test_the_addresses_are_those_by_which_the_caller_came(client: FlaskClient, base: str, address: str) -> None:
    assert f"<code>{address}</code>" in client.get("/", base_url=base).text


def test_a_host_with_markup_is_not_repeated(client: FlaskClient) -> None:
    page = client.get("/", headers={"Host": 'x"><script>alert(1)</script>'}).text
    assert "<script>" not in page


def test_settings_with_markup_are_encoded(services_of_pages: Services) -> None:
    odd = replace(SIGNS, contact=replace(CONTACT, service="<b>{{7*7}}</b>"))
    page = make_pages(odd, services_of_pages).test_client().get("/").text
    assert "&lt;b&gt;{{7*7}}&lt;/b&gt;" in page


@pytest.mark.parametrize("path", ["/", "/none", "/static/portal.css", "/static/none"])
def test_every_answer_is_guarded(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        headers = answer.headers
    assert (headers["X-Content-Type-Options"], "default-src 'none'" in headers["Content-Security-Policy"]) == (
        "nosniff",
        True,
    )


def test_no_cookie_is_set(client: FlaskClient) -> None:
    assert "Set-Cookie" not in client.get("/").headers


@pytest.mark.parametrize("path", ["/none", "/static/../pages.py", "/static/%2e%2e/pages.py", "/{{7*7}}"])
def test_an_unknown_page_is_a_page(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, "Page not found" in answer.text) == (404, True)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PROPFIND"])
def test_other_methods_are_refused_with_a_page(client: FlaskClient, method: str) -> None:
    answer = client.open("/", method=method)
    assert (answer.status_code, "GET" in answer.headers["Allow"]) == (405, True)


def test_a_fault_is_an_obstacle_and_says_nothing_of_itself(services_of_pages: Services) -> None:
    pages = make_pages(SIGNS, services_of_pages)
    pages.view_functions["start"] = _fail
    answer = pages.test_client().get("/")
    assert (answer.status_code, "Retry-After" in answer.headers, "secret" in answer.text) == (503, True, False)


def _fail() -> str:
    raise RuntimeError("secret")


def test_the_pages_are_served_beside_the_drive(pages: Flask) -> None:
    with running(pages=pages) as site:
        answers = [site.ask("GET", path, {}) for path in ("/portal/", "/portal/static/portal.css", "/portal/none")]
    assert [answer.status for answer in answers] == [200, 200, 404]


@pytest.fixture
def saved_page(tmp_path: Path, pages: Flask) -> Path:
    """The page and its style sheet as files, side by side."""
    page = _ask(pages, "/").text.replace("/portal/static/", "")
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    (tmp_path / "portal.css").write_bytes(_ask(pages, "/static/portal.css").body)
    return tmp_path


def _ask(pages: Flask, path: str) -> Reply:
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "/portal",
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "HTTP_HOST": "documents.example.gov.uk:8443",
        "wsgi.url_scheme": "https",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    return call_wsgi(pages, environ)


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_fits_its_screen(saved_page: Path, width: int) -> None:
    (saved_page / "probe.html").write_text(PROBE.format(width=width), encoding="utf-8")
    dom = _chromium(saved_page, "--allow-file-access-from-files", "--dump-dom", (saved_page / "probe.html").as_uri())
    assert f"<title>{width} of {width}</title>" in dom


@pytest.mark.needs("chromium")
def test_the_page_can_be_drawn(saved_page: Path) -> None:
    picture = saved_page / "page.png"
    _chromium(saved_page, "--window-size=1280,2600", f"--screenshot={picture}", (saved_page / "page.html").as_uri())
    assert picture.read_bytes().startswith(b"\x89PNG")


def _chromium(folder: Path, *arguments: str) -> str:
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command = [need("chromium"), *quiet, f"--user-data-dir={folder}/profile"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=90, check=True)
    return done.stdout
