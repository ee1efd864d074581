"""What the record's tests share: an empty record on each database, and logs on it that are closed again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.database import Database
from config.schema import Which, upgrade
from policy.audit.log import AuditLog
from tests.support.clock import FakeClock
from tests.support.databases import opened

NAME_KEY = bytes(range(32))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An empty record in a file."""
    return empty(f"sqlite:///{tmp_path}/audit.db")


@pytest.fixture
def url(empty_url: str) -> str:
    """An empty record, on both databases."""
    return empty(empty_url)


@pytest.fixture
def make_log(clock: FakeClock) -> Iterator[Callable[..., AuditLog]]:
    """Logs on a URL, started, and closed at the end of the test."""
    logs: list[AuditLog] = []

    def make(url: str, **options: object) -> AuditLog:
        log = AuditLog(url, clock=clock, entropy=os.urandom, name_key=NAME_KEY, **options)  # type: ignore[arg-type]
        logs.append(log)
        log.start()
        return log

    yield make
    for log in logs:
        log.close()


@pytest.fixture
def log(url: str, make_log: Callable[..., AuditLog]) -> AuditLog:
    return make_log(url)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """The reading side of the record."""
    with opened(url) as database:
        yield database


def empty(url: str) -> str:
    """Tables and triggers at `url`; the URL."""
    upgrade(url, Which.AUDIT)
    return url
