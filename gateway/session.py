"""Sessions: a principal and the file system bound to it, counted over all processes.

Called by the adapters once somebody is signed in. An SFTP connection is a session; WebDAV has none on the wire, so a
device at an address is one until it has been idle for a quarter of an hour, reading nothing. Thread-safe. Raises only
FSError.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy.exc import SQLAlchemyError

from auth.principal import Peer, Principal
from auth.sessions import SessionLimit, SessionTable
from config.clock import Clock
from config.entropy import Entropy
from config.outages import in_one_line
from gateway.errors import Unavailable
from gateway.faults import as_fs_errors
from gateway.filesystem import Rooms, VirtualFileSystem
from gateway.tree import FileSystem
from gateway.witness import Witness
from policy.audit.grants import Grants

IDLE_SECONDS = 900.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in. `close` gives back what the session holds in record and table; idempotent, raises nothing."""

    id: str
    principal: Principal
    fs: FileSystem
    close: Callable[[], None]


@dataclass(slots=True)
class _Idle:
    session: Session
    used_at: float


class Sessions:
    """The sessions of this process."""

    def __init__(self, *, rooms: Rooms, grants: Grants, table: SessionTable, clock: Clock, entropy: Entropy) -> None:
        self._rooms = rooms
        self._grants = grants
        self._table = table
        self._clock = clock
        self._entropy = entropy
        self._lock = threading.Lock()
        self._open: dict[str, Witness] = {}
        self._devices: dict[tuple[int | None, str], _Idle] = {}

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
            if idle is not None and _alike(idle.session.principal, principal):
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
            living = list(self._open)
        for session in sessions:
            session.close()
        self._table.touch(living)

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
        self._open[session_id] = witness
        return Session(
            id=session_id,
            principal=principal,
            fs=VirtualFileSystem(self._rooms, principal, witness),
            close=lambda: self._close(session_id),
        )

    def _close(self, session_id: str) -> None:
        with self._lock:
            witness = self._open.pop(session_id, None)
        if witness is None:
            return
        witness.ended(self._clock.now())
        try:
            self._table.close(session_id)
        except (SQLAlchemyError, OSError) as exc:
            log.warning("session %s stays in the table until the next sweep: %s", session_id, in_one_line(exc))


def _alike(one: Principal, other: Principal) -> bool:
    """The same person by the same credential with the same rights: a drive's password is verified time and again."""
    return replace(one, authenticated_at=other.authenticated_at) == other
