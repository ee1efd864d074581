"""A person's whole way, without scripts: from the mail to the drive, against the program as it is served."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from auth.totp import code_at
from config.clock import SystemClock
from tests.portal.browsing import served, sign_in
from tests.portal.site import PASSWORD, Site
from tests.support.county import County, serving
from tests.support.programs import need
from tests.support.story import ASHBY, GENERAL, Founded
from tests.support.waiting import until

pytestmark = pytest.mark.needs("chromium", "curl")
NEWCOMER = "n.newcomer"
WITHIN = 5.0  # [R19]


@pytest.fixture
def own_county(founded: Founded, tmp_path: Path) -> Iterator[County]:
    """A running server of this test's own."""
    with serving(founded, tmp_path) as county:
        yield county


def mailed_link(county: County) -> str:
    """The link of the newest mail with one in the folder that takes them, as it stands there."""
    assert until(lambda: any(_links(county)), 30)
    return list(_links(county))[-1]


def _links(county: County) -> Iterator[str]:
    """The links in the mails that were sent, the newest last."""
    mails = (county.home / "mail" / "new").glob("*")
    for file in sorted(mails, key=lambda file: file.stat().st_mtime):
        body = message_from_bytes(file.read_bytes(), policy=policy.default).get_body(("plain",))
        assert body is not None
        yield from re.findall(r"https://\S+/portal/link/[\w-]{43}", body.get_content())


def fresh_code(secret: str, spent: set[str]) -> str:
    """A code that was not typed yet."""
    clock = SystemClock()
    assert until(lambda: code_at(secret, clock.now()) not in spent, 60)
    code = code_at(secret, clock.now())
    spent.add(code)
    return code


def curl(county: County, username: str, device_password: str) -> str:
    """The status that the drive answers."""
    signed_in = ["--cacert", str(county.ca_file), "--user", f"{username}:{device_password}"]
    line = [need("curl"), "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", *signed_in]
    url = f"https://127.0.0.1:{county.https_port}/"
    return subprocess.run([*line, url], capture_output=True, text=True, timeout=30, check=True).stdout


def press(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).first.click()


def test_from_the_mailed_invitation_to_a_drive_and_back(own_county: County, page: Page) -> None:
    county = own_county
    add = ("account", "add", NEWCOMER, "--name", "Nell Newcomer", "--email", "nell.newcomer@school.example")
    county.command(*add, "--school", ASHBY, "--role", "Office", "--category", GENERAL)
    page.goto(mailed_link(county))
    expect(page.get_by_text("Welcome, Nell Newcomer.")).to_be_visible()
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("The new password once more").fill(PASSWORD)
    page.get_by_label("I accept these terms").check()
    press(page, "Go on to one-time codes")
    secret, spent = page.locator(".secret code").inner_text().replace(" ", ""), set[str]()
    page.get_by_label("One-time code").fill(fresh_code(secret, spent))
    press(page, "Activate the account")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account is active")
    expect(page.locator(".codes li")).to_have_count(10)

    page.get_by_role("link", name="I have kept them: sign in").click()
    page.get_by_label("User name or work e-mail address").fill("Nell.Newcomer@school.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("One-time code").fill(fresh_code(secret, spent))
    press(page, "Sign in")
    expect(page.get_by_role("heading", level=1)).to_have_text("My devices and keys")

    page.get_by_label("Name of the device").fill("Office PC")
    press(page, "Make a device password")
    shown = page.locator("code.big").inner_text()
    assert curl(county, NEWCOMER, shown) == "200"
    page.get_by_role("link", name="Done: back to my devices").click()
    expect(page.get_by_text("Your drive connected last on")).to_contain_text("from 127.0.0.1, with curl")

    page.get_by_role("link", name="End the device password Office PC").click()
    press(page, "End it")
    expect(page.get_by_role("status")).to_contain_text("That device password has ended.")
    assert until(lambda: curl(county, NEWCOMER, shown) == "401", WITHIN)


def test_keys_alone_lead_to_a_device_password(site: Site, page: Page) -> None:
    with served(site) as base:
        page.goto(f"{base}/sign-in")
        page.keyboard.press("Shift+Tab")
        sign_in(page, site, base, "o.office")
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text("Skip to the content")
        page.keyboard.press("Enter")
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.locator("#device-name:focus").count():
                break
        page.keyboard.type("Office PC")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Device password for Office PC")


def test_a_refused_form_puts_the_cursor_where_the_problem_is(site: Site, page: Page) -> None:
    with served(site) as base:
        sign_in(page, site, base, "o.office")
        page.get_by_label("Name of the key").fill("Laptop")
        page.get_by_label("Public key").fill("nonsense")
        press(page, "Add the key")
        expect(page.locator("#key")).to_be_focused()
        expect(page.locator("#key")).to_have_accessible_description(re.compile("not an OpenSSH public key"))


def test_a_browser_may_use_plain_http_on_loopback_as_the_demonstration_does(site: Site, page: Page) -> None:
    with served(site) as base:
        sign_in(page, site, base, "o.office")
        cookies = page.context.cookies(base.replace("http:", "https:"))
        expect(page.get_by_role("heading", level=1)).to_have_text("My devices and keys")
    assert [(cookie["name"], cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) for cookie in cookies] == [
        ("__Host-ladocs", True, True, "Strict")
    ]


@contextmanager
def another_site(body: str) -> Iterator[str]:
    """A page of somebody else, at another host name of this machine: to a browser that is another site."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def test_a_form_of_another_site_changes_nothing(site: Site, page: Page) -> None:
    with served(site) as base, another_site(f'<form method="post" action="{base}/sign-out"><button>x</button>') as evil:
        sign_in(page, site, base, "o.office")
        page.goto(evil)
        press(page, "x")
        expect(page.get_by_role("heading", level=1)).to_have_text("Nothing was changed")
        page.goto(f"{base}/account")
        expect(page.get_by_role("heading", level=1)).to_have_text("My devices and keys")


def test_a_link_of_another_site_asks_to_go_on_and_does(site: Site, page: Page) -> None:
    with served(site) as base, another_site(f'<a href="{base}/account">see</a>') as elsewhere:
        sign_in(page, site, base, "o.office")
        page.goto(elsewhere)
        page.get_by_role("link", name="see").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        page.get_by_role("link", name="Go on to your account").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("My devices and keys")


def test_no_page_is_shown_in_a_frame_of_another_site(chromium: Browser, site: Site) -> None:
    with served(site) as base, another_site(f'<iframe src="{base}/sign-in"></iframe>') as evil:
        page = chromium.new_page()
        page.goto(evil)
        shown = page.frames[1].locator("#password").count()
        page.close()
    assert shown == 0


def test_going_back_after_signing_out_shows_nothing_of_before(site: Site, page: Page) -> None:
    with served(site) as base:
        sign_in(page, site, base, "o.office")
        page.goto(f"{base}/account/codes")
        press(page, "Sign out")
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
