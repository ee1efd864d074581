"""The shared session table: how many sessions an account has open, in all processes.

Called by `gateway.session`. Thread-safe. Raises `SessionLimit`, sqlalchemy.exc.SQLAlchemyError, OSError.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from auth.models import Account, SessionRow
from auth.principal import Kind, Principal
from config.clock import Clock
from config.database import Database

DEAD_AFTER = timedelta(minutes=2)  # without a touch: its process died, or lost the database for so long


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionLimits:
    """Open sessions of one account: rclone opens 12, FileZilla 10."""

    person: int = 16
    service: int = 32


class SessionLimit(Exception):
    """The account has as many sessions as it may. The message is fit for its owner."""


class SessionTable:
    """The sessions of one process among those of all. `process` is unique among those that run at a time."""

    def __init__(self, database: Database, clock: Clock, *, process: str, limits: SessionLimits) -> None:
        self._database = database
        self._clock = clock
        self._process = process
        self._limits = limits

    def open(self, session_id: str, principal: Principal) -> None:
        """Enter a session. Raises SessionLimit where the account has as many as it may."""
        limit = self._limits.person if principal.kind is Kind.PERSON else self._limits.service
        now = self._clock.now()
        with self._database.write() as connection:
            # The account's row is locked, so that two at once cannot both take the last place.
            connection.execute(select(Account.id).where(Account.id == principal.account_id).with_for_update())
            if self._living(principal.account_id, connection) >= limit:
                raise SessionLimit(f"{limit} connections are open for this account: close one and try again.")
            row = insert(SessionRow).values(
                id=session_id,
                account_id=principal.account_id,
                door=principal.door,
                process=self._process,
                opened_at=now,
                seen_at=now,
            )
            connection.execute(row)

    def close(self, session_id: str) -> None:
        """Take a session out; one that is not there is no fault."""
        with self._database.write() as connection:
            connection.execute(delete(SessionRow).where(SessionRow.id == session_id))

    def touch(self, living: Collection[str], closed: Collection[str] = ()) -> None:
        """Say which sessions of this process live, at least once a minute, and sweep what died anywhere.

        `closed` are those that could not be taken out when they ended. Older sessions of this process that are not
        among `living` go too: one that was opened just now may not have come to the caller's knowledge.
        """
        now = self._clock.now()
        long_ago = now - DEAD_AFTER
        with self._database.write() as connection:
            mine = SessionRow.process == self._process
            lost = delete(SessionRow).where(mine, SessionRow.id.not_in(living), SessionRow.opened_at <= long_ago)
            connection.execute(lost)
            if closed:
                connection.execute(delete(SessionRow).where(mine, SessionRow.id.in_(closed)))
            connection.execute(update(SessionRow).where(mine).values(seen_at=now))
            connection.execute(delete(SessionRow).where(SessionRow.seen_at <= long_ago))

    def count(self, account_id: int) -> int:
        """How many live sessions the account has open, in all processes."""
        with self._database.read() as connection:
            return self._living(account_id, connection)

    def _living(self, account_id: int, connection: Connection) -> int:
        living = select(func.count()).where(
            SessionRow.account_id == account_id, SessionRow.seen_at > self._clock.now() - DEAD_AFTER
        )
        return connection.execute(living).scalar_one()
