"""A real browser before the real server: chromium, driven by playwright, with scripts or without."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from gateway.webdav.server import make_http_server
from tests.portal.site import Site
from tests.support.programs import need

PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser that the tests of a module share. While it is there, no other loop of asyncio runs in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a fresh profile in which nothing runs."""
    context = chromium.new_context(java_script_enabled=False, ignore_https_errors=True)
    yield context.new_page()
    context.close()


@contextmanager
def served(site: Site) -> Iterator[str]:
    """The site behind its real server, on loopback: the address of its pages."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = make_http_server(listener, site.world.services, tls=None, pages=site.app)
        server.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/portal"
        finally:
            server.stop()


def sign_in(page: Page, site: Site, base: str, username: str) -> None:
    """As a person does it, by keyboard: the first field has the focus."""
    page.goto(f"{base}/sign-in")
    page.locator("#name:focus").wait_for()
    for word in (username, site.enrolled(username).password):
        page.keyboard.type(word)
        page.keyboard.press("Tab")
    page.keyboard.type(site.code(username))
    page.keyboard.press("Enter")
    page.wait_for_url(f"{base}/account")
