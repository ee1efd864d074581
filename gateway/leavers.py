"""People who left are pseudonymised after 24 months [R37]: a job, recorded before it is committed.

The numbers of their accounts stay, by which the record and what they gave to others name them; reasons that were typed
for their own access go too. Thread-safe. Raises RecordUnavailable and sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update

from auth import former
from config.clock import london_date, london_midnight
from config.database import Database
from policy.audit.events import Event, EventKind, Result
from policy.audit.log import AuditLog
from policy.audit.pruning import months_before
from policy.models import Grant, Membership

log = logging.getLogger(__name__)

MONTHS = 24


@dataclass(frozen=True, slots=True)
class Leavers:
    """The forgetting of who left."""

    database: Database
    log: AuditLog

    def turn(self, at: datetime) -> None:
        """Pseudonymise whoever left before the day that lies 24 months before `at`."""
        with self.database.read() as connection:
            found = former.due(connection, london_midnight(months_before(london_date(at), MONTHS)))
        for number in found:
            with self.database.write() as connection:
                former.pseudonymise(connection, number)
                for table in (Membership, Grant):
                    connection.execute(update(table).where(table.account_id == number).values(why=""))
                self.log.record(
                    Event(
                        event=EventKind.ACCOUNT_CHANGED,
                        at=at,
                        result=Result.PERMIT,
                        object=f"account:{number}",
                        reason=f"pseudonymised {MONTHS} months after leaving",
                    )
                )
        if found:
            log.info("%d accounts of people who left were pseudonymised", len(found))
