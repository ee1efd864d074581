"""What a mailed link opens [R20]: nothing happens by looking, each act once, and a dead one says so."""

from __future__ import annotations

import re

import pytest

from auth.links import Purpose
from auth.principal import AccountState
from auth.totp import code_at
from gateway.about import TERMS
from tests.portal.site import PASSWORD, Browser, Site

NEWCOMER = "n.newcomer"
CHOICE = {"new": PASSWORD, "again": PASSWORD, "terms": "accepted"}


def secret_on(page: str) -> str:
    found = re.search(r'<p class="secret"><code>([A-Z2-7 ]+)</code>', page)
    assert found is not None, page
    return found[1].replace(" ", "")


def problem_on(page: str) -> str:
    found = re.search(r'<p class="problem"[^>]*><span class="unseen">Problem: </span>(.*?)</p>', page)
    assert found is not None, page
    return found[1]


def recovery_codes_on(page: str) -> list[str]:
    return re.findall(r"<li><code>([0-9A-Z]{5}-[0-9A-Z]{5})</code></li>", page)


def activate(site: Site, browser: Browser, token: str) -> str:
    """The whole way; the secret of the authenticator."""
    secret = secret_on(browser.post(f"/link/{token}/password", **CHOICE).text)
    code = code_at(secret, site.world.clock.now())
    answer = browser.post(f"/link/{token}/confirm", code=code, terms="accepted")
    assert answer.status_code == 200, answer.text
    return secret


def test_an_invitation_greets_by_name_and_says_the_user_name(site: Site) -> None:
    page = site.browser().get(f"/link/{site.invited(NEWCOMER)}").text
    assert ("Welcome, N.Newcomer" in page, f"<b>{NEWCOMER}</b>" in page) == (True, True)


def test_the_terms_are_shown_whole(site: Site) -> None:
    page = site.browser().get(f"/link/{site.invited(NEWCOMER)}").text
    assert [term for term in TERMS if term.replace("'", "&#39;") not in page] == []


def test_three_random_words_are_offered_others_each_time(site: Site) -> None:
    token, offered = site.invited(NEWCOMER), set()
    for _ in range(3):
        page = site.browser().get(f"/link/{token}").text
        offered.update(re.findall(r'<p class="secret"><code>([a-z]+-[a-z]+-[a-z]+)</code>', page))
    assert len(offered) == 3


def test_password_authenticator_and_terms_make_an_account_active(site: Site) -> None:
    browser, token = site.browser(), site.invited(NEWCOMER)
    secret = activate(site, browser, token)
    site.world.pass_time(seconds=30)
    shown = {"name": NEWCOMER, "password": PASSWORD, "code": code_at(secret, site.world.clock.now())}
    assert browser.post("/sign-in", **shown).status_code == 303


def test_the_terms_that_were_accepted_are_kept(site: Site) -> None:
    activate(site, site.browser(), site.invited(NEWCOMER))
    account = site.world.account(NEWCOMER)
    assert (account.state, account.terms_accepted_at) == (AccountState.ACTIVE, site.world.clock.now())


def test_ten_recovery_codes_are_shown_at_the_end(site: Site) -> None:
    browser, token = site.browser(), site.invited(NEWCOMER)
    secret = secret_on(browser.post(f"/link/{token}/password", **CHOICE).text)
    code = code_at(secret, site.world.clock.now())
    page = browser.post(f"/link/{token}/confirm", code=code, terms="accepted").text
    assert len(set(recovery_codes_on(page))) == 10


def test_the_picture_carries_the_secret_that_stands_beside_it(site: Site) -> None:
    page = site.browser().post(f"/link/{site.invited(NEWCOMER)}/password", **CHOICE).text
    uri = re.search(r'href="(otpauth://totp/[^"]+)"', page)
    assert uri is not None and f"secret={secret_on(page)}" in uri[1]
    assert "<svg " in page


def test_a_used_link_is_dead(site: Site) -> None:
    browser, token = site.browser(), site.invited(NEWCOMER)
    activate(site, browser, token)
    answer = browser.get(f"/link/{token}")
    assert (answer.status_code, "This link has ended" in answer.text) == (410, True)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"again": "steep-lantern-orchid"}, "not the same"),
        ({"new": "short", "again": "short"}, "12 to 128 characters"),
        ({"new": "password1234", "again": "password1234"}, "most common"),
        ({"new": "n.newcomer-2026", "again": "n.newcomer-2026"}, "three random words are a good password"),
        ({"new": "x" * 129, "again": "x" * 129}, "12 to 128 characters"),
        ({"terms": ""}, "terms"),
    ],
)
def test_a_choice_that_will_not_do_is_refused_with_the_rule(site: Site, typed: dict[str, str], said: str) -> None:
    answer = site.browser().post(f"/link/{site.invited(NEWCOMER)}/password", **(CHOICE | typed))
    assert (answer.status_code, said in problem_on(answer.text)) == (422, True)


def test_a_password_that_was_refused_is_not_sent_back(site: Site) -> None:
    typed = {"new": "canary-password-1", "again": "canary-password-2"}
    page = site.browser().post(f"/link/{site.invited(NEWCOMER)}/password", **(CHOICE | typed)).text
    assert "canary" not in page


def test_a_wrong_code_can_be_typed_again(site: Site) -> None:
    browser, token = site.browser(), site.invited(NEWCOMER)
    secret = secret_on(browser.post(f"/link/{token}/password", **CHOICE).text)
    wrong = browser.post(f"/link/{token}/confirm", code="000000", terms="accepted")
    code = code_at(secret, site.world.clock.now())
    right = browser.post(f"/link/{token}/confirm", code=code, terms="accepted")
    assert (wrong.status_code, right.status_code) == (422, 200)


def test_a_new_picture_can_be_asked_for(site: Site) -> None:
    browser, token = site.browser(), site.invited(NEWCOMER)
    first = secret_on(browser.post(f"/link/{token}/password", **CHOICE).text)
    second = secret_on(browser.post(f"/link/{token}/codes").text)
    code = code_at(second, site.world.clock.now())
    answer = browser.post(f"/link/{token}/confirm", code=code, terms="accepted")
    assert (first != second, answer.status_code) == (True, 200)


def test_whoever_comes_back_after_the_first_step_goes_on_with_the_second(site: Site) -> None:
    browser, token = site.browser(), site.invited(NEWCOMER)
    browser.post(f"/link/{token}/password", **CHOICE)
    assert "You have chosen a password already" in browser.get(f"/link/{token}").text


def test_no_authenticator_is_set_up_before_a_password_is_chosen(site: Site) -> None:
    answer = site.browser().post(f"/link/{site.invited(NEWCOMER)}/codes")
    assert (answer.status_code, problem_on(answer.text)) == (422, "Choose a password first.")


def test_nobody_is_activated_without_the_terms(site: Site) -> None:
    browser, token = site.browser(), site.invited(NEWCOMER)
    secret = secret_on(browser.post(f"/link/{token}/password", **CHOICE).text)
    browser.post(f"/link/{token}/confirm", code=code_at(secret, site.world.clock.now()))
    assert site.world.account(NEWCOMER).state is AccountState.INVITED


def test_a_reset_changes_the_password_and_nothing_else(site: Site) -> None:
    site.enrolled("o.office")
    token = site.link("o.office", Purpose.PASSWORD)
    site.browser().post(f"/link/{token}/password", new=PASSWORD, again=PASSWORD)
    answers = [site.browser().sign_in("o.office", password=word) for word in (PASSWORD, "steep-lantern-orchid")]
    assert [answer.status_code for answer in answers] == [303, 403]


def test_a_reset_signs_out_whoever_was_signed_in(site: Site) -> None:
    browser = site.signed_in("o.office")
    token = site.link("o.office", Purpose.PASSWORD)
    site.browser().post(f"/link/{token}/password", new=PASSWORD, again=PASSWORD)
    assert browser.get("/account").headers["Location"] == "/portal/sign-in"


def test_a_reset_is_good_once(site: Site) -> None:
    token = site.link("o.office", Purpose.PASSWORD)
    choice = {"new": PASSWORD, "again": PASSWORD}
    answers = [site.browser().post(f"/link/{token}/password", **choice).status_code for _ in range(2)]
    assert answers == [200, 410]


def test_a_reset_of_a_signed_in_browser_shows_no_session_of_somebody_else(site: Site) -> None:
    head = site.signed_in("h.head")
    page = head.get(f"/link/{site.link('o.office', Purpose.PASSWORD)}").text
    assert ("O.Office" in page, "H.Head" in page) == (True, False)


def test_a_new_authenticator_wants_the_password_first(site: Site) -> None:
    token = site.link("o.office", Purpose.CODES)
    answer = site.browser().post(f"/link/{token}/codes", password="not mine")
    assert (answer.status_code, "otpauth:" in answer.text) == (422, False)


def test_a_new_authenticator_takes_the_old_ones_place(site: Site) -> None:
    old = site.enrolled("o.office")
    browser, token = site.browser(), site.link("o.office", Purpose.CODES)
    secret = secret_on(browser.post(f"/link/{token}/codes", password=old.password).text)
    page = browser.post(f"/link/{token}/confirm", code=code_at(secret, site.world.clock.now())).text
    assert len(recovery_codes_on(page)) == 10
    site.world.pass_time(seconds=30)
    now = site.world.clock.now()
    answers = [browser.sign_in("o.office", code=code_at(each, now)).status_code for each in (old.secret, secret)]
    assert answers == [403, 303]


@pytest.mark.parametrize("act", ["password", "codes", "confirm"])
def test_a_link_does_only_what_it_is_for(site: Site, act: str) -> None:
    purpose = Purpose.CODES if act == "password" else Purpose.PASSWORD
    password = site.enrolled("o.office").password
    token = site.link("o.office", purpose)
    answer = site.browser().post(f"/link/{token}/{act}", new=PASSWORD, again=PASSWORD, password=password, code="1")
    assert (answer.status_code, site.browser().get(f"/link/{token}").status_code) == (410, 200)


@pytest.mark.parametrize("days", [13.9, 14])
def test_an_invitation_is_good_for_fourteen_days(site: Site, days: float) -> None:
    token = site.invited(NEWCOMER)
    site.world.pass_time(days=days)
    assert site.browser().get(f"/link/{token}").status_code == (200 if days < 14 else 410)


def test_a_dead_link_sends_a_new_one_to_the_same_address(site: Site) -> None:
    token = site.invited(NEWCOMER)
    site.world.pass_time(days=15)
    site.browser().post(f"/link/{token}/again")
    assert [kind for kind, _ in site.mails(NEWCOMER)] == ["invitation"]


def test_an_unknown_link_gets_the_answer_of_a_dead_one(site: Site) -> None:
    token = site.invited(NEWCOMER)
    site.world.pass_time(days=15)
    pages = [site.browser().post(f"/link/{each}/again").text for each in (token, "A" * 43, "{{7*7}}", "%00")]
    assert len(set(pages)) == 1


@pytest.mark.parametrize("token", ["x", "%00", "..%2faccount", "{{7*7}}", "%ff", "é", "'--", "A" * 5000])
def test_whatever_stands_in_a_link_is_a_dead_link(site: Site, token: str) -> None:
    assert site.browser().get(f"/link/{token}").status_code in (404, 410)


def test_asking_for_a_forgotten_password_says_nothing(site: Site) -> None:
    names = ("o.office", "o.office@school.example", "nobody", "", "{{7*7}}", "o.officer")
    pages = [site.browser().post("/forgotten", name=name).text for name in names]
    assert (len(set(pages)), "If there is an account" in pages[0]) == (1, True)


def test_a_forgotten_password_is_mailed_a_link_three_times_a_day(site: Site) -> None:
    for _ in range(5):
        site.browser().post("/forgotten", name="O.Office@school.example")
    assert [kind for kind, _ in site.mails("o.office")] == ["password reset"] * 3
