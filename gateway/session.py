"""Sessions: a principal and the file system bound to it, counted over all processes.

Called by the adapters once somebody is signed in. An SFTP connection is a session; WebDAV has none on the wire, so a
device at an address is one until it has been idle for a quarter of an hour, reading nothing. Every second the process
looks whether anything has changed, and then ends the sessions of accounts, keys and passwords that have ended [R19].
Thread-safe. Raises only FSError.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from auth.principal import Peer, Principal
from auth.sessions import SessionLimit, SessionTable
from auth.standing import Standing, standings
from config.clock import Clock
from config.entropy import Entropy
from config.outages import in_one_line
from gateway.errors import Unavailable
from gateway.faults import as_fs_errors
from gateway.filesystem import Rooms, VirtualFileSystem
from gateway.tree import FileSystem
from gateway.watch import SILENT_SECONDS, Watch
from gateway.witness import Witness
from policy.audit.grants import Grants

IDLE_SECONDS = 900.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in. `close` gives back what the session holds in record and table; idempotent, raises nothing.

    `ended`: is it over, because it was closed or because what it rests on has ended?
    """

    id: str
    principal: Principal
    fs: FileSystem
    close: Callable[[], None]
    ended: Callable[[], bool]


@dataclass(slots=True)
class _Open:
    """`good_in`: the value of the counter of access in which the principal was found in order; None: not asked yet."""

    principal: Principal
    witness: Witness
    good_in: int | None = None


@dataclass(slots=True)
class _Idle:
    session: Session
    used_at: float


class Sessions:
    """The sessions of this process."""

    def __init__(
        self, *, rooms: Rooms, grants: Grants, table: SessionTable, watch: Watch, clock: Clock, entropy: Entropy
    ) -> None:
        self._rooms = rooms
        self._grants = grants
        self._table = table
        self._watch = watch
        self._clock = clock
        self._entropy = entropy
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}
        self._devices: dict[tuple[int | None, str], _Idle] = {}
        self._left_in_table: set[str] = set()
        self._reviewed_at = clock.monotonic()
        self._blind = False

    def open(self, principal: Principal, peer: Peer) -> Session:
        """A new session. Raises Unavailable when the account has as many as it may, or the table cannot be written."""
        session_id = self._entropy(12).hex()
        with as_fs_errors():
            try:
                self._table.open(session_id, principal)
            except SessionLimit as exc:
                raise Unavailable(f"{exc} {self._rooms.whom_to_ask}", retry_after=60) from exc
        with self._lock:
            return self._make(session_id, principal, peer)

    def for_device(self, principal: Principal, peer: Peer) -> Session:
        """The session of this device at this address: the one that is open, or a new one."""
        key = (principal.credential_id, principal.address)
        now = self._clock.monotonic()
        with self._lock:
            idle = self._devices.get(key)
            if idle is not None and not idle.session.ended() and _alike(idle.session.principal, principal):
                idle.used_at = now
                return idle.session
            session = self._make(self._entropy(12).hex(), principal, peer)
            self._devices[key] = _Idle(session, now)
        if idle is not None:
            idle.session.close()
        return session

    def sweep(self) -> None:
        """End idle device sessions and tell the table which sessions live; called every few seconds."""
        now = self._clock.monotonic()
        with self._lock:
            ended = [
                key
                for key, idle in self._devices.items()
                if now - idle.used_at >= IDLE_SECONDS and not self._grants.is_reading(idle.session.id)
            ]
            sessions = [self._devices.pop(key).session for key in ended]
            living, left = list(self._open), list(self._left_in_table)
        for session in sessions:
            session.close()
        self._table.touch(living, left)
        with self._lock:
            self._left_in_table.difference_update(left)

    def review(self) -> None:
        """End the sessions whose account, key or password has ended; called once a second [R19].

        One small query, and a handful where something has changed. While the database fails it ends nothing, says so
        in the log, and `lost` tells in time.
        """
        began = self._clock.monotonic()
        try:
            ended = self._ended_sessions(self._watch.generation(), self._clock.now())
        except (SQLAlchemyError, OSError) as exc:
            if not self._blind:
                log.error("whose access has ended cannot be asked: connections close soon: %s", in_one_line(exc))
            self._blind = True
            return
        for session_id, why in ended.items():
            if self._end(session_id, why):
                self._leave_in_table(session_id)  # a review waits for no writer
        if self._blind:
            log.warning("whose access has ended can be asked again")
        self._reviewed_at, self._blind = began, False

    @property
    def lost(self) -> bool:
        """Whether nobody could say for five seconds whose access has ended: what is open has to be closed [R19]."""
        return self._clock.monotonic() - self._reviewed_at >= SILENT_SECONDS

    def close_all(self) -> None:
        """End every session: before the process goes."""
        with self._lock:
            sessions = [idle.session for idle in self._devices.values()]
            self._devices.clear()
        for session in sessions:
            session.close()
        with self._lock:
            living = list(self._open)
        for session_id in living:
            self._close(session_id)

    def _make(self, session_id: str, principal: Principal, peer: Peer) -> Session:
        """Within the lock."""
        witness = Witness(self._grants, principal, session_id, peer.client)
        self._open[session_id] = _Open(principal, witness)
        return Session(
            id=session_id,
            principal=principal,
            fs=VirtualFileSystem(self._rooms, principal, witness),
            close=lambda: self._close(session_id),
            ended=lambda: session_id not in self._open,
        )

    def _ended_sessions(self, generation: int, at: datetime) -> Mapping[str, str]:
        """The sessions that are over, each with its reason. Who was in order since the last change is not asked."""
        with self._lock:
            due = [(id_, open_) for id_, open_ in self._open.items() if _is_due(open_, generation, at)]
        if not due:
            return {}
        with self._rooms.database.read() as connection:
            stands = standings(connection, [open_.principal for _, open_ in due], at)
        ended: dict[str, str] = {}
        for (session_id, open_), standing in zip(due, stands, strict=True):
            if standing is Standing.GOOD and not _is_over(open_.principal, at):
                open_.good_in = generation
            else:
                ended[session_id] = Standing.EXPIRED if standing is Standing.GOOD else standing
        return ended

    def _close(self, session_id: str) -> None:
        if not self._end(session_id):
            return
        if self._blind:  # hundreds that end do not each wait for a database that does not answer
            self._leave_in_table(session_id)
            return
        try:
            self._table.close(session_id)
        except (SQLAlchemyError, OSError) as exc:
            self._leave_in_table(session_id)
            log.warning("session %s stays in the table until the next sweep: %s", session_id, in_one_line(exc))

    def _end(self, session_id: str, why: str = "") -> bool:
        """Whether it was open. From here on it reads nothing, and the record has its end."""
        with self._lock:
            open_ = self._open.pop(session_id, None)
        if open_ is not None:
            open_.witness.ended(self._clock.now(), why)
        return open_ is not None

    def _leave_in_table(self, session_id: str) -> None:
        """To be taken out by the next sweep."""
        with self._lock:
            self._left_in_table.add(session_id)


def _is_due(open_: _Open, generation: int, at: datetime) -> bool:
    return open_.good_in != generation or _is_over(open_.principal, at)


def _is_over(principal: Principal, at: datetime) -> bool:
    return principal.valid_until is not None and at >= principal.valid_until


def _alike(one: Principal, other: Principal) -> bool:
    """The same person by the same credential with the same rights: a drive's password is verified time and again."""
    return replace(one, authenticated_at=other.authenticated_at) == other
