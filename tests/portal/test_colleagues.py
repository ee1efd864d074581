"""A headteacher's own staff [R13]: who sees the page, whom it names, and whose codes it resets."""

from __future__ import annotations

import pytest

from policy import membership
from policy.audit.events import EventKind
from tests.portal.site import Site
from tests.support.world import HERE, OFFICER, THERE


@pytest.fixture
def school(site: Site) -> Site:
    """Beside the small world's people, somebody of another school and that school's headteacher."""
    site.world.person("t.there", {THERE: ["General"]})
    site.world.person("k.head", {THERE: ()}, "Headteacher")
    site.world.service("nightly", "o.office", {HERE: ["General"]})
    return site


@pytest.mark.parametrize("username", ["o.office", OFFICER])
def test_only_a_headteacher_has_the_page(school: Site, username: str) -> None:
    browser = school.signed_in(username)
    paths = ("/colleagues", "/colleagues/o.office/codes")
    answers = [browser.get(path).status_code for path in paths] + [browser.post(paths[1]).status_code]
    assert (answers, "Colleagues" in browser.get("/account").text) == ([404, 404, 404], False)


def test_it_names_the_own_staff_and_nobody_else(school: Site) -> None:
    page = school.signed_in("h.head").get("/colleagues").text
    people = ("o.office", "t.there", "k.head", "nightly", OFFICER)
    assert [each for each in people if f"user name {each}" in page] == ["o.office"]


def test_the_link_goes_to_the_colleague_whose_codes_end(school: Site) -> None:
    school.enrolled("o.office")
    answer = school.signed_in("h.head").post("/colleagues/o.office/codes")
    assert answer.status_code == 303
    assert [kind for kind, _ in school.mails("o.office")] == ["one-time codes reset"]
    assert school.browser().sign_in("o.office").status_code == 403


def test_the_headteacher_sees_no_link_and_no_code(school: Site) -> None:
    browser = school.signed_in("h.head")
    browser.post("/colleagues/o.office/codes")
    page = browser.get("/colleagues?done=o.office").text
    assert ("on its way to O.Office" in page, "/portal/link/" in page, "otpauth" in page) == (True, False, False)


def test_a_colleague_who_was_signed_in_is_signed_out(school: Site) -> None:
    colleague = school.signed_in("o.office")
    school.signed_in("h.head").post("/colleagues/o.office/codes")
    assert colleague.get("/account").headers["Location"] == "/portal/sign-in"


@pytest.mark.parametrize("username", ["t.there", "k.head", "h.head", "nightly", OFFICER, "nobody", "{{7*7}}"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_elses_codes_are_reset(school: Site, username: str, method: str) -> None:
    browser = school.signed_in("h.head")
    path = f"/colleagues/{username}/codes"
    answer = browser.get(path) if method == "GET" else browser.post(path)
    assert answer.status_code == 404


def test_whoever_tries_to_reset_the_codes_of_another_school_is_recorded(school: Site) -> None:
    school.signed_in("h.head").post("/colleagues/t.there/codes")
    head, other = (school.world.accounts[username] for username in ("h.head", "t.there"))
    refused = school.world.recorded(EventKind.ACCESS_REFUSED)
    assert [(event.actor, event.object) for event in refused] == [(head, f"account:{other}")]


def test_a_headteacher_no_longer_is_one_at_the_next_request(school: Site) -> None:
    browser = school.signed_in("h.head")
    with school.world.changing() as connection:
        at = school.world.clock.now()
        membership.leave(connection, school.world.accounts["h.head"], school.world.schools[HERE], at)
    assert browser.get("/colleagues").status_code == 404
