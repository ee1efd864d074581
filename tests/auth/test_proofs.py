"""A proof holds against what was stored when it was shown: whatever is changed before `authenticate` ends it [R19]."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, select

from auth import accounts
from auth.models import Account
from auth.principal import Principal
from auth.verdicts import Refusal, RefusalReason
from config.secrets import PASSWORD_PEPPER
from tests.auth.world import Someone, World

Change = Callable[[World, Connection, Someone], None]


def _new_password(world: World, connection: Connection, who: Someone) -> None:
    accounts.set_password_hash(connection, who.id, world.passwords.hash("quite another password"), world.clock.now())


def _new_secret(world: World, connection: Connection, who: Someone) -> None:
    accounts.set_totp_sealed(connection, who.id, world.totp.seal(who.id, world.totp.new_secret()), world.clock.now())


CHANGES: dict[str, Change] = {
    "another password": _new_password,
    "another secret": _new_secret,
    "no password": lambda world, connection, who: accounts.set_password_hash(
        connection, who.id, None, world.clock.now()
    ),
    "no second factor": lambda world, connection, who: accounts.set_totp_sealed(
        connection, who.id, None, world.clock.now()
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_proofs_end_with_what_they_held_against(world: World, jo: Someone, change: Change) -> None:
    proofs = world.proofs(jo)
    with world.database.write() as connection:
        change(world, connection, jo)
    outcome = world.authenticator.authenticate(world.candidate(), proofs)
    assert outcome == Refusal(reason=RefusalReason.CREDENTIAL_ENDED)


def test_proofs_hold_while_nothing_changes(world: World, jo: Someone) -> None:
    assert isinstance(world.authenticator.authenticate(world.candidate(), world.proofs(jo)), Principal)


def test_a_password_that_is_hashed_anew_on_the_way_in_still_holds(world: World, jo: Someone) -> None:
    before = _stored_hash(world, jo)
    world.secrets.create(PASSWORD_PEPPER, b"newer pepper of thirty-two bytes")
    assert isinstance(world.authenticator.authenticate(world.candidate(), world.proofs(jo)), Principal)
    assert _stored_hash(world, jo) != before


def test_a_proof_shows_nothing_of_what_it_held_against(world: World, jo: Someone) -> None:
    assert not [proof for proof in world.proofs(jo) if "held_against" in repr(proof)]


def _stored_hash(world: World, who: Someone) -> str:
    with world.database.read() as connection:
        return connection.execute(select(Account.password_hash).where(Account.id == who.id)).scalar_one() or ""
