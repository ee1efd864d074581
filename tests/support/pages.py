"""The pages as strangers see them, for tests that change nothing there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from gateway.about import Contact
from gateway.portal.pages import make_pages
from gateway.portal.signs import Signs
from gateway.services import Services
from tests.support.world import a_small_world

CONTACT = Contact(
    service="LA Documents",
    support="Children's Services web team",
    phone="01629 536797",
    mail="cs.web@example.gov.uk",
    hours="Monday to Friday, 9:00 to 17:00",
)
SIGNS = Signs(contact=CONTACT, https_port=8443, sftp_port=2222)


@pytest.fixture(scope="session")
def services_of_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """What the pages of a small world stand on."""
    with a_small_world(tmp_path_factory.mktemp("pages")) as world:
        yield world.services


@pytest.fixture(scope="session")
def pages(services_of_pages: Services) -> Flask:
    """The pages of that world."""
    return make_pages(SIGNS, services_of_pages)
