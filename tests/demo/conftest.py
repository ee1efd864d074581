"""A demo home of today for the tests of this folder, built once a process; tests that change it take a copy."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache

import pytest

from config.clock import SystemClock
from gateway.cli.operators import os_user
from gateway.demo import guide
from gateway.demo.build import Built, building
from gateway.demo.guide import Doors
from gateway.demo.plan import Parcel, plan

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
DOORS = Doors(host="127.0.0.1", sftp_port=2222, https_port=8443, http_port=8080, pid=None)


@cache
def planned(now: datetime = NOW) -> list[Parcel]:
    """The plan for a home that is built at `now`, on a Tuesday in November unless the test says otherwise."""
    return plan(now)


@pytest.fixture(scope="session")
def today() -> datetime:
    """When the home was built: a demo is of the day on which somebody runs it, and serves on that day alone."""
    return SystemClock().now()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, today: datetime) -> Built:
    """A demo home, and everybody's credentials."""
    path = tmp_path_factory.mktemp("demo") / "home"
    with building(
        path, user=os_user({}), environ={}, now=today, entropy=os.urandom, progress=lambda name, done, total: None
    ) as made:
        guide.write(path, guide.people_of(made), DOORS)
    return made
