"""Every second: the sessions of accounts, keys and passwords that have ended, end; nobody else's does [R19] [R32]."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update

from auth import accounts, devices, endings
from auth.models import Account
from auth.principal import AccountState, Door
from gateway.errors import Unavailable
from gateway.session import Session
from policy import membership, schools
from policy.audit.events import EventKind
from policy.schools import SchoolState
from tests.support.postgres import PostgresServer
from tests.support.world import HERE, World, a_small_world, path, peer, read, statements, without_table

LETTER = "/Derbyshire Documents/2026-11 November/SEND/letter.pdf"


@pytest.fixture
def world(tmp_path: Path, server: PostgresServer | None) -> Iterator[World]:
    with a_small_world(tmp_path, server) as world:
        world.publish("letter.pdf", HERE, "SEND", b"x" * 200_000)
        yield world


def review(world: World, seconds: float = 1.0) -> None:
    """The review after so many seconds."""
    world.clock.advance(seconds=seconds)
    world.services.sessions.review()


def lost_after(world: World, seconds: float) -> bool:
    """Whether the review after so many seconds leaves the process without an answer for too long."""
    review(world, seconds)
    return world.services.sessions.lost


def rows(world: World) -> int:
    """How many sessions stand in the table."""
    with world.database.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM session")).scalar_one())


def _suspend(world: World) -> None:
    with world.changing() as connection:
        accounts.set_state(connection, world.accounts["o.office"], AccountState.SUSPENDED, world.clock.now())


def _leave(world: World) -> None:
    with world.changing() as connection:
        accounts.set_state(connection, world.accounts["o.office"], AccountState.LEFT, world.clock.now())


def _expire(world: World) -> None:
    with world.changing() as connection:
        account = update(Account).where(Account.id == world.accounts["o.office"])
        connection.execute(account.values(expires_at=world.clock.now()))


def _revoke_device(world: World) -> None:
    account = world.accounts["o.office"]
    with world.changing() as connection:
        [device] = devices.listing(connection, account)
        devices.revoke(connection, account, device.id, world.clock.now())


def _bind_elsewhere(world: World) -> None:
    with world.changing() as connection:
        accounts.set_networks(connection, world.accounts["o.office"], ["198.51.100.0/24"])


_ENDINGS = [
    (_suspend, "suspended"),
    (_leave, "ended"),
    (_expire, "expired"),
    (_revoke_device, "credential ended"),
    (_bind_elsewhere, "other network"),
]


@pytest.mark.parametrize(("happens", "reason"), _ENDINGS)
@pytest.mark.parametrize("begin", [World.session, World.drive])
def test_what_ends_an_account_or_credential_ends_its_sessions_with_its_reason(
    world: World, happens: Callable[[World], None], reason: str, begin: Callable[[World, str], Session]
) -> None:
    session = begin(world, "o.office")
    review(world)
    assert not session.ended()
    happens(world)
    review(world)
    assert session.ended()
    assert [row.reason for row in world.recorded(EventKind.SIGN_OUT, session=session)] == [reason]


def test_an_open_document_of_an_ended_session_reads_no_further_from_then_on(world: World) -> None:
    with world.session("o.office").fs.open(path(LETTER)) as handle:
        assert handle.pread(0, 1)
        _suspend(world)
        review(world)
        assert handle.cached(0, 1) is None
        with pytest.raises(Unavailable):
            handle.pread(0, 1)


def _suspend_school(world: World) -> None:
    with world.changing() as connection:
        schools.set_state(connection, world.schools[HERE], SchoolState.SUSPENDED)


def _leave_school(world: World) -> None:
    with world.changing() as connection:
        membership.leave(connection, world.accounts["o.office"], world.schools[HERE], world.clock.now())


def _end_grant(world: World) -> None:
    world.revoke("o.office", HERE, "SEND")


def _suspend_another(world: World) -> None:
    with world.changing() as connection:
        accounts.set_state(connection, world.accounts["h.head"], AccountState.SUSPENDED, world.clock.now())


@pytest.mark.parametrize("happens", [_suspend_school, _leave_school, _end_grant, _suspend_another])
def test_a_session_in_whose_way_something_else_stands_stays_open(
    world: World, happens: Callable[[World], None]
) -> None:
    session = world.session("o.office")
    happens(world)
    review(world)
    assert not session.ended()


def test_a_new_password_ends_who_came_by_the_old_one_and_no_drive(world: World) -> None:
    drive = world.drive("o.office")
    person = world.services.sessions.open(world.officers_principal(), peer(Door.SFTP))
    world.clock.advance(seconds=1)
    with world.changing() as connection:
        for account in world.accounts.values():
            endings.end_sessions(connection, account, world.clock.now())
    review(world)
    assert (person.ended(), drive.ended()) == (True, False)


def test_who_signed_in_while_it_happened_is_found_a_second_later(world: World) -> None:
    principal = world.principal("o.office")
    _suspend(world)
    review(world)
    session = world.services.sessions.open(principal, peer())
    review(world)
    assert session.ended()


def test_a_session_ends_with_its_own_time_though_nothing_changes(world: World) -> None:
    world.service("nightly", "h.head", {HERE: ["SEND"]})
    principal = world.principal("nightly")
    session = world.session("nightly")
    review(world)
    assert principal.valid_until is not None
    world.pass_until(principal.valid_until - timedelta(seconds=1))
    review(world, 0)
    assert not session.ended()
    world.pass_until(principal.valid_until)
    review(world, 0)
    assert session.ended()


def test_a_drive_that_may_connect_again_gets_a_new_session(world: World) -> None:
    ended = world.drive("o.office")
    _suspend(world)
    review(world)
    with world.changing() as connection:
        accounts.set_state(connection, world.accounts["o.office"], AccountState.ACTIVE, world.clock.now())
    world.clock.advance(seconds=1)
    fresh = world.drive("o.office")
    assert fresh is not ended
    assert read(fresh.fs, LETTER)


# What it costs


def test_a_quiet_second_costs_one_query(world: World) -> None:
    sessions = [world.session("o.office") for _ in range(16)]
    review(world)
    with statements(world.database) as asked:
        review(world)
    assert [statement.split("FROM")[1].split()[0] for statement, _ in asked] == ["generation"]
    assert not any(session.ended() for session in sessions)


def test_a_change_costs_a_handful_of_queries_however_many_are_connected(world: World) -> None:
    for number in range(20):
        world.person(f"p.person{number}", {HERE: ["SEND"]})
        world.session(f"p.person{number}")
    _end_grant(world)
    with statements(world.database) as asked:
        review(world)
    assert len(asked) <= 5


def test_a_review_waits_for_no_writer_and_the_table_forgets_who_ended_at_the_next_sweep(world: World) -> None:
    session = world.session("o.office")
    _suspend(world)
    with without_table(world, "session"):
        review(world)
    assert session.ended()
    assert rows(world) == 1
    world.services.sessions.sweep()
    assert rows(world) == 0


# When the database fails


def test_five_seconds_without_an_answer_are_an_outage_and_it_mends_itself(world: World) -> None:
    session = world.session("o.office")
    review(world)
    with without_table(world, "generation"):
        assert [lost_after(world, seconds) for seconds in (1, 1, 1, 1.9, 0.1)] == [False] * 4 + [True]
    assert not lost_after(world, 1)
    assert not session.ended()


def test_an_outage_is_one_line_of_the_log_and_its_end_another(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "gateway.session"):
        with without_table(world, "generation"):
            for _ in range(3):
                review(world)
        for _ in range(3):
            review(world)
    said = [record.getMessage() for record in caplog.records if record.name == "gateway.session"]
    assert [line.partition(":")[0] for line in said] == [
        "whose access has ended cannot be asked",
        "whose access has ended can be asked again",
    ]


def test_a_session_that_ended_without_the_table_gives_its_place_back_at_the_next_sweep(world: World) -> None:
    session = world.session("o.office")
    with without_table(world, "session"):
        session.close()
    world.services.sessions.sweep()
    assert rows(world) == 0
