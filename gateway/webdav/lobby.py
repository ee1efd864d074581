"""The lobby: connections that have not signed in, and how many threads they may hold.

A thread serves one request for its whole length, so strangers who drip could hold them all. In here at most a quarter
of the threads is busy, and few of those for one address prefix; whoever comes next takes the place of the oldest that
keeps us waiting, once it has had `lobby_grace` seconds, or of one whose answer is due for `lobby_answer`, and waits
without a thread until then. A crowd of one prefix waits behind everyone else. Thread-safe.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Collection
from ipaddress import ip_network
from typing import Generic, Protocol, TypeVar

from auth.networks import parse_address
from config.clock import Clock
from gateway.webdav.limits import HttpLimits


class Guest(Protocol):
    """A connection as the lobby sees it.

    `shakes_hands`: it has not even agreed on TLS. `serving`: a whole request of it has arrived and is not answered yet.
    """

    prefix: str
    serving: bool

    @property
    def shakes_hands(self) -> bool: ...

    def cut(self) -> None:
        """Shut the socket, so that whichever thread waits on it wakes."""
        ...


def plain_address(address: str) -> str:
    """`address` as `auth.networks` reads it: as IPv4 where a dual-stack socket wrote it into IPv6."""
    try:
        return str(parse_address(address))
    except ValueError:
        return address


def address_prefix(address: str) -> str:
    """The network that one customer has: /32, or /64 in IPv6 [R15]. What is no address is its own prefix."""
    try:
        return str(ip_network(f"{address}/{64 if ':' in address else 32}", strict=False))
    except ValueError:
        return address


G = TypeVar("G", bound=Guest)


class Lobby(Generic[G]):
    """Who is in, who holds a thread, and who waits for one.

    `resume` is called, without a lock held, for a guest that waited and now has a thread's place. `is_proxy` says
    whether a guest is a trusted proxy, behind which everyone has one address: no limit by prefix holds there.
    """

    def __init__(
        self, limits: HttpLimits, clock: Clock, *, resume: Callable[[G], None], is_proxy: Callable[[G], bool]
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._resume = resume
        self._is_proxy = is_proxy
        self._lock = threading.Lock()
        self._inside: dict[G, None] = {}
        self._busy: dict[G, float] = {}
        self._waiting: deque[G] = deque()

    @property
    def busy(self) -> int:
        """How many guests hold a thread."""
        return len(self._busy)

    def arrive(self, guest: G) -> None:
        """Count a new connection, at the price of the oldest where there are too many; who shakes hands goes first."""
        with self._lock:
            limits = self._limits
            rivals = sorted(self._inside, key=lambda other: not other.shakes_hands)
            surplus = self._oldest_rival(rivals, guest, limits.lobby_connections_per_prefix, limits.lobby_connections)
            if surplus is not None:
                del self._inside[surplus]
            self._inside[guest] = None
        if surplus is not None:
            surplus.cut()

    def enter(self, guest: G) -> bool:
        """Take a thread's place. False: the guest waits, and the thread turns to others."""
        with self._lock:
            if guest in self._busy:
                return True
            entered, victim = self._take_place(guest)
            if not entered:
                self._waiting.append(guest)
        if victim is not None:
            victim.cut()
        return entered

    def leave(self, guest: G) -> None:
        """Give the thread's place back; the connection stays in the lobby."""
        with self._lock:
            self._busy.pop(guest, None)
        self.tick()

    def depart(self, guest: G) -> None:
        """Leave for good: signed in, or closed."""
        with self._lock:
            self._inside.pop(guest, None)
            self._busy.pop(guest, None)
            if guest in self._waiting:
                self._waiting.remove(guest)
        self.tick()

    def tick(self) -> None:
        """Let in who waits and now fits, first those of whose prefix the fewest are in.

        Called when a place is given back, and twice a second.
        """
        admitted, victims = [], []
        with self._lock:
            crowds = Counter(guest.prefix for guest in self._busy)
            for guest in sorted(self._waiting, key=lambda guest: crowds[guest.prefix]):
                entered, victim = self._take_place(guest)
                if entered:
                    self._waiting.remove(guest)
                    admitted.append(guest)
                if victim is not None:
                    victims.append(victim)
        for victim in victims:
            victim.cut()
        for guest in admitted:
            self._resume(guest)

    def shed(self) -> None:
        """Close the oldest connection: the process has no descriptor left for the next."""
        with self._lock:
            oldest = next(iter(self._inside), None)
            if oldest is not None:
                del self._inside[oldest]
        if oldest is not None:
            oldest.cut()

    def close(self) -> tuple[G, ...]:
        """At the end, when no thread runs: those who are left, for the caller to close."""
        with self._lock:
            left = tuple({**self._inside, **dict.fromkeys(self._waiting)})
            self._waiting.clear()
        return left

    def _take_place(self, guest: G) -> tuple[bool, G | None]:
        """(whether the guest has a place now, who lost it for that)."""
        limits = self._limits
        rivals = sorted(self._busy, key=lambda other: other.serving)
        victim = self._oldest_rival(rivals, guest, limits.lobby_per_prefix, limits.lobby_threads)
        now = self._clock.monotonic()
        if victim is not None:
            patience = limits.lobby_answer if victim.serving else limits.lobby_grace
            if now - self._busy[victim] < patience:
                return False, None
            del self._busy[victim]
        self._busy[guest] = now
        return True, victim

    def _oldest_rival(self, among: Collection[G], guest: G, by_prefix: int, in_all: int) -> G | None:
        """The oldest, of the largest crowd, in whose stead alone `guest` may come; None where there is room."""
        neighbours = [other for other in among if other.prefix == guest.prefix and not self._is_proxy(guest)]
        if len(neighbours) >= by_prefix:
            return neighbours[0]
        if len(among) < in_all:
            return None
        crowds = Counter(other.prefix for other in among)
        return max(among, key=lambda other: crowds[other.prefix])
