"""A change of who may what: one transaction, in the record before it is committed [R24], told to every process.

Called by the commands, the pages and the demo. One thread at a time for each change. Raises RecordUnavailable, and then
nothing has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from gateway.core import Core
from policy import generations
from policy.audit.events import Event, EventKind, Result
from policy.audit.log import AuditLog


@dataclass(slots=True)
class Change:
    """One transaction of somebody: what was done goes to `record` before the block ends. `at` is aware UTC."""

    connection: Connection
    at: datetime
    actor: int | None
    client: str
    protocol: str = "command"
    address: str = ""
    events: list[Event] = field(default_factory=list)

    def record(self, kind: EventKind, what: str, *, school: int | None = None, reason: str = "") -> None:
        """What happened to `what`, for the record."""
        self.events.append(
            Event(
                event=kind,
                at=self.at,
                result=Result.PERMIT,
                actor=self.actor,
                school=school,
                address=self.address,
                client=self.client,
                protocol=self.protocol,
                object=what,
                reason=reason,
            )
        )


@contextmanager
def changing(
    core: Core, log: AuditLog, actor: int | None, client: str, *, protocol: str = "command", address: str = ""
) -> Iterator[Change]:
    """A change by account `actor`, or by nobody's where there is none.

    `client` is the user of this machine who gives a command, or the browser that asks from `address`.
    """
    with core.database.write() as connection:
        # First of all: the counter's row lets one change pass at a time, so what a change looks up stays true.
        generations.bump(connection, generations.ACCESS)
        change = Change(connection, core.clock.now(), actor, client, protocol, address)
        yield change
        assert change.events, "a change that nobody recorded"
        log.record_all(change.events)
