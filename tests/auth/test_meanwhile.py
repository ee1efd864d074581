"""What changes while somebody signs in: all is judged anew in the transaction that remembers, and nothing stays."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from auth import accounts, endings
from auth.principal import AccountState, Door, Peer, Principal, Proof
from auth.verdicts import Refusal, RefusalReason
from config.secrets import PASSWORD_PEPPER
from tests.auth.test_pages import browsers, page_proofs
from tests.auth.test_trust import first_factor, trusts
from tests.auth.world import Notebook, Someone, World

Meanwhile = Callable[[World, Connection, Someone], object]

CHANGES: dict[str, Meanwhile] = {
    "suspended": lambda world, connection, who: accounts.set_state(
        connection, who.id, AccountState.SUSPENDED, world.clock.now()
    ),
    "another secret": lambda world, connection, who: accounts.set_totp_sealed(
        connection, who.id, world.totp.seal(who.id, world.totp.new_secret()), world.clock.now()
    ),
    "no password": lambda world, connection, who: accounts.set_password_hash(
        connection, who.id, None, world.clock.now()
    ),
}


class Slow(Notebook):
    """A record during the first writing of which something happens."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None

    def signed_in(self, principal: Principal, peer: Peer) -> None:
        happening, self.meanwhile = self.meanwhile, None
        if happening is not None:
            happening()
        super().signed_in(principal, peer)


def _changing_while_recording(world: World, who: Someone, change: Meanwhile) -> World:
    """The same room, in which `change` happens while a sign-in of `who` is written down."""

    def happen() -> None:
        with world.database.write() as connection:
            change(world, connection, who)

    slow = Slow()
    slow.meanwhile = happen
    return World(database=world.database, secrets=world.secrets, clock=world.clock, recorder=slow)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_ends_while_a_sign_in_is_recorded_signs_nobody_in_and_founds_no_trust(
    world: World, jo: Someone, change: Meanwhile
) -> None:
    room = _changing_while_recording(world, jo, change)
    outcome = room.authenticator.authenticate(room.candidate(), room.proofs(jo))
    assert isinstance(outcome, Refusal)
    assert trusts(world.database) == 0


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_ends_while_a_sign_in_is_recorded_opens_no_page(world: World, jo: Someone, change: Meanwhile) -> None:
    room = _changing_while_recording(world, jo, change)
    outcome = room.authenticator.open_page(room.candidate(door=Door.PORTAL), page_proofs(room, jo))
    assert isinstance(outcome, Refusal)
    assert browsers(world) == 0


def test_changes_are_held_off_while_a_sign_in_is_written(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    assert world.doors.held == 1


def test_the_record_says_what_came_between(world: World, jo: Someone) -> None:
    room = _changing_while_recording(world, jo, CHANGES["another secret"])
    room.authenticator.authenticate(room.candidate(), room.proofs(jo))
    assert room.recorder.entries == [("signed in", jo.username), ("refused", RefusalReason.CREDENTIAL_ENDED)]


def test_trust_that_ends_while_a_sign_in_is_recorded_leads_to_the_code(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    room = _changing_while_recording(world, jo, lambda world, connection, who: endings.end_trust(connection, who.id))
    outcome = first_factor(room, jo)
    assert isinstance(outcome, Refusal)
    assert outcome.missing


def test_a_password_hash_that_two_processes_renew_at_once_signs_both_in(world: World, jo: Someone) -> None:
    shown: list[Proof | None] = []

    def overtaken(count: int) -> bytes:
        if not shown:  # while the one draws its salt, the other has come and gone
            shown.append(world.authenticator.check_password(world.candidate(), jo.password))
        return os.urandom(count)

    world.secrets.create(PASSWORD_PEPPER, b"newer pepper of thirty-two bytes")
    slower = World(database=world.database, secrets=world.secrets, clock=world.clock, entropy=overtaken)
    shown.append(slower.authenticator.check_password(slower.candidate(), jo.password))
    assert all(
        isinstance(world.authenticator.authenticate(world.candidate(), [proof, *_code(world, jo)]), Principal)
        for proof in shown
        if proof is not None
    )
    assert None not in shown


def _code(world: World, who: Someone) -> list[Proof]:
    world.clock.advance(seconds=90)
    proof = world.authenticator.check_code(world.candidate(), world.code(who))
    return [] if proof is None else [proof]
