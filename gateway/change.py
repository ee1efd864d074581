"""A change of who may what: one transaction, in the record before it is committed [R24], told to every process.

Called by the commands, the pages and the demo. One thread at a time for each change. Raises RecordUnavailable, and then
nothing has changed; an act that the rules refuse is recorded, and nothing else has happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from config.errors import OperatorError
from gateway.core import Core
from policy import generations, roster
from policy.audit.events import Event, EventKind, Result
from policy.audit.log import AuditLog
from policy.staffing import TOLD, Act, Refusal, refusal


class NotAllowed(OperatorError):
    """An act that the actor may not do, `told` in one sentence; `event` is its line of the record."""

    def __init__(self, reason: str, told: str, event: Event) -> None:
        super().__init__(told)
        self.reason = reason
        self.event = event


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

    def record(
        self, kind: EventKind, what: str, *, school: int | None = None, reason: str = "", reference: str = ""
    ) -> None:
        """What happened to `what`, for the record."""
        self.events.append(self._event(kind, Result.PERMIT, what, school, reason, reference))

    def require(self, act: Act, account_id: int, school_id: int) -> None:
        """Raise NotAllowed unless the actor may do `act` to the account in the school; it ends the change [R21]."""
        actor, subject = (roster.party(self.connection, who, self.at) for who in (self.actor, account_id))
        reason = refusal(actor, act, subject, school_id)
        if reason is not None:
            raise self.refused(act, reason, f"account:{account_id}", school_id)

    def refused(self, act: Act, reason: Refusal, what: str, school_id: int | None = None) -> NotAllowed:
        """That `act` is refused, to be raised out of the change."""
        event = self._event(EventKind.ACCESS_REFUSED, Result.DENY, what, school_id, f"{act}: {reason}", "")
        return NotAllowed(reason, TOLD[reason], event)

    def refused_document(self, act: str, reason: str, told: str, reference: str) -> NotAllowed:
        """That `act` on a document is refused, `told` in one sentence; to be raised out of the change."""
        event = self._event(EventKind.ACCESS_REFUSED, Result.DENY, "", None, f"{act}: {reason}", reference)
        return NotAllowed(reason, told, event)

    def _event(
        self, kind: EventKind, result: Result, what: str, school: int | None, reason: str, reference: str
    ) -> Event:
        return Event(
            event=kind,
            at=self.at,
            result=result,
            actor=self.actor,
            school=school,
            address=self.address,
            client=self.client,
            protocol=self.protocol,
            object=what,
            reference=reference,
            reason=reason,
        )


@contextmanager
def changing(
    core: Core, log: AuditLog, actor: int | None, client: str, *, protocol: str = "command", address: str = ""
) -> Iterator[Change]:
    """A change by account `actor`, or by nobody's where there is none.

    `client` is the user of this machine who gives a command, or the browser that asks from `address`.
    """
    try:
        with core.database.write() as connection:
            # First of all: the counter's row lets one change pass at a time, so what a change looks up stays true.
            generations.bump(connection, generations.ACCESS)
            change = Change(connection, core.clock.now(), actor, client, protocol, address)
            yield change
            assert change.events, "a change that nobody recorded"
            log.record_all(change.events)
    except NotAllowed as refused:
        log.record(refused.event)  # after the rest was given up
        raise
