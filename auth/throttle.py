"""Guessing is slowed in lanes [R18], counted in the database so that every process counts alike.

A guess takes its place in every lane that it concerns *before* it is tried, and gives it back if it was right: twenty
tries at once are counted as twenty. Guesses from a known place concern one lane of the account alone, so that no
outsider can use it up; all others share the account's second lane, their prefix's and the global one.

Called by the authenticator. Thread-safe. It fails closed: raises sqlalchemy.exc.SQLAlchemyError, OSError or
`TurnRefused`, and who cannot take a place does not guess.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, text, update

from auth.models import ThrottleCount
from auth.networks import prefix_of
from auth.upsert import insert_into
from config.database import Database

WINDOW_SECONDS = 300
_UNKNOWN_LANES = 4096  # names that nobody has share these, so that strangers cannot fill the table


@dataclass(frozen=True, kw_only=True, slots=True)
class GuessLimits:
    """Wrong guesses in five minutes. `prefix` leaves room for a whole school behind one address."""

    known: int = 10
    other: int = 10
    prefix: int = 300
    everywhere: int = 3000
    waiting: int = 32  # guesses of one account that wait for their turn in one process


@dataclass(frozen=True, slots=True)
class Reservation:
    """A guess's places, to be given back if it was right."""

    lanes: tuple[str, ...]
    window: int
    known: bool


class TurnRefused(Exception):
    """Too many guesses of one account wait already."""


@dataclass(slots=True)
class _Turn:
    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0


class Throttle:
    """The lanes."""

    def __init__(self, database: Database, limits: GuessLimits) -> None:
        self._database = database
        self._limits = limits
        self._lock = threading.Lock()
        self._turns: dict[str, _Turn] = {}

    def reserve(
        self, account_id: int | None, username: str, address: str, *, known: bool, at: datetime
    ) -> Reservation | None:
        """A place in every lane, or None where one of them is full. Raises ValueError for no address.

        Full lanes are seen by reading alone: a flood that is refused takes no writer's turn from those who sign in.
        """
        lanes = self._lanes(account_id, username, address, known)
        window = int(at.timestamp())
        with self._database.read() as connection:
            if _is_full(connection, lanes, window):
                return None
        with self._database.write() as connection:
            _one_at_a_time(connection)
            connection.execute(delete(ThrottleCount).where(ThrottleCount.window <= window - WINDOW_SECONDS - 1))
            if _is_full(connection, lanes, window):
                return None
            for lane, _ in lanes:
                row = insert_into(connection, ThrottleCount).values(lane=lane, window=window, count=1)
                more = {"count": ThrottleCount.count + 1}
                connection.execute(row.on_conflict_do_update(index_elements=["lane", "window"], set_=more))
        return Reservation(tuple(lane for lane, _ in lanes), window, known)

    @contextmanager
    def turn(self, account_id: int | None, username: str, *, known: bool) -> Iterator[None]:
        """One guess of an account at a time in this process. Raises TurnRefused.

        A client that opens ten connections at once with the right password must not find its lane full of guesses that
        are still being tried.
        """
        lane = _account_lane(account_id, username, known)
        with self._lock:
            turn = self._turns.setdefault(lane, _Turn())
            if turn.users >= self._limits.waiting:
                raise TurnRefused("too many sign-ins to one account at once")
            turn.users += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._lock:
                turn.users -= 1
                if turn.users == 0:
                    del self._turns[lane]

    @staticmethod
    def clear(connection: Connection, account_id: int) -> int:
        """Forgive an account its wrong guesses, in both of its lanes; how many there were. Others' lanes stay."""
        lanes = [_account_lane(account_id, "", known) for known in (True, False)]
        counted = sum(_counted(connection, lane, 0) for lane in lanes)
        connection.execute(delete(ThrottleCount).where(ThrottleCount.lane.in_(lanes)))
        return counted

    def _lanes(self, account_id: int | None, username: str, address: str, known: bool) -> list[tuple[str, int]]:
        lane = _account_lane(account_id, username, known)
        if known:
            return [(lane, self._limits.known)]
        return [
            (lane, self._limits.other),
            (f"prefix {prefix_of(address)}", self._limits.prefix),
            ("everywhere", self._limits.everywhere),
        ]


def give_back(connection: Connection, reservation: Reservation) -> None:
    """The guess was right: it counts in no lane, and leaves no row."""
    places = (ThrottleCount.lane.in_(reservation.lanes), ThrottleCount.window == reservation.window)
    one_less = update(ThrottleCount).where(*places, ThrottleCount.count > 0)
    _one_at_a_time(connection)  # two that give back the same lanes in another order would wait for each other
    connection.execute(one_less.values(count=ThrottleCount.count - 1))
    connection.execute(delete(ThrottleCount).where(*places, ThrottleCount.count == 0))


def _account_lane(account_id: int | None, username: str, known: bool) -> str:
    if account_id is not None:
        return f"account {account_id} {'known' if known else 'other'}"
    digest = hashlib.sha256(username.encode(errors="replace")).digest()
    return f"nobody {int.from_bytes(digest[:4], 'big') % _UNKNOWN_LANES}"


def _is_full(connection: Connection, lanes: Iterable[tuple[str, int]], window: int) -> bool:
    return any(_counted(connection, lane, window - WINDOW_SECONDS) >= limit for lane, limit in lanes)


def _counted(connection: Connection, lane: str, since: int) -> int:
    counted = select(func.coalesce(func.sum(ThrottleCount.count), 0))
    return int(
        connection.execute(counted.where(ThrottleCount.lane == lane, ThrottleCount.window >= since)).scalar_one()
    )


def _one_at_a_time(connection: Connection) -> None:
    # SQLite has one writer anyway; elsewhere two that count at once would both find the last place free.
    if connection.dialect.name != "sqlite":
        connection.execute(text("LOCK TABLE throttle_count IN SHARE ROW EXCLUSIVE MODE"))
