"""Signing the agreement, and the day's look at which versions are in force, both in the record [R23] [R24].

Called by the commands, the demo and the jobs. Raises OperatorError for what a person typed wrongly or a text that was
changed, and RecordUnavailable, and then nothing has changed.
"""

from __future__ import annotations

from datetime import datetime

from config.database import Database
from config.settings import Settings
from gateway.change import Change
from gateway.core import Core
from policy import agreement, agreement_texts, generations
from policy.agreement import InForce, Rules, Signature
from policy.audit.events import Event, EventKind, Result
from policy.audit.log import AuditLog


def enter_texts(core: Core) -> None:
    """Remember the texts that the settings list. Raises OperatorError where one is another than it was."""
    read = agreement_texts.texts(core.settings.agreement)
    with core.database.read() as connection:
        new = agreement_texts.unseen(connection, read)
    if new:
        with core.database.write() as connection:
            agreement_texts.enter(connection, new, core.clock.now())


def sign(change: Change, rules: Rules, school_id: int, signature: Signature) -> Signature:
    """Take over that the school has signed; the signature as it is kept."""
    kept = agreement.record(change.connection, school_id, signature, rules, recorded_by=change.actor)
    reason = f"{kept.version}, signed on {kept.signed_on} by {kept.signed_by}"
    change.record(EventKind.AGREEMENT_RECORDED, f"school:{school_id}", school=school_id, reason=reason)
    return kept


class Agreements:
    """What a new day does to the agreements of one home: a version comes into force, another has to be signed."""

    def __init__(self, database: Database, log: AuditLog, settings: Settings) -> None:
        self._database = database
        self._log = log
        self._settings = settings

    def roll(self, at: datetime) -> None:
        """Let every school be as the versions say at `at`. Idempotent."""
        with self._database.write() as connection:
            generations.bump(connection, generations.ACCESS)  # first of all, as in `gateway.change`
            turned = agreement.roll(connection, agreement.rules(connection, self._settings, at))
            if turned:
                self._log.record_all([_told(one.school_id, one.now, at) for one in turned])


def _told(school_id: int, now: InForce, at: datetime) -> Event:
    kind = EventKind.AGREEMENT_CHANGED if now.until is None else EventKind.AGREEMENT_DUE
    return Event(
        event=kind,
        at=at,
        result=Result.PERMIT,
        school=school_id,
        object=f"school:{school_id}",
        reason=f"{now.version or 'none'}" + (f", until {now.until.isoformat()}" if now.until else ""),
    )
