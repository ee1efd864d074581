"""Publishing on both databases: the same rows, and two who publish at once wait for each other and do not give up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from gateway import compose
from gateway.models import Delivery
from gateway.publishing import Failed, Item, Published
from gateway.vault.models import Kek
from tests.publishing.authority import EXAMPLE, HILLTOP, NOBODY, Authority, founded, opened
from tests.support.clock import FakeClock
from tests.support.postgres import PostgresServer

EVERYWHERE = (EXAMPLE, HILLTOP, NOBODY)


@pytest.fixture
def authority(server: PostgresServer | None, tmp_path: Path, clock: FakeClock) -> Iterator[Authority]:
    founded(tmp_path / "home", clock, server)
    made = opened(tmp_path / "home", tmp_path / "outbox", clock)
    yield made
    compose.close(made.services)


def test_what_is_published_is_read(authority: Authority) -> None:
    verdict = authority.published(authority.item(None, *EVERYWHERE))
    assert [name for _, name in verdict.names] == ["Letter.pdf"] * 3
    assert authority.rows() == {"object": 1, "document": 1, "delivery": 3, "audience": 0, "batch": 1, "changes": 3}
    assert authority.read("helen.head", "LETTER.PDF") == b"Dear all"
    assert len(verdict.warnings) == 1


def test_what_is_refused_leaves_nothing(authority: Authority) -> None:
    authority.refused(authority.item(authority.file(data=b"")))
    assert authority.rows() == {"object": 0, "document": 0, "delivery": 0, "audience": 0, "batch": 0, "changes": 0}


def test_those_who_publish_at_once_neither_fail_nor_take_one_name_twice(authority: Authority, clock: FakeClock) -> None:
    others = [opened(authority.home.path, authority.outbox, clock) for _ in range(2)]
    verdicts: list[Published | Failed] = []

    def publish(who: Authority, items: list[Item]) -> None:
        verdicts.extend(who.publish(*items))

    threads = [
        threading.Thread(target=publish, args=(who, [authority.item(None, *schools) for _ in range(5)]))
        for who, schools in zip((authority, *others), (EVERYWHERE, EVERYWHERE[::-1], (HILLTOP, EXAMPLE)), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for other in others:
        compose.close(other.services)
    assert [verdict for verdict in verdicts if isinstance(verdict, Failed)] == []
    names = [named for verdict in verdicts if isinstance(verdict, Published) for named in verdict.names]
    assert len(names) == len(set(names)) == 5 * (3 + 3 + 2)
    with authority.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(Delivery)).scalar_one() == len(names)


def test_those_who_make_keys_at_once_make_each_one_once(authority: Authority, clock: FakeClock) -> None:
    others = [opened(authority.home.path, authority.outbox, clock) for _ in range(2)]
    threads = [
        threading.Thread(target=who.services.vault.top_up, args=(who.database, clock.now().date()))
        for who in (authority, *others)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for other in others:
        compose.close(other.services)
    with authority.database.read() as connection:
        keys = [tuple(row) for row in connection.execute(select(Kek.purpose, Kek.day))]
    assert len(keys) == len(set(keys)) == 31 + 91
