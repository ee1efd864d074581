"""`totp`: RFC 6238's vectors, the three steps, the seal, and a step spent once."""

from __future__ import annotations

import base64
import csv
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auth import accounts
from auth.totp import STEP_SECONDS, code_at, is_spent, spend, step_for, uri
from config.errors import OperatorError
from config.secrets import TOTP_SEAL
from tests.auth.world import Someone, World
from tests.support.concurrency import all_at_once, in_processes
from tests.support.databases import opened

_VECTORS = list(csv.DictReader((Path(__file__).parent / "vectors/rfc6238.csv").read_text("ascii").splitlines()))
_RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
_AT = datetime(2026, 11, 23, 9, 0, 15, tzinfo=UTC)
_STEP = timedelta(seconds=STEP_SECONDS)


@pytest.mark.parametrize("row", _VECTORS, ids=lambda row: row["seconds"])
def test_codes_are_those_of_rfc_6238_appendix_b(row: dict[str, str]) -> None:
    at = datetime.fromtimestamp(int(row["seconds"]), UTC)
    assert code_at(_RFC_SECRET, at) == row["sha1_8_digits"][-6:]


@pytest.mark.parametrize(("offset", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_previous_current_and_next_step_alone_are_accepted(offset: int, accepted: bool) -> None:
    assert (step_for(_RFC_SECRET, code_at(_RFC_SECRET, _AT + offset * _STEP), _AT) is not None) is accepted


def test_each_accepted_code_names_its_own_step() -> None:
    steps = [step_for(_RFC_SECRET, code_at(_RFC_SECRET, _AT + offset * _STEP), _AT) for offset in (-1, 0, 1)]
    assert steps == [int(_AT.timestamp()) // STEP_SECONDS + offset for offset in (-1, 0, 1)]


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_off_by_an_hour_accepts_no_code(hours: int) -> None:
    assert step_for(_RFC_SECRET, code_at(_RFC_SECRET, _AT), _AT + timedelta(hours=hours)) is None


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "abcdef", "\u0661\u0662\u0663\u0664\u0665\u0666", "-1", "0" * 5000]
)
def test_what_is_no_code_is_refused_quietly(typed: str) -> None:
    assert step_for(_RFC_SECRET, typed, _AT) is None


def test_blanks_within_a_code_are_ignored() -> None:
    code = code_at(_RFC_SECRET, _AT)
    assert step_for(_RFC_SECRET, f" {code[:3]} {code[3:]}\n", _AT) is not None


def test_a_sealed_secret_opens_for_its_account(world: World) -> None:
    secret = world.totp.new_secret()
    assert world.totp.open(7, world.totp.seal(7, secret)) == secret


def test_a_sealed_secret_opens_for_no_other_account(world: World) -> None:
    with pytest.raises(OperatorError, match="does not open"):
        world.totp.open(8, world.totp.seal(7, world.totp.new_secret()))


@pytest.mark.parametrize("position", [2, 13, 14, 45, 46, -1], ids=lambda position: f"byte {position}")
def test_a_changed_bit_of_the_sealed_secret_is_seen(world: World, position: int) -> None:
    sealed = bytearray(world.totp.seal(7, "A" * 32))
    sealed[position] ^= 1
    with pytest.raises(OperatorError):
        world.totp.open(7, bytes(sealed))


def test_a_secret_sealed_before_the_sealing_secret_changed_still_opens(world: World) -> None:
    sealed = world.totp.seal(7, "A" * 32)
    world.secrets.create(TOTP_SEAL, b"n" * 32)
    assert world.totp.open(7, sealed) == "A" * 32


def test_a_new_secret_has_160_bits(world: World) -> None:
    assert len(base64.b32decode(world.totp.new_secret())) == 20


def test_the_address_of_a_qr_code_names_issuer_and_account() -> None:
    address = uri("A" * 32, username="jo.bloggs", issuer="LA Documents")
    assert address == "otpauth://totp/LA%20Documents:jo.bloggs?secret=" + "A" * 32 + "&issuer=LA%20Documents"


def test_a_step_is_spent_once(everywhere: World) -> None:
    who = everywhere.someone()
    assert [_spend(everywhere, who, 100) for _ in range(3)] == [True, False, False]


def test_of_twenty_who_spend_a_step_at_once_one_wins(everywhere: World) -> None:
    who = everywhere.someone()
    assert sorted(map(str, all_at_once(20, lambda: _spend(everywhere, who, 100)))) == ["False"] * 19 + ["True"]


def _ten_at_once(start: threading.Barrier, url: str, account_id: int) -> list[object]:
    def once() -> bool:
        with database.write() as connection:
            return spend(connection, account_id, 100)

    with opened(url) as database:
        start.wait()
        return all_at_once(10, once)


def test_of_twenty_in_two_processes_one_wins(everywhere: World, empty_url: str) -> None:
    one, other = in_processes(2, _ten_at_once, empty_url, everywhere.someone().id)
    assert isinstance(one, list) and isinstance(other, list)
    assert sorted(map(str, one + other)) == ["False"] * 19 + ["True"]


@pytest.mark.parametrize(("minutes", "waits"), [(0, True), (59.9, True), (60, False), (600, False)])
def test_a_secret_waits_an_hour_for_its_confirming_code(everywhere: World, minutes: float, waits: bool) -> None:
    who, began = everywhere.someone(), everywhere.clock.now()
    sealed = everywhere.totp.seal(who.id, everywhere.totp.new_secret())
    with everywhere.database.write() as connection:
        accounts.set_totp_pending(connection, who.id, sealed, began)
        found = accounts.totp_pending(connection, who.id, began + timedelta(minutes=minutes))
    assert (found == sealed, found is None) == (waits, not waits)


def test_while_a_secret_waits_the_one_in_use_stays_in_use(world: World, jo: Someone) -> None:
    with world.database.write() as connection:
        accounts.set_totp_pending(connection, jo.id, world.totp.seal(jo.id, "A" * 32), world.clock.now())
        sealed = accounts.totp_sealed(connection, jo.id)
    assert sealed is not None and world.totp.open(jo.id, sealed) == jo.secret


def test_steps_may_be_spent_out_of_order_within_the_accepted_ones(everywhere: World) -> None:
    who = everywhere.someone()
    assert [_spend(everywhere, who, step) for step in (101, 99, 100)] == [True, True, True]


def test_a_clock_that_goes_back_revives_no_step(everywhere: World) -> None:
    who = everywhere.someone()
    _spend(everywhere, who, 100)
    for step in range(101, 160):
        _spend(everywhere, who, step)
    assert not _spend(everywhere, who, 100)


def test_spent_steps_of_long_ago_are_cleared_away(everywhere: World) -> None:
    who = everywhere.someone()
    _spend(everywhere, who, 100)
    _spend(everywhere, who, 200)
    with everywhere.database.read() as connection:
        assert (is_spent(connection, who.id, 100), is_spent(connection, who.id, 200)) == (False, True)


def _spend(world: World, who: Someone, step: int) -> bool:
    with world.database.write() as connection:
        return spend(connection, who.id, step)
