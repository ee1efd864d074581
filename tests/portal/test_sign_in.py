"""Signing in to the pages: who comes in, what everyone else is told, and how a session begins and ends [R33]."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from auth import accounts
from auth.principal import AccountState
from auth.totp import code_at
from gateway.webdav.limits import HttpLimits
from policy import schools
from policy.audit.events import EventKind
from policy.schools import SchoolState
from tests.portal.site import Browser, Site
from tests.support.world import HERE
from tests.webdav.harness import running

WRONG: dict[str, dict[str, str]] = {
    "password": {"password": "another-lantern-orchard"},
    "code": {"code": "000000"},
    "recovery code": {"code": "00000-00000"},
    "nothing as a code": {"code": ""},
    "nothing as a password": {"password": ""},
    "unknown name": {"name": "nobody.here"},
    "no name": {"name": ""},
    "a device password": {"password": "7K4M-Q2ZX-9PTR-7K4M-Q2ZX-9PTR"},
    "template": {"name": "{{7*7}}", "password": "%s{0.__class__}"},
}


def alert(page: str) -> str:
    found = re.search(r'<div class="alert".*?</div>', page, re.DOTALL)
    assert found is not None, page
    return found[0]


def test_password_and_code_lead_to_the_account(site: Site) -> None:
    answer = site.browser().sign_in("o.office")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/portal/account")


@pytest.mark.parametrize("name", ["O.Office@School.example", " o.office ", "SCHOOL\\o.office"])
def test_one_signs_in_with_the_address_too(site: Site, name: str) -> None:
    assert site.browser().sign_in("o.office", name=name).status_code == 303


@pytest.mark.parametrize("shown", WRONG.values(), ids=WRONG)
def test_whatever_is_wrong_gets_one_answer(site: Site, shown: dict[str, str]) -> None:
    plain = site.browser().sign_in("o.office", password="a wrong one")
    answer = site.browser().sign_in("o.office", **shown)
    assert (answer.status_code, alert(answer.text)) == (403, alert(plain.text))


@pytest.mark.parametrize("shown", WRONG.values(), ids=WRONG)
def test_whatever_is_wrong_sets_no_cookie(site: Site, shown: dict[str, str]) -> None:
    assert "Set-Cookie" not in site.browser().sign_in("o.office", **shown).headers


def test_what_was_typed_as_a_name_is_encoded(site: Site) -> None:
    answer = site.browser().sign_in("o.office", name='"><script>alert(1)</script>{{7*7}}', password="wrong")
    assert "<script>" not in answer.text and "49" not in alert(answer.text)


@pytest.mark.parametrize("body", [b"name=%FF%FE&password=%00&code=1", b"\xff\xfe=\x00", b"&&&===", b""])
def test_a_body_that_is_no_form_signs_nobody_in(site: Site, body: bytes) -> None:
    answer = site.browser().send("/sign-in", body, "application/x-www-form-urlencoded")
    assert answer.status_code in (400, 403)


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data", "nonsense"])
def test_a_body_of_another_kind_signs_nobody_in(site: Site, kind: str) -> None:
    answer = site.browser().send("/sign-in", b"name=o.office&password=x&code=1", kind)
    assert answer.status_code in (400, 403)


def test_a_body_beyond_the_limit_has_its_answer(site: Site) -> None:
    body = b"name=" + b"x" * (64 * 1024)
    answer = site.browser().send("/sign-in", body, "application/x-www-form-urlencoded")
    assert (answer.status_code, "too much at once" in answer.text) == (413, True)


def test_a_name_without_an_end_is_no_name(site: Site) -> None:
    assert site.browser().post("/sign-in", name="x" * 201, password="y", code="1").status_code == 400


def test_a_code_is_good_once(site: Site) -> None:
    code = site.code("o.office")
    first, second = (site.browser().sign_in("o.office", code=code).status_code for _ in range(2))
    assert (first, second) == (303, 403)


def test_a_code_is_not_used_up_beside_a_wrong_password(site: Site) -> None:
    code = site.code("o.office")
    site.browser().sign_in("o.office", code=code, password="a slip of the finger")
    assert site.browser().sign_in("o.office", code=code).status_code == 303


def test_a_recovery_code_does_in_place_of_a_code(site: Site) -> None:
    code = site.enrolled("o.office").recovery[0].lower().replace("-", " ")
    answers = [site.browser().sign_in("o.office", code=code).status_code for _ in range(2)]
    assert answers == [303, 403]


def test_the_person_is_told_by_mail_that_a_recovery_code_was_used(site: Site) -> None:
    site.browser().sign_in("o.office", code=site.enrolled("o.office").recovery[0])
    assert [kind for kind, _ in site.mails("o.office")].count("recovery code used") == 1


def test_the_cookie_is_the_hosts_and_no_scripts(site: Site) -> None:
    cookie = site.browser().sign_in("o.office").headers["Set-Cookie"]
    name, *attributes = [part.strip() for part in cookie.split(";")]
    assert name.startswith("__Host-ladocs=")
    assert set(attributes) == {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"}


def test_a_session_that_was_planted_before_is_of_no_use_after(site: Site) -> None:
    attacker = site.signed_in("h.head")
    victim = site.browser()
    victim.client.set_cookie("__Host-ladocs", attacker.token or "", domain="documents.example.gov.uk")
    victim.sign_in("o.office")
    assert victim.token != attacker.token
    assert attacker.get("/account").headers.get("Location") == "/portal/sign-in"


def test_each_sign_in_is_a_session_of_its_own(site: Site) -> None:
    first, second = site.signed_in("o.office"), site.signed_in("o.office")
    assert first.token != second.token
    assert (first.get("/account").status_code, second.get("/account").status_code) == (200, 200)


def _lie_idle(site: Site, browser: Browser) -> None:
    site.world.pass_time(minutes=30)


def _stay_too_long(site: Site, browser: Browser) -> None:
    for _ in range(10 * 4):
        site.world.pass_time(minutes=15)
        browser.get("/account")


def _sign_out(site: Site, browser: Browser) -> None:
    browser.post("/sign-out")


def _sign_out_elsewhere(site: Site, browser: Browser) -> None:
    site.signed_in("o.office").post("/account/elsewhere")


def _state(state: AccountState) -> Callable[[Site, Browser], None]:
    def act(site: Site, browser: Browser) -> None:
        with site.world.changing() as connection:
            accounts.set_state(connection, site.world.accounts["o.office"], state, site.world.clock.now())

    return act


ENDINGS = {
    "half an hour of idleness": _lie_idle,
    "a working day": _stay_too_long,
    "signing out": _sign_out,
    "signing out elsewhere": _sign_out_elsewhere,
    "leaving": _state(AccountState.LEFT),
    "suspension": _state(AccountState.SUSPENDED),
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_a_session_ends_on_the_server(site: Site, end: Callable[[Site, Browser], None]) -> None:
    browser = site.signed_in("o.office")
    token = browser.token or ""
    end(site, browser)
    thief = site.browser()
    thief.client.set_cookie("__Host-ladocs", token, domain="documents.example.gov.uk")
    assert thief.get("/account").status_code in (303, 403)


def test_a_session_in_use_goes_on_beyond_half_an_hour(site: Site) -> None:
    browser = site.signed_in("o.office")
    for _ in range(4):
        site.world.pass_time(minutes=20)
        assert browser.get("/account").status_code == 200


def test_signing_out_takes_the_cookie_away(site: Site) -> None:
    browser = site.signed_in("o.office")
    answer = browser.post("/sign-out")
    assert (browser.token, "You have signed out" in answer.text) == (None, True)


def test_the_page_after_signing_out_shows_nobody(site: Site) -> None:
    assert "O.Office" not in site.signed_in("o.office").post("/sign-out").text


def test_whoever_was_signed_out_meanwhile_is_told_so_once(site: Site) -> None:
    browser = site.signed_in("o.office")
    site.world.pass_time(hours=1)
    pages = [browser.get("/sign-in").text for _ in range(2)]
    assert ["You have been signed out" in page for page in pages] == [True, False]


def test_whoever_is_signed_in_is_led_from_the_form_to_the_account(site: Site) -> None:
    assert site.signed_in("o.office").get("/sign-in").headers["Location"] == "/portal/account"


def test_a_browser_led_here_by_another_site_is_shown_the_way_on(site: Site) -> None:
    page = site.browser().get("/sign-in", {"Sec-Fetch-Site": "cross-site"}).text
    assert "Signed in already?" in page


def test_who_has_shown_all_factors_is_told_the_true_reason(site: Site) -> None:
    site.enrolled("o.office")
    _state(AccountState.SUSPENDED)(site, site.browser())
    answer = site.browser().sign_in("o.office")
    assert (answer.status_code, "This account is suspended" in answer.text) == (403, True)


def test_who_has_not_is_told_no_reason(site: Site) -> None:
    site.enrolled("o.office")
    _state(AccountState.SUSPENDED)(site, site.browser())
    assert "suspended" not in site.browser().sign_in("o.office", code="000000").text


def test_a_suspended_school_keeps_nobody_from_the_account_which_tells_it(site: Site) -> None:
    with site.world.changing() as connection:
        schools.set_state(connection, site.world.schools[HERE], SchoolState.SUSPENDED)
    page = site.signed_in("o.office").get("/account").text
    assert "Access for this school is suspended at present." in page


def test_a_sign_in_stands_in_the_record(site: Site) -> None:
    site.signed_in("o.office")
    event = site.world.recorded(EventKind.SIGN_IN)[-1]
    assert (event.protocol, event.reason, event.address) == ("portal", "password + totp", "192.0.2.7")


def test_a_fault_of_ours_is_no_wrong_password(site: Site) -> None:
    site.enrolled("o.office")
    code = code_at(site.enrolled("o.office").secret, site.world.clock.now())
    site.world.services.log.close()
    answer = site.browser().sign_in("o.office", code=code)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


def test_the_authorization_header_signs_nobody_in(site: Site) -> None:
    assert site.browser().get("/account", {"Authorization": "Basic bzpv"}).headers["Location"] == "/portal/sign-in"


def test_browsers_that_have_signed_in_wait_no_longer_among_strangers(site: Site) -> None:
    people = ["h.head", "o.office", *(f"p.person{number}" for number in range(4))]
    for person in people[2:]:
        site.world.person(person, {HERE: ["General"]})
    limits = HttpLimits(threads=8, lobby_connections_per_prefix=3)
    with running(limits=limits, pages=site.app) as served:
        clients = [HTTPConnection("127.0.0.1", served.port, timeout=10) for _ in people]
        cookies = [_sign_in_over(client, site, person) for client, person in zip(clients, people, strict=True)]
        answers = [_account_over(client, cookie) for client, cookie in zip(clients, cookies, strict=True)]
        for client in clients:
            client.close()
    assert answers == [200] * len(people)


def _sign_in_over(client: HTTPConnection, site: Site, person: str) -> str:
    shown = {"name": person, "password": site.enrolled(person).password, "code": site.code(person)}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    client.request("POST", "/portal/sign-in", urlencode(shown), headers)
    answer = client.getresponse()
    answer.read()
    return answer.getheader("Set-Cookie", "").partition(";")[0]


def _account_over(client: HTTPConnection, cookie: str) -> int:
    assert client.sock is not None, "the connection of the sign-in was cut"
    client.auto_open = 0  # on this connection or none
    client.request("GET", "/portal/account", headers={"Cookie": cookie})
    answer = client.getresponse()
    answer.read()
    return answer.status
