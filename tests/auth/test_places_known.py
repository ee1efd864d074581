"""Whether somebody stands at a known place is told with the name, before anything is shown [R18]."""

from __future__ import annotations

from datetime import timedelta

from auth.places import LIFE
from tests.auth.world import ELSEWHERE, HOME, Someone, World

NEIGHBOUR = "192.0.2.200"


def test_where_somebody_signed_in_lately_is_known(world: World, jo: Someone) -> None:
    assert not world.candidate().known
    world.sign_in(jo)
    assert [world.candidate(address=address).known for address in (HOME, NEIGHBOUR, ELSEWHERE)] == [True, True, False]


def test_a_place_is_forgotten_after_thirty_days(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    world.clock.advance(seconds=(LIFE - timedelta(seconds=1)).total_seconds())
    assert world.candidate().known
    world.clock.advance(seconds=1)
    assert not world.candidate().known


def test_a_network_of_the_school_is_known(world: World, jo: Someone) -> None:
    world.doors.networks[jo.id] = ["203.0.113.0/24"]
    assert [world.candidate(address=address).known for address in (HOME, ELSEWHERE)] == [False, True]


def test_one_persons_places_are_not_anothers_or_nobodys(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    assert not world.candidate("nobody").known
