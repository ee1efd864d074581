"""Copies of what was withdrawn, at the pages [R26]: who is shown what, and whose word is kept."""

from __future__ import annotations

import pytest

from policy.audit.events import EventKind
from tests.portal.site import Site
from tests.support.withdrawing import withdraw, withdrawn_after_reading
from tests.support.world import HERE, OFFICER, THERE


@pytest.fixture
def reference(site: Site) -> str:
    """A letter that the office had read."""
    site.world.person("k.head", {THERE: ()}, "Headteacher")
    return withdrawn_after_reading(site.world)


def test_the_headteacher_sees_it_by_reference_with_who_had_opened_it_and_never_by_name(
    site: Site, reference: str
) -> None:
    page = site.signed_in("h.head").get("/copies").text
    assert (reference in page, "Opened by O.Office" in page, "letter" in page) == (True, True, False)


def test_the_headteachers_word_is_kept(site: Site, reference: str) -> None:
    browser = site.signed_in("h.head")
    answer = browser.post("/copies/1/destroyed")
    assert answer.headers["Location"] == f"/portal/copies?done={reference}"
    assert "Thank you" in browser.get(f"/copies?done={reference}").text
    [told] = site.world.recorded(EventKind.COPIES_DESTROYED)
    head = site.world.accounts["h.head"]
    assert (told.actor, told.object, told.reference, told.protocol) == (head, f"account:{head}", reference, "portal")


def test_a_second_confirmation_is_refused_in_words(site: Site, reference: str) -> None:
    browser = site.signed_in("h.head")
    browser.post("/copies/1/destroyed")
    answer = browser.post("/copies/1/destroyed")
    assert (answer.status_code, "was confirmed before" in answer.text) == (422, True)


@pytest.mark.parametrize("username", ["o.office", OFFICER])
def test_only_a_headteacher_has_the_page(site: Site, reference: str, username: str) -> None:
    browser = site.signed_in(username)
    assert [browser.get(path).status_code for path in ("/copies", "/copies/1/destroyed")] == [404, 404]
    assert browser.post("/copies/1/destroyed").status_code == 404
    assert site.world.recorded(EventKind.COPIES_DESTROYED) == []


def test_another_schools_headteacher_sees_and_confirms_nothing(site: Site, reference: str) -> None:
    browser = site.signed_in("k.head")
    assert reference not in browser.get("/copies").text
    assert browser.post("/copies/1/destroyed").status_code == 404


def test_what_was_withheld_from_the_headteacher_is_not_shown(site: Site, reference: str) -> None:
    secret = site.world.publish("other.pdf", HERE, "SEND", not_headteacher="about them").reference
    withdraw(site.world, secret)
    assert secret not in site.signed_in("h.head").get("/copies").text
