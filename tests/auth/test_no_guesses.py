"""What is no guess [R18]: a name, an offered key, a key that is refused. None of it takes a place in a lane."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from auth.models import ThrottleCount
from tests.auth.world import Someone, World
from tests.support.people import OTHER_KEY

ACTS: dict[str, Callable[[World, Someone], object]] = {
    "saying a name": lambda world, who: world.candidate(who.username),
    "saying a name that nobody has": lambda world, who: world.candidate("nobody"),
    "offering a key": lambda world, who: world.authenticator.offers_key(world.candidate(), who.key),
    "offering another": lambda world, who: world.authenticator.offers_key(world.candidate(), OTHER_KEY),
    "a key that is nobody's": lambda world, who: world.authenticator.check_public_key(world.candidate(), OTHER_KEY),
    "signing in with nothing": lambda world, who: world.authenticator.authenticate(world.candidate(), []),
    "a code that was used before": lambda world, who: world.authenticator.check_code(
        world.candidate(), world.code(who)
    ),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_it_takes_no_place_however_often_it_is_done(world: World, jo: Someone, act: Callable[..., object]) -> None:
    world.authenticator.check_code(world.candidate(), world.code(jo))
    for _ in range(15):
        act(world, jo)
    with world.database.read() as connection:
        assert connection.execute(select(func.coalesce(func.sum(ThrottleCount.count), 0))).scalar_one() == 0


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_it_keeps_nobody_out(world: World, jo: Someone, act: Callable[..., object]) -> None:
    world.authenticator.check_code(world.candidate(), world.code(jo))
    for _ in range(15):
        act(world, jo)
    assert world.authenticator.check_password(world.candidate(), jo.password) is not None
