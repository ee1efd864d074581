"""My devices and keys [R16] [R17]: made, shown once, used, told of, ended; and where one is signed in."""

from __future__ import annotations

import re

import pytest

from auth import accounts
from auth.principal import AccountState, Door, Principal, StaffRole
from policy.audit.events import EventKind
from tests.portal.site import Site
from tests.support.people import KEY, OTHER_KEY, enter_person
from tests.support.world import HERE, OFFICER, peer

TITLE = "<h1>My devices and keys</h1>"
OFFICE_PC = "<h3>Office PC</h3>"
RSA_1024 = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7vbqajDw4o6gJy8UtmIbkcpnkO3Kwc4qsEnSZp/TR+fQi62F79RHWmwKOtFmwteURgLbj7D/"
    "WGuNLGOfa/2vse3G2eHnHl5CB8ruRX9fBl/KgwCVr2JaEuUm66bBQeP5XeBotdR4cvX38uPYivCDdPjJ1QWPdspTBKcxeFbccDw=="
)


def shown_on(page: str) -> str:
    """The device password of the page."""
    found = re.search(r'class="big">([0-9A-Z-]{29})</code>', page)
    assert found is not None, page
    return found[1]


def problem_on(page: str) -> str:
    found = re.search(r'<p class="problem"[^>]*><span class="unseen">Problem: </span>(.*?)</p>', page)
    assert found is not None, page
    return found[1]


def at_the_drive(site: Site, username: str, password: str, client: str = "a test") -> bool:
    """Whether a drive with this device password is let in."""
    authenticator = site.world.services.authenticator
    candidate = authenticator.candidate(username, peer(Door.WEBDAV, client))
    proof = authenticator.check_device(candidate, password)
    return proof is not None and isinstance(authenticator.authenticate(candidate, [proof]), Principal)


def test_a_device_password_is_shown_once_and_opens_the_drive(site: Site) -> None:
    browser = site.signed_in("o.office")
    shown = shown_on(browser.post("/account/devices", name="Office PC").text)
    assert (at_the_drive(site, "o.office", shown), shown in browser.get("/account").text) == (True, False)


def test_the_page_that_shows_it_says_how_it_is_used(site: Site) -> None:
    page = site.signed_in("o.office").post("/account/devices", name="Office PC").text
    said = ("https://documents.example.gov.uk/", "<code>o.office</code>", "Map network drive")
    assert [each for each in said if each not in page] == []


def test_a_page_that_is_loaded_again_makes_no_second_one(site: Site) -> None:
    browser = site.signed_in("o.office")
    answers = [browser.post("/account/devices", name="Office PC").status_code for _ in range(2)]
    assert (answers, browser.get("/account").text.count(OFFICE_PC)) == ([200, 422], 1)


def test_the_name_of_an_ended_one_is_free(site: Site) -> None:
    browser = site.signed_in("o.office")
    browser.post("/account/devices", name="Office PC")
    browser.post("/account/devices/1/end")
    assert browser.post("/account/devices", name="Office PC").status_code == 200


def test_a_device_password_can_be_bound_to_networks(site: Site) -> None:
    browser = site.signed_in("o.office")
    browser.post("/account/devices", name="Office PC", networks=" 198.51.100.0/24; 2001:db8::/48,192.0.2.9 ")
    [device] = site.world.services.own.devices(site.principal("o.office"))
    assert device.networks == "192.0.2.9/32,198.51.100.0/24,2001:db8::/48"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": ""}, "carries the name of its device"),
        ({"name": "Office PC", "networks": "the hall"}, "is not a network"),
        ({"name": "Office PC", "networks": "0.0.0.0/0"}, "is everywhere"),
    ],
)
def test_what_will_not_do_is_said_at_its_form(site: Site, typed: dict[str, str], said: str) -> None:
    answer = site.signed_in("o.office").post("/account/devices", **typed)
    assert (answer.status_code, said in problem_on(answer.text)) == (422, True)


def test_the_page_tells_when_from_where_and_with_what_a_drive_connected(site: Site) -> None:
    browser = site.signed_in("o.office")
    shown = shown_on(browser.post("/account/devices", name="Office PC").text)
    at_the_drive(site, "o.office", shown, "Microsoft-WebDAV-MiniRedir/10.0.19045")
    page = " ".join(browser.get("/account").text.split())
    assert "connected last on Monday 23 November 2026 at 9:00, from 192.0.2.7, with a Windows drive" in page


def test_what_a_client_says_of_itself_is_encoded(site: Site) -> None:
    browser = site.signed_in("o.office")
    shown = shown_on(browser.post("/account/devices", name="<i>{{7*7}}</i>").text)
    at_the_drive(site, "o.office", shown, "<script>alert(1)</script>")
    page = browser.get("/account").text
    assert ("<script>" in page, "<i>" in page, "&lt;i&gt;{{7*7}}&lt;/i&gt;" in page) == (False, False, True)


def test_one_that_has_slept_for_ninety_days_says_so(site: Site) -> None:
    site.signed_in("o.office").post("/account/devices", name="Office PC")
    site.world.pass_time(days=91)
    assert "has not been used for 90 days" in site.signed_in("o.office").get("/account").text


def test_ending_asks_first_and_names_the_device(site: Site) -> None:
    browser = site.signed_in("o.office")
    browser.post("/account/devices", name="Office PC")
    page = browser.get("/account/devices/1/end").text
    assert ("End the device password “Office PC”?" in page, OFFICE_PC in browser.get("/account").text) == (True, True)


def test_an_ended_device_password_opens_nothing(site: Site) -> None:
    browser = site.signed_in("o.office")
    shown = shown_on(browser.post("/account/devices", name="Office PC").text)
    browser.post("/account/devices/1/end")
    assert (at_the_drive(site, "o.office", shown), OFFICE_PC in browser.get("/account").text) == (False, False)


@pytest.mark.parametrize("kind", ["devices", "keys"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_ends_what_belongs_to_somebody_else(site: Site, kind: str, method: str) -> None:
    head = site.signed_in("h.head")
    head.post("/account/devices", name="Head's PC")
    head.post("/account/keys", name="Head's key", key=KEY)
    other = site.signed_in("o.office")
    answer = other.get(f"/account/{kind}/1/end") if method == "GET" else other.post(f"/account/{kind}/1/end")
    page = head.get("/account").text
    assert (answer.status_code, "Head&#39;s PC" in page, "Head&#39;s key" in page) == (404, True, True)


def test_people_of_the_authority_are_told_that_they_have_no_drive(site: Site) -> None:
    page = site.signed_in(OFFICER).get("/account").text
    assert ("Accounts of the authority have no drive" in page, "Make a device password" in page) == (True, False)


def test_nor_can_they_make_a_device_password(site: Site) -> None:
    answer = site.signed_in(OFFICER).post("/account/devices", name="PC")
    assert answer.status_code == 422


def test_a_key_is_added_shown_by_its_fingerprint_and_removed(site: Site) -> None:
    browser = site.signed_in("o.office")
    browser.post("/account/keys", name="Laptop", key=f"{KEY} me@laptop\r\n")
    before = browser.get("/account").text
    browser.post("/account/keys/1/end")
    fingerprint = "SHA256:fe85JkIjo8VPe+XqXJGH5Mau1EMFdK1OdKvJUFicyA8"
    assert (fingerprint in before, fingerprint in browser.get("/account").text) == (True, False)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "not an OpenSSH public key"),
        ("nonsense", "not an OpenSSH public key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
        (f"{KEY}\n{OTHER_KEY}", "not an OpenSSH public key"),
        (RSA_1024, "1024 bits"),
    ],
)
def test_a_key_that_is_none_is_refused_with_what_would_do(site: Site, key: str, said: str) -> None:
    answer = site.signed_in("o.office").post("/account/keys", name="Laptop", key=key)
    assert (answer.status_code, said in problem_on(answer.text)) == (422, True)


def test_what_was_typed_stands_in_the_form_that_was_refused(site: Site) -> None:
    page = site.signed_in("o.office").post("/account/keys", name="My laptop", key="nonsense").text
    assert ('value="My laptop"' in page, ">nonsense</textarea>" in page) == (True, True)


@pytest.mark.parametrize("act", ["device", "key"])
def test_a_new_way_in_is_told_to_its_owner_by_mail(site: Site, act: str) -> None:
    browser = site.signed_in("o.office")
    if act == "device":
        browser.post("/account/devices", name="Office PC")
    else:
        browser.post("/account/keys", name="Laptop", key=KEY)
    assert [kind for kind, _ in site.mails("o.office")] == ["device password added" if act == "device" else "key added"]


def test_each_act_stands_in_the_record_with_who_and_from_where(site: Site) -> None:
    site.signed_in("o.office").post("/account/devices", name="Office PC")
    event = site.world.recorded(EventKind.CREDENTIAL_ADDED)[-1]
    actor = site.world.accounts["o.office"]
    assert (event.actor, event.protocol, event.address) == (actor, "portal", "192.0.2.7")


def test_a_persons_scripts_are_shown_to_them_alone(site: Site) -> None:
    site.world.service("nightly", "o.office", {HERE: ["General"]})
    pages = [site.signed_in(person).get("/account").text for person in ("o.office", "h.head")]
    assert ["<h3>nightly</h3>" in page for page in pages] == [True, False]


def test_signing_out_elsewhere_keeps_this_browser_and_ends_the_others(site: Site) -> None:
    here, there = site.signed_in("o.office"), site.signed_in("o.office")
    here.post("/account/elsewhere")
    assert TITLE in here.get("/account").text
    assert there.get("/account").headers.get("Location") == "/portal/sign-in"


def test_the_forms_of_a_session_with_a_new_name_are_sealed_anew(site: Site) -> None:
    browser = site.signed_in("o.office")
    old = browser.token
    browser.post("/account/elsewhere")
    assert browser.token != old
    assert browser.post("/account/devices", name="Office PC").status_code == 200


ACTS = {
    "/account/devices": {"name": "Office PC"},
    "/account/devices/1/end": {},
    "/account/keys": {"name": "Laptop", "key": KEY},
    "/account/keys/1/end": {},
    "/account/elsewhere": {},
}


@pytest.mark.parametrize("path", ACTS)
def test_whoever_is_suspended_between_the_gate_and_the_act_does_nothing(site: Site, path: str) -> None:
    browser = site.signed_in("o.office")
    browser.post("/account/devices", name="Laptop")
    browser.post("/account/keys", name="Desk", key=OTHER_KEY)

    def suspend() -> None:
        with site.world.changing() as connection:
            at = site.world.clock.now()
            accounts.set_state(connection, site.world.accounts["o.office"], AccountState.SUSPENDED, at)

    site.app.before_request_funcs[None].append(suspend)
    events = site.world.recorded(EventKind.CREDENTIAL_ADDED, EventKind.CREDENTIAL_REMOVED)
    answer = browser.post(path, **ACTS[path])
    after = site.world.recorded(EventKind.CREDENTIAL_ADDED, EventKind.CREDENTIAL_REMOVED)
    assert (answer.headers.get("Location"), len(after)) == ("/portal/sign-in", len(events))


@pytest.mark.parametrize("done", ["<script>", "{{7*7}}", "password-changed", "nonsense"])
def test_what_an_address_says_was_done_is_one_of_our_own_sentences(site: Site, done: str) -> None:
    page = site.signed_in("o.office").get(f"/account?done={done}").text
    assert ("<script>" in page, '<div class="done"' in page) == (False, done == "password-changed")


def test_an_auditor_looks_after_the_own_keys_too(site: Site) -> None:
    with site.world.changing() as connection:
        at = site.world.clock.now()
        site.world.accounts["a.auditor"] = enter_person(connection, "a.auditor", at, roles=[StaffRole.AUDITOR])
    assert site.signed_in("a.auditor").post("/account/keys", name="Laptop", key=KEY).status_code == 303
