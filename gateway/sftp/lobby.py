"""Connections that have not signed in yet: how many there may be, in all and from one address.

Counts are this process's own. Called on the event loop alone.
"""

from __future__ import annotations

from collections import Counter

from config.entropy import Entropy
from gateway.sftp.limits import SftpLimits

_FIRST_REFUSED = 0.3  # of those that come when the lobby is just full; all of them at twice as many


class Lobby:
    """A full lobby refuses by lot, ever more often, so that a flood cannot shut out everybody else for sure."""

    def __init__(self, limits: SftpLimits, entropy: Entropy) -> None:
        self._limits = limits
        self._entropy = entropy
        self._inside: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Whether a connection from `address` may come in; it then has to `leave`."""
        chance = max(
            _refused(self._inside.total(), self._limits.lobby_connections),
            _refused(self._inside[address], self._limits.lobby_per_address),
        )
        if self._draw() < chance:
            return False
        self._inside[address] += 1
        return True

    def leave(self, address: str) -> None:
        """A connection from `address` signed in or ended."""
        self._inside[address] -= 1
        if self._inside[address] <= 0:
            del self._inside[address]

    def __len__(self) -> int:
        return self._inside.total()

    def _draw(self) -> float:
        return int.from_bytes(self._entropy(4), "big") / 2**32


def _refused(inside: int, limit: int) -> float:
    """The chance of a refusal, from 0 below `limit` to 1 at twice `limit`."""
    if inside < limit:
        return 0.0
    return min(1.0, _FIRST_REFUSED + (1 - _FIRST_REFUSED) * (inside - limit) / limit)
