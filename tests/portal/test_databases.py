"""A day at the pages on both databases: every act of them, one after another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from auth.links import Purpose
from tests.portal.site import PASSWORD, Site, a_site
from tests.portal.test_account import at_the_drive, shown_on
from tests.portal.test_links import NEWCOMER, activate, recovery_codes_on
from tests.support.people import KEY
from tests.support.postgres import PostgresServer


@pytest.fixture
def both(tmp_path: Path, server: PostgresServer | None) -> Iterator[Site]:
    with a_site(tmp_path, server) as site:
        yield site


def test_a_day_at_the_pages(both: Site) -> None:
    activate(both, both.browser(), both.invited(NEWCOMER))
    browser = both.signed_in("o.office")
    shown = shown_on(browser.post("/account/devices", name="Office PC").text)
    assert at_the_drive(both, "o.office", shown)
    assert browser.post("/account/devices/1/end").status_code == 303
    assert not at_the_drive(both, "o.office", shown)
    assert browser.post("/account/keys", name="Laptop", key=KEY).status_code == 303
    assert browser.post("/account/keys/1/end").status_code == 303
    password = both.enrolled("o.office").password
    assert len(recovery_codes_on(browser.post("/account/codes/recovery", password=password).text)) == 10
    change = {"password": password, "new": PASSWORD, "again": PASSWORD}
    assert browser.post("/account/password", **change).status_code == 303
    assert browser.post("/account/elsewhere").status_code == 303
    assert browser.get("/account").status_code == 200
    both.browser().post("/forgotten", name="o.office")
    assert [kind for kind, _ in both.mails("o.office")][-1] == "password reset"
    token = both.link("o.office", Purpose.PASSWORD)
    reset = {"new": "heather-quarry-lintel", "again": "heather-quarry-lintel"}
    assert both.browser().post(f"/link/{token}/password", **reset).status_code == 200
    assert browser.get("/account").status_code == 303
    head = both.signed_in("h.head")
    assert head.post("/colleagues/o.office/codes").status_code == 303
    assert head.post("/sign-out").status_code == 200
