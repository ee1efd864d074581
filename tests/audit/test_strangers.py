"""What strangers can write is bounded, and still says who knocked how often."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from policy.audit.events import Event, EventKind, Result
from policy.audit.log import AuditLog
from policy.audit.query import Filter, listing
from policy.audit.strangers import Strangers, prefix
from tests.support.clock import FakeClock
from tests.support.databases import opened
from tests.support.events import an_event

Rows = Callable[[], list[Event]]


def knock(address: str = "192.0.2.7", actor: int | None = None, reason: str = "wrong password") -> Event:
    return an_event(
        event=EventKind.SIGN_IN_REFUSED, result=Result.DENY, address=address, actor=actor, reason=reason,
        school=None, session="", object="jane.doe typed this", reference="",
    )  # fmt: skip


@pytest.fixture
def log(sqlite_url: str, make_log: Callable[..., AuditLog]) -> AuditLog:
    return make_log(sqlite_url)


@pytest.fixture
def strangers(log: AuditLog, clock: FakeClock) -> Strangers:
    return Strangers(log, clock)


@pytest.fixture
def rows(log: AuditLog, sqlite_url: str) -> Rows:
    def read() -> list[Event]:
        log.flush()
        with opened(sqlite_url) as database, database.read() as connection:
            found = [entry.event for entry in listing(connection, Filter(), limit=100_000)]
        return [event for event in found if event is not None]

    return read


def test_a_refusal_is_on_record_at_once(strangers: Strangers, rows: Rows) -> None:
    strangers.refused(knock())
    assert [event.address for event in rows()] == ["192.0.2.0/24"]


def test_what_a_stranger_typed_is_not_kept(strangers: Strangers, rows: Rows) -> None:
    strangers.refused(knock())
    assert rows()[0].object == "unknown"


def test_refusals_alike_are_counted_by_the_minute(strangers: Strangers, rows: Rows, clock: FakeClock) -> None:
    for n in range(200):
        strangers.refused(knock(address=f"192.0.2.{n}"))
    clock.advance(minutes=1)
    strangers.sweep()
    assert [event.count for event in rows()] == [1, 199]


def test_accounts_and_reasons_are_counted_apart(strangers: Strangers, rows: Rows) -> None:
    for event in (knock(), knock(actor=4), knock(actor=5), knock(actor=5, reason="wrong code")):
        strangers.refused(event)
    assert [(event.actor, event.reason) for event in rows()] == [
        (None, "wrong password"),
        (4, "wrong password"),
        (5, "wrong password"),
        (5, "wrong code"),
    ]


def test_a_flood_from_everywhere_writes_no_more_than_a_thousand_rows_a_minute(
    strangers: Strangers, rows: Rows, clock: FakeClock
) -> None:
    for n in range(20_000):
        strangers.refused(knock(address=f"10.{n % 250}.{n // 250 % 250}.1"))
    clock.advance(minutes=1)
    strangers.sweep()
    assert len(rows()) <= 1000


def test_a_flood_is_counted_to_the_last_refusal(strangers: Strangers, rows: Rows, clock: FakeClock) -> None:
    for n in range(20_000):
        strangers.refused(knock(address=f"10.{n % 250}.{n // 250 % 250}.1"))
    clock.advance(minutes=1)
    strangers.sweep()
    assert sum(event.count for event in rows()) == 20_000


def test_the_suppressed_are_one_row(strangers: Strangers, rows: Rows) -> None:
    for n in range(2000):
        strangers.refused(knock(address=f"10.{n % 250}.{n // 250}.1"))
    strangers.end()
    suppressed = [event.count for event in rows() if event.event is EventKind.SUPPRESSED]
    assert suppressed == [2000 - 499]


def test_a_refusal_never_waits_for_the_record(strangers: Strangers, log: AuditLog) -> None:
    log.close()
    strangers.refused(knock())


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_addresses_are_counted_by_their_network(address: str, expected: str) -> None:
    assert prefix(address) == expected
