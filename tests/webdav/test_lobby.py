"""Who waits, who goes and who comes in among those that have not signed in."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.webdav.limits import HttpLimits
from gateway.webdav.lobby import Lobby, address_prefix, plain_address
from tests.support.clock import FakeClock

LIMITS = HttpLimits(threads=16, lobby_per_prefix=2, lobby_connections=6, lobby_connections_per_prefix=3)


@dataclass(eq=False)
class Caller:
    prefix: str
    was_cut: bool = False
    shakes_hands: bool = False
    serving: bool = False

    def cut(self) -> None:
        self.was_cut = True


@dataclass
class House:
    clock: FakeClock = field(default_factory=FakeClock)
    resumed: list[Caller] = field(default_factory=list)
    proxies: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.lobby: Lobby[Caller] = Lobby(
            LIMITS, self.clock, resume=self.resumed.append, is_proxy=lambda guest: guest.prefix in self.proxies
        )

    def callers(self, *prefixes: str) -> list[Caller]:
        """Callers that came in, one after the other."""
        callers = [Caller(prefix) for prefix in prefixes]
        for caller in callers:
            self.lobby.arrive(caller)
        return callers


def test_a_quarter_of_the_threads_is_for_those_who_have_not_signed_in() -> None:
    house = House()
    callers = house.callers("a", "b", "c", "d", "e")
    assert [house.lobby.enter(caller) for caller in callers] == [True, True, True, True, False]


def test_one_prefix_has_its_share_only() -> None:
    house = House()
    assert [house.lobby.enter(caller) for caller in house.callers("a", "a", "a")] == [True, True, False]


def test_behind_a_trusted_proxy_the_prefix_does_not_count() -> None:
    house = House(proxies=frozenset({"a"}))
    assert [house.lobby.enter(caller) for caller in house.callers("a", "a", "a")] == [True, True, True]


def test_the_next_waits_while_the_oldest_is_young() -> None:
    house = House()
    first, second, third = house.callers("a", "a", "a")
    house.lobby.enter(first), house.lobby.enter(second), house.lobby.enter(third)
    assert not first.was_cut


def test_the_oldest_is_closed_for_the_next() -> None:
    house = House()
    first, second, third = house.callers("a", "a", "a")
    house.lobby.enter(first), house.lobby.enter(second), house.lobby.enter(third)
    house.clock.advance(seconds=LIMITS.lobby_grace)
    house.lobby.tick()
    assert (first.was_cut, second.was_cut, house.resumed) == (True, False, [third])


def test_who_waits_for_our_answer_is_not_closed_for_the_next() -> None:
    house = House()
    first, second, third = house.callers("a", "a", "a")
    house.lobby.enter(first), house.lobby.enter(second), house.lobby.enter(third)
    first.serving = second.serving = True
    house.clock.advance(seconds=LIMITS.lobby_answer - 0.1)
    house.lobby.tick()
    assert (first.was_cut, second.was_cut, house.resumed) == (False, False, [])


def test_who_keeps_us_waiting_is_closed_before_an_older_one_who_waits_for_us() -> None:
    house = House()
    first, second, third = house.callers("a", "a", "a")
    house.lobby.enter(first), house.lobby.enter(second), house.lobby.enter(third)
    first.serving = True
    house.clock.advance(seconds=LIMITS.lobby_grace)
    house.lobby.tick()
    assert (first.was_cut, second.was_cut, house.resumed) == (False, True, [third])


def test_an_answer_that_never_ends_keeps_its_place_no_longer_than_it_may() -> None:
    house = House()
    first, second, third = house.callers("a", "a", "a")
    house.lobby.enter(first), house.lobby.enter(second), house.lobby.enter(third)
    first.serving = second.serving = True
    house.clock.advance(seconds=LIMITS.lobby_answer)
    house.lobby.tick()
    assert (first.was_cut, second.was_cut, house.resumed) == (True, False, [third])


def test_who_waits_comes_in_when_a_place_is_given_back() -> None:
    house = House()
    first, second, third = house.callers("a", "a", "a")
    house.lobby.enter(first), house.lobby.enter(second), house.lobby.enter(third)
    house.lobby.leave(first)
    assert house.resumed == [third]


def test_who_was_let_in_after_waiting_has_a_place() -> None:
    house = House()
    first, second, third = house.callers("a", "a", "a")
    house.lobby.enter(first), house.lobby.enter(second), house.lobby.enter(third)
    house.lobby.depart(first)
    assert house.lobby.enter(third)


def test_a_crowd_waits_behind_those_of_other_places() -> None:
    house = House()
    crowd = house.callers("a", "a", "a", "b", "c")
    for caller in crowd:
        house.lobby.enter(caller)
    (stranger,) = house.callers("d")
    house.lobby.enter(stranger)
    house.lobby.leave(crowd[3])
    assert house.resumed == [stranger]


def test_the_largest_crowd_makes_room_for_all() -> None:
    callers = House().callers("a", "b", "b", "c", "b", "d", "e")
    assert [caller.was_cut for caller in callers] == [False, True, False, False, False, False, False]


def test_whoever_signed_in_takes_no_place_any_more() -> None:
    house = House()
    callers = house.callers("a", "a", "b", "b")
    for caller in callers:
        house.lobby.enter(caller)
        house.lobby.depart(caller)
    assert house.lobby.busy == 0


def test_too_many_open_connections_of_a_prefix_cost_the_oldest() -> None:
    callers = House().callers("a", "a", "b", "a", "a")
    assert [caller.was_cut for caller in callers] == [True, False, False, False, False]


def test_too_many_open_connections_cost_the_oldest_of_all() -> None:
    callers = House().callers("a", "b", "c", "d", "e", "f", "g")
    assert [caller.was_cut for caller in callers] == [True, *[False] * 6]


def test_a_customer_has_one_address_of_four_bytes_or_a_network_of_eight() -> None:
    assert [address_prefix(each) for each in ("192.0.2.7", "2001:db8::1:2:3:4", "odd")] == [
        "192.0.2.7/32",
        "2001:db8::/64",
        "odd",
    ]


def test_a_dual_stack_socket_hides_no_ipv4_address() -> None:
    assert plain_address("::ffff:192.0.2.7") == "192.0.2.7"
