"""My password and my one-time codes [R12] [R13]: the current password goes before each change."""

from __future__ import annotations

import re

import pytest

from auth.totp import code_at
from tests.portal.site import PASSWORD, Browser, Site
from tests.portal.test_account import problem_on
from tests.portal.test_links import recovery_codes_on, secret_on


def change(browser: Browser, current: str, new: str = PASSWORD, again: str | None = None) -> int:
    fields = {"password": current, "new": new, "again": new if again is None else again}
    return browser.post("/account/password", **fields).status_code


def test_a_new_password_holds_and_the_old_one_does_not(site: Site) -> None:
    old = site.enrolled("o.office").password
    assert change(site.signed_in("o.office"), old) == 303
    answers = [site.browser().sign_in("o.office", password=word).status_code for word in (PASSWORD, old)]
    assert answers == [303, 403]


def test_this_browser_stays_signed_in_and_others_do_not(site: Site) -> None:
    here, there = site.signed_in("o.office"), site.signed_in("o.office")
    change(here, site.enrolled("o.office").password)
    assert "Your new password holds" in here.get("/account?done=password-changed").text
    assert there.get("/account").headers["Location"] == "/portal/sign-in"


def test_a_change_gives_the_session_a_new_name(site: Site) -> None:
    browser = site.signed_in("o.office")
    old = browser.token or ""
    change(browser, site.enrolled("o.office").password)
    thief = site.browser()
    thief.client.set_cookie("__Host-ladocs", old, domain="documents.example.gov.uk")
    assert (browser.token != old, thief.get("/account").status_code) == (True, 303)


def test_without_the_current_password_nothing_changes(site: Site) -> None:
    browser = site.signed_in("o.office")
    assert change(browser, "not my password") == 422
    assert site.browser().sign_in("o.office").status_code == 303


@pytest.mark.parametrize(
    ("new", "again", "said"),
    [("short", None, "12 to 128"), (PASSWORD, "another one", "not the same"), ("o.office-2026", None, "three random")],
)
def test_a_weak_one_is_refused_at_its_own_field(site: Site, new: str, again: str | None, said: str) -> None:
    browser = site.signed_in("o.office")
    typed = {"password": site.enrolled("o.office").password, "new": new, "again": new if again is None else again}
    page = browser.post("/account/password", **typed).text
    assert said in problem_on(page)
    assert re.search(r'id="new-problem"', page)


def test_the_owner_is_told_by_mail(site: Site) -> None:
    change(site.signed_in("o.office"), site.enrolled("o.office").password)
    assert [kind for kind, _ in site.mails("o.office")] == ["password changed"]


def test_a_page_says_how_many_recovery_codes_are_left(site: Site) -> None:
    browser = site.browser()
    browser.sign_in("o.office", code=site.enrolled("o.office").recovery[0])
    assert "9 recovery codes" in browser.get("/account/codes").text


def test_new_recovery_codes_end_those_before(site: Site) -> None:
    old = site.enrolled("o.office")
    page = site.signed_in("o.office").post("/account/codes/recovery", password=old.password).text
    [new, *_] = recovery_codes_on(page)
    answers = [site.browser().sign_in("o.office", code=code).status_code for code in (old.recovery[0], new)]
    assert answers == [403, 303]


@pytest.mark.parametrize("path", ["/account/codes", "/account/codes/recovery"])
def test_nothing_is_made_without_the_password(site: Site, path: str) -> None:
    answer = site.signed_in("o.office").post(path, password="not mine at all")
    assert (answer.status_code, "otpauth" in answer.text, recovery_codes_on(answer.text)) == (422, False, [])


def test_an_authenticator_that_was_not_confirmed_leaves_the_old_one(site: Site) -> None:
    browser = site.signed_in("o.office")
    browser.post("/account/codes", password=site.enrolled("o.office").password)
    wrong = browser.post("/account/codes/confirm", code="000000")
    assert (wrong.status_code, site.browser().sign_in("o.office").status_code) == (422, 303)


def test_a_confirmed_authenticator_takes_its_place(site: Site) -> None:
    old, browser = site.enrolled("o.office"), site.signed_in("o.office")
    secret = secret_on(browser.post("/account/codes", password=old.password).text)
    site.world.pass_time(seconds=30)
    page = browser.post("/account/codes/confirm", code=code_at(secret, site.world.clock.now())).text
    assert len(recovery_codes_on(page)) == 10
    site.world.pass_time(seconds=30)
    now = site.world.clock.now()
    answers = [site.browser().sign_in("o.office", code=code_at(each, now)) for each in (old.secret, secret)]
    assert [answer.status_code for answer in answers] == [403, 303]


def test_the_page_of_new_codes_signs_out_as_any_other(site: Site) -> None:
    browser = site.signed_in("o.office")
    secret = secret_on(browser.post("/account/codes", password=site.enrolled("o.office").password).text)
    site.world.pass_time(seconds=30)
    page = browser.post("/account/codes/confirm", code=code_at(secret, site.world.clock.now())).text
    seal = re.search(r'name="seal" value="([0-9a-f]{64})"', page)
    assert seal is not None
    answer = browser.open("POST", "/sign-out", {"Sec-Fetch-Site": "same-origin"}, {"seal": seal[1]})
    assert answer.status_code == 200
