"""`recovery`: ten codes, shown once, each good once, however they are typed and whoever asks at once [R13]."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select

from auth import recovery
from auth.models import RecoveryCode
from auth.recovery import RecoveryCodes
from config.database import Database
from config.secrets import DEVICE_KEY, Secrets
from tests.auth.world import Someone, World
from tests.support.concurrency import all_at_once, in_processes
from tests.support.databases import opened

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def _made(world: World, who: Someone) -> tuple[str, ...]:
    with world.database.write() as connection:
        return world.recovery.replace(connection, who.id, AT)


def _spend(codes: RecoveryCodes, database: Database, account_id: int, typed: str) -> bool:
    with database.write() as connection:
        return codes.spend(connection, account_id, typed, AT)


def _good(world: World, who: Someone, typed: str) -> bool:
    return _spend(world.recovery, world.database, who.id, typed)


def _left(world: World, who: Someone) -> int:
    with world.database.read() as connection:
        return recovery.left(connection, who.id)


def test_there_are_ten_of_two_groups_of_five_and_all_differ(world: World, jo: Someone) -> None:
    codes = _made(world, jo)
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", code) for code in codes)


def test_each_is_good_once(everywhere: World) -> None:
    who = everywhere.someone()
    assert [[_good(everywhere, who, code) for _ in range(3)] for code in _made(everywhere, who)] == [
        [True, False, False]
    ] * 10


def test_how_many_are_left_is_known(everywhere: World) -> None:
    who = everywhere.someone()
    before, codes = _left(everywhere, who), _made(everywhere, who)
    for code in codes[:3]:
        _good(everywhere, who, code)
    assert (before, _left(everywhere, who)) == (0, 7)


def test_of_twenty_who_show_one_at_once_one_wins(everywhere: World) -> None:
    who = everywhere.someone()
    code = _made(everywhere, who)[4]
    assert sorted(map(str, all_at_once(20, lambda: _good(everywhere, who, code)))) == ["False"] * 19 + ["True"]


def _ten_at_once(start: threading.Barrier, url: str, secrets: Path, account_id: int, typed: str) -> list[object]:
    codes = RecoveryCodes(Secrets(secrets), os.urandom)
    with opened(url) as database:
        start.wait()
        return all_at_once(10, lambda: _spend(codes, database, account_id, typed))


def test_of_twenty_in_two_processes_one_wins(everywhere: World, empty_url: str, tmp_path: Path) -> None:
    who = everywhere.someone()
    code = _made(everywhere, who)[4]
    one, other = in_processes(2, _ten_at_once, empty_url, tmp_path / "secrets", who.id, code)
    assert isinstance(one, list) and isinstance(other, list)
    assert sorted(map(str, one + other)) == ["False"] * 19 + ["True"]


def test_a_code_is_good_for_its_account_alone(world: World, jo: Someone) -> None:
    sam = world.someone("sam.shah")
    code = _made(world, jo)[0]
    assert [_good(world, who, code) for who in (sam, jo)] == [False, True]


def test_new_ones_end_those_before_and_nobody_elses(world: World, jo: Someone) -> None:
    sam = world.someone("sam.shah")
    old, sams, new = _made(world, jo), _made(world, sam), _made(world, jo)
    assert [_good(world, jo, old[0]), _good(world, sam, sams[0]), _good(world, jo, new[0])] == [False, True, True]


TYPED: dict[str, Callable[[str], str]] = {
    "as shown": str,
    "in small letters": str.lower,
    "without the hyphen": lambda code: code.replace("-", ""),
    "with blanks": lambda code: f"  {' '.join(code)} ",
    "with O for 0": lambda code: code.replace("0", "O"),
    "with o for 0": lambda code: code.replace("0", "o"),
    "with l for 1": lambda code: code.replace("1", "l"),
    "with I for 1": lambda code: code.replace("1", "I"),
}


@pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED)
def test_a_code_is_recognised_however_it_is_typed(world: World, jo: Someone, typed: Callable[[str], str]) -> None:
    numbers = count(1 << 45)  # "10000-0000..."
    codes = RecoveryCodes(world.secrets, lambda size: (next(numbers) << 6).to_bytes(size, "big"))
    with world.database.write() as connection:
        code = codes.replace(connection, jo.id, AT)[1]
    assert code == "10000-00001"
    assert _spend(codes, world.database, jo.id, typed(code))


@pytest.mark.parametrize("typed", ["", "492039", "0" * 9, "0" * 11, "U" * 10, "\ud800" * 10, "\uff10" * 10, "x" * 9999])
def test_nothing_else_is_recognised_or_spent(world: World, jo: Someone, typed: str) -> None:
    _made(world, jo)
    assert (_good(world, jo, typed), _left(world, jo)) == (False, 10)


def test_the_database_alone_tells_no_code(world: World, jo: Someone, tmp_path: Path) -> None:
    code = _made(world, jo)[0]
    other = Secrets(tmp_path / "other secrets")
    other.create(DEVICE_KEY, b"o" * 32)
    assert not _spend(RecoveryCodes(other, os.urandom), world.database, jo.id, code)


def test_the_database_holds_a_keyed_hash_of_each(world: World, jo: Someone) -> None:
    code = _made(world, jo)[0].replace("-", "").encode()
    with world.database.read() as connection:
        hashes = connection.execute(select(RecoveryCode.hash)).scalars().all()
    assert len(set(hashes)) == 10 and not [kept for kept in hashes if len(kept) != 32 or code in kept]


def test_those_made_before_the_key_changed_are_good(world: World, jo: Someone) -> None:
    code = _made(world, jo)[0]
    world.secrets.create(DEVICE_KEY, b"n" * 32)
    assert _good(world, jo, code)


def test_by_its_form_it_is_told_from_a_one_time_code(world: World, jo: Someone) -> None:
    shown = (_made(world, jo)[0], world.code(jo), jo.device, jo.password)
    assert [recovery.looks_like_one(typed) for typed in shown] == [True, False, False, False]
