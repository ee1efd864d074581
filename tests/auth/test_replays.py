"""A right code that was used before: no proof, and no guess either [R13] [R18]."""

from __future__ import annotations

from auth.verdicts import RefusalReason
from tests.auth.world import Someone, World


def test_a_code_shown_again_proves_nothing(world: World, jo: Someone) -> None:
    candidate, code = world.candidate(), world.code(jo)
    shown = [world.authenticator.check_code(candidate, code) for _ in range(3)]
    assert [proof is not None for proof in shown] == [True, False, False]
    assert world.recorder.reasons == [RefusalReason.CODE_SPENT] * 2


def test_codes_shown_again_lock_nobody_out(world: World, jo: Someone) -> None:
    candidate, code = world.candidate(), world.code(jo)
    for _ in range(12):
        world.authenticator.check_code(candidate, code)
    assert world.authenticator.check_password(candidate, jo.password) is not None
