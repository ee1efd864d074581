"""`links`: a mailed link is good once and for a time, and looking at one spends nothing [R20]."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from auth import endings, links
from auth.links import LinkRow, Purpose
from auth.models import Link
from config.entropy import system_entropy
from tests.auth.world import Someone, World
from tests.support.concurrency import all_at_once

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
LIVES = {
    Purpose.ACTIVATION: timedelta(days=14),
    Purpose.PASSWORD: timedelta(hours=24),
    Purpose.CODES: timedelta(hours=24),
}
OTHER = {Purpose.ACTIVATION: Purpose.PASSWORD, Purpose.PASSWORD: Purpose.CODES, Purpose.CODES: Purpose.ACTIVATION}

every_purpose = pytest.mark.parametrize("purpose", Purpose)


def _made(world: World, who: Someone, purpose: Purpose = Purpose.PASSWORD, at: datetime = AT) -> str:
    with world.database.write() as connection:
        return links.make(connection, who.id, purpose, at, system_entropy)


def _look(world: World, token: str) -> LinkRow | None:
    with world.database.read() as connection:
        return links.look(connection, token)


def _spend(world: World, token: str, at: datetime = LATER) -> bool:
    with world.database.write() as connection:
        return links.spend(connection, token, at)


def test_a_token_is_256_bits_that_an_address_can_carry(world: World, jo: Someone) -> None:
    tokens = {_made(world, jo) for _ in range(5)}
    assert len(tokens) == 5 and all(re.fullmatch(r"[\w-]{43}", token, re.ASCII) for token in tokens)


def test_the_database_holds_no_token(world: World, jo: Someone) -> None:
    token = _made(world, jo).encode()
    with world.database.read() as connection:
        row = connection.execute(select(Link.__table__)).one()
    assert len(row.hash) == 32 and token not in repr(tuple(row)).encode()


@every_purpose
def test_it_says_whose_it_is_and_what_for(everywhere: World, purpose: Purpose) -> None:
    who = everywhere.someone()
    row = _look(everywhere, _made(everywhere, who, purpose))
    assert row is not None
    assert (row.account_id, row.purpose, row.expires_at, row.ended_at) == (who.id, purpose, AT + LIVES[purpose], None)


@every_purpose
def test_it_is_good_once(everywhere: World, purpose: Purpose) -> None:
    token = _made(everywhere, everywhere.someone(), purpose)
    assert [_spend(everywhere, token) for _ in range(3)] == [True, False, False]


def test_of_twenty_who_spend_one_at_once_one_wins(everywhere: World) -> None:
    token = _made(everywhere, everywhere.someone())
    assert sorted(map(str, all_at_once(20, lambda: _spend(everywhere, token)))) == ["False"] * 19 + ["True"]


def test_looking_spends_nothing(everywhere: World) -> None:
    token = _made(everywhere, everywhere.someone())
    seen = {_look(everywhere, token) for _ in range(5)}
    assert len(seen) == 1 and _spend(everywhere, token)


@every_purpose
def test_it_ends_with_its_time(everywhere: World, purpose: Purpose) -> None:
    token = _made(everywhere, everywhere.someone(), purpose)
    end = AT + LIVES[purpose]
    row = _look(everywhere, token)
    assert row is not None and (row.is_live(end - timedelta(seconds=1)), row.is_live(end)) == (True, False)
    assert not _spend(everywhere, token, end)


@every_purpose
def test_it_is_good_until_its_time_ends(world: World, jo: Someone, purpose: Purpose) -> None:
    token = _made(world, jo, purpose)
    assert _spend(world, token, AT + LIVES[purpose] - timedelta(seconds=1))


@every_purpose
def test_a_newer_one_ends_the_older_of_its_purpose_alone(everywhere: World, purpose: Purpose) -> None:
    who = everywhere.someone()
    older, other = _made(everywhere, who, purpose), _made(everywhere, who, OTHER[purpose])
    newer = _made(everywhere, who, purpose, LATER)
    assert [_spend(everywhere, token) for token in (older, other, newer)] == [False, True, True]


def test_a_newer_one_ends_nobody_elses(world: World, jo: Someone) -> None:
    sams = _made(world, world.someone("sam.shah"))
    _made(world, jo)
    assert _spend(world, sams)


def test_a_dead_one_is_still_known_so_that_a_new_one_can_be_offered(everywhere: World) -> None:
    who = everywhere.someone()
    token = _made(everywhere, who)
    _spend(everywhere, token)
    row = _look(everywhere, token)
    assert row is not None and (row.account_id, row.ended_at, row.is_live(LATER)) == (who.id, LATER, False)


def test_one_that_was_ended_with_the_accounts_sessions_opens_nothing(everywhere: World) -> None:
    who = everywhere.someone()
    token = _made(everywhere, who)
    with everywhere.database.write() as connection:
        endings.end_sessions(connection, who.id, LATER)
    assert not _spend(everywhere, token)


def test_a_clock_that_goes_back_revives_none(world: World, jo: Someone) -> None:
    token = _made(world, jo)
    _spend(world, token)
    assert not _spend(world, token, AT)


@pytest.mark.parametrize("token", ["", "x" * 43, "../../etc", "\ud800", "x" * 99_999, "' OR 1=1 --"])
def test_what_was_never_made_is_no_link(world: World, jo: Someone, token: str) -> None:
    _made(world, jo)
    assert (_look(world, token), _spend(world, token)) == (None, False)
