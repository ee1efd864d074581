"""A guess from its place in the lanes to its outcome [R18]: whose, whether from a known place, when its turn comes.

Called by the authenticator for passwords, codes and wrong device passwords; never for keys. Thread-safe. Raises what
`throttle` and the attempt raise; a guess that ends so keeps its place, as a wrong one does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from auth import places
from auth.principal import Candidate, Proof
from auth.throttle import Reservation, Throttle
from auth.verdicts import Doors, RefusalReason
from config.clock import Clock
from config.database import Database

Attempt = Callable[[Reservation, datetime], Proof | RefusalReason]


class Guessing:
    """Lets attempts be made, in order and in bounds."""

    def __init__(self, database: Database, clock: Clock, throttle: Throttle, doors: Doors) -> None:
        self._database = database
        self._clock = clock
        self._throttle = throttle
        self._doors = doors

    def once(self, candidate: Candidate, attempt: Attempt) -> Proof | RefusalReason:
        """What `attempt` comes to, which gives its reservation back if it was right; TOO_MANY_GUESSES if not made."""
        at = self._clock.now()
        account_id, name, address = candidate.account_id, candidate.username, candidate.peer.address
        with self._database.read() as connection:
            known = self.is_known(connection, account_id, address, at)
        with self._throttle.turn(account_id, name, known=known):
            reservation = self._throttle.reserve(account_id, name, address, known=known, at=at)
            return RefusalReason.TOO_MANY_GUESSES if reservation is None else attempt(reservation, at)

    def is_known(self, connection: Connection, account_id: int | None, address: str, at: datetime) -> bool:
        """Is `address` a known place of the account, by an earlier sign-in or by a network of its schools [R18]?"""
        networks = self._doors.known_networks(connection, account_id or 0, at)
        return places.is_known(connection, account_id, address, at, networks)
