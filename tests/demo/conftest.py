"""One demo home for all tests of this folder, built for a Tuesday in November; tests that change it take a copy."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from gateway.demo import guide
from gateway.demo.build import Built, building
from gateway.demo.guide import Doors

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
DOORS = Doors(host="127.0.0.1", sftp_port=2222, https_port=8443, http_port=8080, pid=None)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A demo home, and everybody's credentials."""
    path = tmp_path_factory.mktemp("demo") / "home"
    with building(
        path, user="tester", environ={}, now=NOW, entropy=os.urandom, progress=lambda name, done, total: None
    ) as made:
        guide.write(path, guide.people_of(made), DOORS)
    return made
