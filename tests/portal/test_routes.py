"""Every address of the pages with its method, what it wants and what a stranger gets: the next one cannot be forgotten.

A page that is not in `ROUTES` fails here. "Behind" is behind sign-in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from auth.links import Purpose
from gateway.portal.pages import make_pages
from gateway.portal.visitor import seal_of
from tests.portal.site import OURS, Browser, Site, a_site
from tests.support.pages import SIGNS

BEHIND = "303 /portal/sign-in"
ROUTES = {  # method and rule: whether it is behind sign-in, and what a stranger is answered
    ("GET", "/"): (False, "200"),
    ("GET", "/static/<path:filename>"): (False, "404"),
    ("GET", "/sign-in"): (False, "200"),
    ("POST", "/sign-in"): (False, "403"),
    ("POST", "/sign-out"): (True, BEHIND),
    ("GET", "/forgotten"): (False, "200"),
    ("POST", "/forgotten"): (False, "200"),
    ("GET", "/link/<token>"): (False, "410"),
    ("POST", "/link/<token>/password"): (False, "410"),
    ("POST", "/link/<token>/codes"): (False, "410"),
    ("POST", "/link/<token>/confirm"): (False, "410"),
    ("POST", "/link/<token>/again"): (False, "200"),
    ("GET", "/account"): (True, BEHIND),
    ("POST", "/account/devices"): (True, BEHIND),
    ("GET", "/account/devices/<int:number>/end"): (True, BEHIND),
    ("POST", "/account/devices/<int:number>/end"): (True, BEHIND),
    ("POST", "/account/keys"): (True, BEHIND),
    ("GET", "/account/keys/<int:number>/end"): (True, BEHIND),
    ("POST", "/account/keys/<int:number>/end"): (True, BEHIND),
    ("POST", "/account/elsewhere"): (True, BEHIND),
    ("GET", "/account/password"): (True, BEHIND),
    ("POST", "/account/password"): (True, BEHIND),
    ("GET", "/account/codes"): (True, BEHIND),
    ("POST", "/account/codes"): (True, BEHIND),
    ("POST", "/account/codes/confirm"): (True, BEHIND),
    ("POST", "/account/codes/recovery"): (True, BEHIND),
    ("GET", "/colleagues"): (True, BEHIND),
    ("GET", "/colleagues/<username>/codes"): (True, BEHIND),
    ("POST", "/colleagues/<username>/codes"): (True, BEHIND),
    ("GET", "/copies"): (True, BEHIND),
    ("GET", "/copies/<int:number>/destroyed"): (True, BEHIND),
    ("POST", "/copies/<int:number>/destroyed"): (True, BEHIND),
}
POSTS = [rule for method, rule in ROUTES if method == "POST"]
SEALED = [rule for (method, rule), (behind, _) in ROUTES.items() if behind and method == "POST"]
WITHOUT_CREDENTIALS = {("GET", "/"), ("GET", "/static/<path:filename>")}
FOREIGN = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "another site that claims our origin": {
        "Sec-Fetch-Site": "cross-site",
        "Origin": "https://documents.example.gov.uk",
    },
    "a neighbour": {"Sec-Fetch-Site": "same-site"},
    "nobody's page": {"Sec-Fetch-Site": "none"},
    "an older browser at another site": {"Origin": "https://evil.example"},
    "another scheme": {"Origin": "http://documents.example.gov.uk"},
    "a frame without an origin": {"Origin": "null"},
    "a program that says nothing": {},
}


def at(rule: str) -> str:
    """An address that `rule` answers."""
    parts = {"<path:filename>": "none", "<token>": "x" * 43, "<int:number>": "7", "<username>": "o.office"}
    for part, value in parts.items():
        rule = rule.replace(part, value)
    return rule


def answer_of(response: TestResponse) -> str:
    place = response.headers.get("Location")
    return f"{response.status_code} {place}" if place else str(response.status_code)


def test_every_address_is_in_the_table(pages: Flask) -> None:
    found = {(method, rule.rule) for rule in pages.url_map.iter_rules() for method in rule.methods or ()}
    assert found - {("HEAD", rule) for _, rule in ROUTES} - {("OPTIONS", "/static/<path:filename>")} == set(ROUTES)


@pytest.mark.parametrize(("method", "rule"), ROUTES)
def test_a_stranger_gets_what_the_table_says(site: Site, method: str, rule: str) -> None:
    answer = site.browser().open(method, at(rule), OURS)
    assert answer_of(answer) == ROUTES[method, rule][1]


@pytest.mark.parametrize(("method", "rule"), ROUTES)
def test_a_cookie_of_nobodys_session_is_a_stranger(site: Site, method: str, rule: str) -> None:
    browser = site.browser()
    browser.client.set_cookie("__Host-ladocs", "A" * 43, domain="documents.example.gov.uk")
    assert answer_of(browser.open(method, at(rule), OURS)) == ROUTES[method, rule][1]


@pytest.mark.parametrize(("method", "rule"), sorted(set(ROUTES) - WITHOUT_CREDENTIALS))
def test_nothing_is_said_on_a_way_that_others_can_hear(site: Site, method: str, rule: str) -> None:
    browser = site.browser(**{"ladocs.private": False})
    answer = browser.open(method, at(rule), OURS)
    assert (answer.status_code, "https://" in answer.text) == (403, True)


@pytest.mark.parametrize(("method", "rule"), sorted(set(ROUTES) - WITHOUT_CREDENTIALS))
def test_nothing_is_said_to_somebody_whom_the_proxy_does_not_name(site: Site, method: str, rule: str) -> None:
    assert site.browser(**{"ladocs.address": None}).open(method, at(rule), OURS).status_code == 400


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headteacher who is signed in, and whom no test here may change."""
    with a_site(tmp_path_factory.mktemp("site")) as site:
        yield site.signed_in("h.head")


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("rule", POSTS)
def test_no_form_is_taken_from_elsewhere(head: Browser, rule: str, headers: dict[str, str]) -> None:
    assert head.token is not None
    answer = head.open("POST", at(rule), headers, {"seal": seal_of(head.token)})
    assert (answer.status_code, "Nothing was changed" in answer.text) == (403, True)


@pytest.mark.parametrize("seal", ["", "0" * 64, seal_of("A" * 43)], ids=["none", "a guess", "another session's"])
@pytest.mark.parametrize("rule", SEALED)
def test_no_form_behind_sign_in_is_taken_without_the_sessions_seal(head: Browser, rule: str, seal: str) -> None:
    answer = head.open("POST", at(rule), OURS, {"seal": seal})
    assert (answer.status_code, "Nothing was changed" in answer.text) == (403, True)


@pytest.mark.parametrize(("method", "rule"), sorted(set(ROUTES) - WITHOUT_CREDENTIALS))
def test_nothing_behind_sign_in_is_kept_by_a_browser(site: Site, method: str, rule: str) -> None:
    assert site.browser().open(method, at(rule), OURS).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "PROPFIND", "TRACE", "BREW"])
@pytest.mark.parametrize("rule", ["/account", "/sign-in", "/link/x", "/colleagues"])
def test_other_methods_are_refused(head: Browser, rule: str, method: str) -> None:
    assert head.open(method, rule, OURS).status_code == 405


def test_an_older_browser_that_names_our_origin_is_believed(site: Site) -> None:
    answer = site.browser().open("POST", "/forgotten", {"Origin": "https://documents.example.gov.uk"}, {"name": "x"})
    assert answer.status_code == 200


def test_a_proxy_that_changes_host_does_not_stand_between_an_older_browser_and_its_form(site: Site) -> None:
    services = site.world.services
    service = services.settings.service.model_copy(update={"url": "https://papers.example"})
    settings = services.settings.model_copy(update={"service": service})
    site.app = make_pages(SIGNS, replace(services, settings=settings))
    answer = site.browser().open("POST", "/forgotten", {"Origin": "https://papers.example"}, {"name": "x"})
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_to_look_at_a_link_spends_and_changes_nothing(site: Site, method: str) -> None:
    token = site.link("o.office", Purpose.PASSWORD)
    statements = site.statements_of(lambda: site.browser().open(method, f"/link/{token}", {}))
    assert [statement for statement in statements if not statement.startswith("SELECT")] == []
