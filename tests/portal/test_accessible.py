"""Every page, as people meet it: nothing of WCAG 2.2 A and AA is found against it, on a telephone and on a desk.

axe needs scripts to look at a page; the pages themselves have none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from auth.links import Purpose
from auth.principal import Door
from tests.portal.browsing import DESK, PHONE, served, sign_in
from tests.portal.site import PASSWORD, Site, a_site
from tests.support.people import KEY
from tests.support.withdrawing import withdrawn_after_reading
from tests.support.world import HERE, OFFICER, peer

pytestmark = pytest.mark.needs("chromium")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
NARROW: ViewportSize = {"width": 320, "height": 740}  # WCAG 2.2, 1.4.10: what a screen of 1280 is at 400 %
SCREENS: dict[str, tuple[ViewportSize, Literal["light", "dark"]]] = {
    "a telephone": (PHONE, "light"),
    "a desk in the dark": (DESK, "dark"),
}


@dataclass
class Visit:
    """A page of a browser before the site at `base`."""

    page: Page
    site: Site
    base: str

    def to(self, path: str) -> None:
        self.page.goto(f"{self.base}{path}")

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).first.click()

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.locator(f"#{name.replace('_', '-')}").fill(value)

    def sign_in(self, username: str = "h.head") -> None:
        sign_in(self.page, self.site, self.base, username)


def _refused(visit: Visit) -> None:
    visit.to("/sign-in")
    visit.fill(name="o.office", password="wrong", code="1")
    visit.press("Sign in")


def _forgotten_sent(visit: Visit) -> None:
    visit.to("/forgotten")
    visit.fill(name="o.office")
    visit.press("Send the link")


def _link(purpose: Purpose) -> Callable[[Visit], None]:
    return lambda visit: visit.to(f"/link/{visit.site.link('o.office', purpose)}")


def _activation(visit: Visit) -> None:
    visit.to(f"/link/{visit.site.invited(f'n.new{len(visit.site.world.accounts)}')}")


def _weak(visit: Visit) -> None:
    _activation(visit)
    visit.fill(new="password1234", again="password1234")
    visit.page.locator("#terms").check()
    visit.press("Go on to one-time codes")


def _scan(visit: Visit) -> None:
    _activation(visit)
    visit.fill(new=PASSWORD, again=PASSWORD)
    visit.page.locator("#terms").check()
    visit.press("Go on to one-time codes")


def _scan_again(visit: Visit) -> None:
    _scan(visit)
    visit.fill(code="000000")
    visit.press("Activate the account")


def _dead_sent(visit: Visit) -> None:
    visit.to("/link/none")
    visit.press("Send a new link")


def _behind(path: str, username: str = "h.head") -> Callable[[Visit], None]:
    def way(visit: Visit) -> None:
        visit.sign_in(username)
        visit.to(path)

    return way


def _device_made(visit: Visit) -> None:
    visit.sign_in("o.office")
    visit.fill(device_name=f"PC {visit.site.world.clock.now():%X}")
    visit.press("Make a device password")


def _key_refused(visit: Visit) -> None:
    visit.sign_in()
    visit.fill(key_name="Laptop", key="nonsense")
    visit.press("Add the key")


def _new_authenticator(visit: Visit) -> None:
    visit.sign_in()
    visit.to("/account/codes")
    visit.fill(password=visit.site.enrolled("h.head").password)
    visit.press("Show the QR code")


def _recovery_codes(visit: Visit) -> None:
    visit.sign_in()
    visit.to("/account/codes")
    visit.fill(recovery_password=visit.site.enrolled("h.head").password)
    visit.press("Make new recovery codes")


def _password_refused(visit: Visit) -> None:
    visit.sign_in()
    visit.to("/account/password")
    visit.fill(password="wrong", new=PASSWORD, again=PASSWORD)
    visit.press("Change the password")


def _signed_out(visit: Visit) -> None:
    visit.sign_in()
    visit.press("Sign out")


PAGES: dict[str, tuple[str, Callable[[Visit], None]]] = {  # how one comes there, and the heading that one finds
    "start": ("Confidential documents for your school", lambda visit: visit.to("/")),
    "sign in": ("Sign in", lambda visit: visit.to("/sign-in")),
    "refused": ("Sign in", _refused),
    "forgotten": ("Forgotten your password?", lambda visit: visit.to("/forgotten")),
    "link on its way": ("Look into your mail", _forgotten_sent),
    "invitation": ("Activate your account", _activation),
    "weak password": ("Activate your account", _weak),
    "QR code": ("One-time codes", _scan),
    "wrong code": ("One-time codes", _scan_again),
    "reset": ("Choose a new password", _link(Purpose.PASSWORD)),
    "new authenticator by mail": ("Set up new one-time codes", _link(Purpose.CODES)),
    "dead link": ("This link has ended", lambda visit: visit.to("/link/none")),
    "new link sent": ("Look into your mail", _dead_sent),
    "account": ("My devices and keys", _behind("/account?done=key-added")),
    "account of the authority": ("My devices and keys", _behind("/account", OFFICER)),
    "device made": ("Device password for PC", _device_made),
    "end a device": ("End the device password", _behind("/account/devices/1/end")),
    "key refused": ("My devices and keys", _key_refused),
    "remove a key": ("Remove the key", _behind("/account/keys/1/end")),
    "password": ("Change your password", _behind("/account/password")),
    "password refused": ("Change your password", _password_refused),
    "codes": ("One-time codes", _behind("/account/codes")),
    "new authenticator": ("A new authenticator", _new_authenticator),
    "recovery codes": ("Your new recovery codes", _recovery_codes),
    "colleagues": ("Colleagues", _behind("/colleagues?done=o.office")),
    "reset a colleague": ("Reset the one-time codes of O.Office?", _behind("/colleagues/o.office/codes")),
    "copies": ("Copies to destroy", _behind("/copies?done=D-0000-00")),
    "confirm copies": ("Are all copies of", _behind("/copies/1/destroyed")),
    "signed out": ("You have signed out", _signed_out),
    "not found": ("Page not found", lambda visit: visit.to("/none")),
}


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose people have a device that was used, a key, a script, and a copy of what was withdrawn."""
    with a_site(tmp_path_factory.mktemp("site")) as site:
        head = site.signed_in("h.head")
        shown = head.post("/account/devices", name="Office PC", networks="192.0.2.0/24").text
        head.post("/account/keys", name="Laptop", key=KEY)
        site.world.service("nightly", "h.head", {HERE: ["General"]})
        withdrawn_after_reading(site.world)
        authenticator = site.world.services.authenticator
        candidate = authenticator.candidate("h.head", peer(Door.WEBDAV, "Microsoft-WebDAV-MiniRedir/10.0.19045"))
        proof = authenticator.check_device(candidate, shown.partition('class="big">')[2][:29])
        assert proof is not None
        authenticator.authenticate(candidate, [proof])
        yield site


@pytest.fixture(scope="module")
def base(lived_in: Site) -> Iterator[str]:
    with served(lived_in) as address:
        yield address


@pytest.fixture
def visit(chromium: Browser, lived_in: Site, base: str) -> Iterator[Visit]:
    context = chromium.new_context()
    yield Visit(context.new_page(), lived_in, base)
    context.close()


def found_by_axe(page: Page) -> list[str]:
    """What axe has against the page, a line each."""
    violations = Axe().run(page, options=RULES).response["violations"]
    return [f"{each['id']}: {node['target']}" for each in violations for node in each["nodes"]]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its screen."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_fits_its_screen(visit: Visit, name: str) -> None:
    heading, way = PAGES[name]
    way(visit)
    assert heading in visit.page.get_by_role("heading", level=1).inner_text()
    for screen, (size, scheme) in SCREENS.items():
        visit.page.set_viewport_size(size)
        visit.page.emulate_media(color_scheme=scheme)
        assert (screen, overflow(visit.page), found_by_axe(visit.page)) == (screen, 0, [])
    visit.page.set_viewport_size(NARROW)
    assert overflow(visit.page) == 0


def test_axe_would_find_something(visit: Visit) -> None:
    visit.to("/sign-in")
    visit.page.evaluate("document.querySelector('label').remove()")
    assert any(found.startswith("label:") for found in found_by_axe(visit.page))


@pytest.mark.parametrize("name", ["recovery codes", "account"])
def test_a_page_obeys_its_own_policy(chromium: Browser, lived_in: Site, base: str, name: str) -> None:
    context = chromium.new_context()
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    PAGES[name][1](Visit(page, lived_in, base))
    context.close()
    assert complaints == []


def test_recovery_codes_print_without_what_belongs_to_the_screen(visit: Visit) -> None:
    _recovery_codes(visit)
    visit.page.emulate_media(media="print")
    seen = visit.page.locator("body").inner_text()
    words = ("h.head", "LA Documents", "Sign out", "Devices and keys", "go to my account")
    assert [word in seen for word in words] == [True, True, False, False, False]
    assert visit.page.locator(".codes li").count() == 10
