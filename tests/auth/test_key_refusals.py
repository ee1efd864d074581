"""A key that was removed, has run out or comes from elsewhere leaves a trace [R24] and may give its reason [R33]."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from auth import keys
from auth.principal import Door, Factor, Peer, Proof
from auth.verdicts import Effect, Refusal, RefusalReason, Verdict
from policy.access import OBSTACLES, Reason
from policy.audit.events import EventKind
from tests.auth.world import Someone, World
from tests.support.people import KEY, OTHER_KEY
from tests.support.world import ADDRESS, a_world

Spoil = Callable[[World, Someone], None]


def _remove(world: World, who: Someone) -> None:
    with world.database.write() as connection:
        [key] = keys.listing(connection, who.id)
        keys.remove(connection, who.id, key.id, world.clock.now())


def _give(world: World, who: Someone, **options: object) -> None:
    with world.database.write() as connection:
        keys.add(connection, who.id, OTHER_KEY, "other", at=world.clock.now(), **options)  # type: ignore[arg-type]


def _give_for_a_day(world: World, who: Someone) -> None:
    _give(world, who, expires_at=world.clock.now() + timedelta(days=1))
    world.clock.advance(days=1)


def _give_for_elsewhere(world: World, who: Someone) -> None:
    _give(world, who, bound_to=["198.51.100.0/24"])


CASES: dict[str, tuple[Spoil, str, RefusalReason]] = {
    "removed": (_remove, KEY, RefusalReason.CREDENTIAL_ENDED),
    "run out": (_give_for_a_day, OTHER_KEY, RefusalReason.CREDENTIAL_ENDED),
    "from elsewhere": (_give_for_elsewhere, OTHER_KEY, RefusalReason.OTHER_NETWORK),
}


@pytest.mark.parametrize(("spoil", "key", "reason"), CASES.values(), ids=CASES)
def test_a_key_that_does_not_do_is_refused_after_its_signature_and_recorded(
    world: World, jo: Someone, spoil: Spoil, key: str, reason: RefusalReason
) -> None:
    spoil(world, jo)
    candidate = world.candidate()
    assert world.authenticator.offers_key(candidate, key)
    assert world.authenticator.check_public_key(candidate, key) == Refusal(reason=reason)
    assert world.recorder.reasons == [reason]


def test_for_whom_the_key_is_all_that_is_wanted_hears_why(world: World, jo: Someone) -> None:
    _remove(world, jo)
    world.doors.verdict = Verdict(effect=Effect.PERMIT, reason="granted")
    refusal = world.authenticator.check_public_key(world.candidate(), KEY)
    assert refusal == Refusal(reason=RefusalReason.CREDENTIAL_ENDED, message="This key was refused: credential ended.")


def test_a_key_that_holds_is_a_proof(world: World, jo: Someone) -> None:
    proof = world.authenticator.check_public_key(world.candidate(), KEY)
    assert isinstance(proof, Proof)
    assert proof.factor is Factor.PUBLIC_KEY


@pytest.mark.parametrize(
    ("name", "reason"), [("jo.bloggs", RefusalReason.KEY_REFUSED), ("nobody", RefusalReason.UNKNOWN_ACCOUNT)]
)
def test_a_key_of_nobodys_is_not_asked_to_sign(world: World, jo: Someone, name: str, reason: str) -> None:
    candidate = world.candidate(name)
    assert not world.authenticator.offers_key(candidate, OTHER_KEY)
    assert world.authenticator.check_public_key(candidate, OTHER_KEY) is None
    assert world.recorder.reasons == [reason]


def test_a_script_hears_that_its_key_has_ended_or_does_not_come_from_here(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        world.school("830-2001")
        world.person("h.head", {"830-2001": ()}, "Headteacher")
        script = world.service("nightly", "h.head", {"830-2001": ["SEND"]})
        now = world.clock.now()
        with world.changing() as connection:
            removed = keys.add(connection, script, KEY, "old", at=now)
            keys.remove(connection, script, removed.id, now)
            keys.add(connection, script, OTHER_KEY, "new", at=now, bound_to=["198.51.100.0/24"])
        authenticator = world.services.authenticator
        candidate = authenticator.candidate("nightly", Peer(address=ADDRESS, door=Door.SFTP))
        outcomes = [authenticator.check_public_key(candidate, key) for key in (KEY, OTHER_KEY)]
        told = [outcome.message or "" for outcome in outcomes if isinstance(outcome, Refusal)]
        reasons = (Reason.CREDENTIAL_ENDED, Reason.OTHER_NETWORK)
        assert [sentence.startswith(OBSTACLES[reason]) for sentence, reason in zip(told, reasons, strict=True)] == [
            True,
            True,
        ]
        world.services.strangers.sweep()
        assert len(world.recorded(EventKind.SIGN_IN_REFUSED)) == 2
