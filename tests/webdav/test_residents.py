"""Connections that have signed in: an account keeps so many, and its drips hold so many threads, whatever it does."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from auth.principal import Peer
from config.settings import Settings
from gateway.webdav.basic import Credentials
from gateway.webdav.door import Admitted
from gateway.webdav.limits import HttpLimits
from gateway.webdav.residents import Residents
from tests.support.home import SETTINGS
from tests.support.waiting import until
from tests.webdav.harness import BASIC, MemoryDoor, Site, running, status_of

JO, SAM = 7, 8


class FakeConnection:
    """A connection that remembers what was done to it."""

    def __init__(self) -> None:
        self.serving = False
        self.was_cut = False

    def cut(self) -> None:
        self.was_cut = True


class House:
    """Residents with two readers, and who was resumed."""

    def __init__(self) -> None:
        self.resumed: list[FakeConnection] = []
        self.residents: Residents[FakeConnection] = Residents(readers=2, resume=self.resumed.append)

    def settled(self, count: int, account: int = JO) -> list[FakeConnection]:
        """So many connections of an account, which keeps four."""
        made = [FakeConnection() for _ in range(count)]
        for each in made:
            assert self.residents.settle(each, account, places=4)
        return made


def cut(connections: list[FakeConnection]) -> list[bool]:
    return [each.was_cut for each in connections]


def test_for_one_too_many_the_oldest_idle_one_goes() -> None:
    house = House()
    assert cut(house.settled(6)) == [True, True, False, False, False, False]


def test_the_one_used_lately_stays() -> None:
    house = House()
    old = house.settled(4)
    house.residents.enter(old[0])
    house.residents.leave(old[0])
    house.settled(1)
    assert cut(old) == [False, True, False, False]


def test_one_that_is_serving_stays() -> None:
    house = House()
    old = house.settled(4)
    old[0].serving = old[1].serving = True
    house.settled(1)
    assert cut(old) == [False, False, True, False]


def test_where_all_are_serving_the_new_one_may_not_stay() -> None:
    house = House()
    old = house.settled(4)
    for each in old:
        each.serving = True
    assert (house.residents.settle(FakeConnection(), JO, places=4), cut(old)) == (False, [False] * 4)


def test_signing_in_again_on_the_same_connection_costs_nobody() -> None:
    house = House()
    old = house.settled(4)
    assert (house.residents.settle(old[3], JO, places=4), cut(old)) == (True, [False] * 4)


def test_another_account_has_places_of_its_own() -> None:
    house = House()
    old = house.settled(4)
    house.settled(4, SAM)
    assert cut(old) == [False] * 4


def test_a_connection_that_changes_hands_counts_to_the_last_one() -> None:
    house = House()
    jos = house.settled(4)
    assert house.residents.settle(jos[0], SAM, places=4)
    house.settled(1)
    assert cut(jos) == [False] * 4


def test_so_many_of_an_account_are_read_at_once() -> None:
    house = House()
    assert [house.residents.enter(each) for each in house.settled(4)] == [True, True, False, False]


def test_those_of_another_account_are_read_beside_them() -> None:
    house = House()
    for each in house.settled(4):
        house.residents.enter(each)
    assert house.residents.enter(house.settled(1, SAM)[0])


@pytest.mark.parametrize("how", ["leave", "depart"])
def test_when_a_request_has_arrived_the_next_connection_is_read(how: str) -> None:
    house = House()
    first, second, third, fourth = house.settled(4)
    for each in (first, second, third, fourth):
        house.residents.enter(each)
    getattr(house.residents, how)(first)
    assert (house.resumed, house.residents.enter(third)) == ([third], True)


def test_one_that_is_cut_while_it_is_read_gives_its_thread_to_the_next() -> None:
    house = House()
    first, second, third, fourth = house.settled(4)
    for each in (first, second, third, fourth):
        house.residents.enter(each)
    second.serving = True
    house.settled(1)
    assert (cut([first, second, third, fourth]), house.resumed) == ([True, False, False, False], [third])


def test_one_that_is_cut_while_it_waits_is_resumed_to_be_closed() -> None:
    house = House()
    first, second, third, fourth = house.settled(4)
    for each in (first, second, third, fourth):
        house.residents.enter(each)
    first.serving = second.serving = True
    house.settled(1)
    assert (third.was_cut, house.resumed, house.residents.enter(third)) == (True, [third], True)


def test_at_the_end_those_who_wait_are_handed_back() -> None:
    house = House()
    connections = house.settled(4)
    for each in connections:
        house.residents.enter(each)
    assert house.residents.close() == tuple(connections[2:])


def test_the_numbers_are_those_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "ladocs.toml").write_text(
        SETTINGS + "[limits]\nperson_connections = 3\nservice_connections = 5\n", encoding="utf-8"
    )
    limits = HttpLimits.of(Settings.load(tmp_path, {}))
    assert (limits.person_connections, limits.service_connections) == (3, 5)


OPTIONS = f"OPTIONS / HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC}\r\n\r\n".encode()
LIMITS = HttpLimits(threads=8, requests_per_account=2, person_connections=6, service_connections=9, header_seconds=60)


class ServiceDoor(MemoryDoor):
    """Everybody is a service account."""

    def admit(self, credentials: Credentials, peer: Peer) -> Admitted | None:
        admitted = super().admit(credentials, peer)
        return admitted and replace(admitted, is_service=True)


def signed_in(site: Site, stack: ExitStack) -> socket.socket:
    """A connection on which a request was answered."""
    client = stack.enter_context(site.connect())
    client.sendall(OPTIONS)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += client.recv(65536)
    assert status_of(answer) == 200
    return client


def is_open(client: socket.socket) -> bool:
    client.settimeout(0)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


@pytest.mark.parametrize(("door", "kept"), [(MemoryDoor(), 6), (ServiceDoor(), 9)], ids=["person", "service"])
def test_an_account_keeps_so_many_connections(door: MemoryDoor, kept: int) -> None:
    with running(limits=LIMITS, door=door) as site, ExitStack() as stack:
        clients = [signed_in(site, stack) for _ in range(kept + 3)]
        assert until(lambda: sum(is_open(client) for client in clients) == kept)


def test_a_trusted_proxys_connections_are_nobodys() -> None:
    with running(limits=LIMITS, proxies=["127.0.0.1/32"]) as site, ExitStack() as stack:
        said = b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n"
        clients = []
        for _ in range(8):
            client = stack.enter_context(site.connect())
            client.sendall(OPTIONS[:-2] + said)
            assert status_of(client.recv(65536)) == 200
            clients.append(client)
        assert [is_open(client) for client in clients] == [True] * 8


def test_heads_that_drip_after_sign_in_stop_nobody_else() -> None:
    with running(limits=LIMITS) as site, ExitStack() as stack:
        for client in [signed_in(site, stack) for _ in range(6)]:
            client.sendall(b"O")
        assert site.ask("GET", "/portal/", {}).status == 200


def test_bodies_that_drip_after_sign_in_stop_nobody_else() -> None:
    head = OPTIONS[:-2] + b"Content-Length: 9\r\n\r\n1"
    with running(limits=LIMITS) as site, ExitStack() as stack:
        for client in [signed_in(site, stack) for _ in range(6)]:
            client.sendall(head)
        assert site.ask("GET", "/portal/", {}).status == 200


def test_a_connection_that_waited_for_a_thread_is_answered() -> None:
    with running(limits=LIMITS) as site, ExitStack() as stack:
        clients = [signed_in(site, stack) for _ in range(6)]
        for client in clients[:2]:
            client.sendall(b"O")
        assert until(lambda: site.server.server.requests.idle <= 6)
        clients[2].sendall(OPTIONS)
        clients[0].close()
        assert status_of(clients[2].recv(65536)) == 200
