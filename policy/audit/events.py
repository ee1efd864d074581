"""What a record says: one frozen `Event`, whose field names are the record's own (docs/audit-format.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """What happened; the string is its form in the record."""

    SIGN_IN = "auth:sign-in"
    SIGN_IN_REFUSED = "auth:refused"
    SIGN_OUT = "auth:sign-out"
    SUPPRESSED = "auth:suppressed"
    FOLDER_BROWSE = "folder:browse"
    FILE_OPEN = "file:open"
    FILE_CLOSE = "file:close"
    READ_REFUSED = "file:refused"
    WRITE_REFUSED = "write:refused"
    DOCUMENT_DAMAGED = "document:damaged"
    DOCUMENT_PUBLISHED = "document:published"
    DOCUMENT_WITHDRAWN = "document:withdrawn"
    COPIES_ASKED = "copies:asked"
    COPIES_DESTROYED = "copies:destroyed"
    REQUEST_MADE = "request:made"
    REQUEST_DECIDED = "request:decided"
    DOCUMENT_HELD = "document:held"
    DOCUMENT_UNHELD = "document:unheld"
    DESTRUCTION_INTENT = "destruction:intent"
    KEYS_ROTATED = "keys:rotated"
    KEYS_REPLICATED = "keys:replicated"
    KEYS_FORGOTTEN = "keys:forgotten"
    DOCUMENT_DESTROYED = "document:destroyed"
    DESTRUCTION_CERTIFIED = "destruction:certified"
    DESTRUCTION_PENDING = "destruction:pending"
    DESTRUCTION_WAITS = "destruction:waits"
    DESTRUCTION_CONFIRMED = "destruction:confirmed"
    SCHOOL_CHANGED = "school:changed"
    AGREEMENT_RECORDED = "agreement:recorded"
    ACCOUNT_CHANGED = "account:changed"
    ACCESS_GRANTED = "access:granted"
    AGREEMENT_DUE = "agreement:due"
    AGREEMENT_CHANGED = "agreement:changed"
    ACCESS_REVOKED = "access:revoked"
    ACCESS_REFUSED = "access:refused"
    REVIEW_OPENED = "review:opened"
    REVIEW_CONFIRMED = "review:confirmed"
    REVIEW_EXTENDED = "review:extended"
    REVIEW_SUSPENDED = "review:suspended"
    REVIEW_RESUMED = "review:resumed"
    CREDENTIAL_ADDED = "credential:added"
    CREDENTIAL_REMOVED = "credential:removed"
    TRUST_ENDED = "trust:ended"
    GUESSES_CLEARED = "guesses:cleared"
    LINK_SENT = "link:sent"
    LINK_USED = "link:used"
    TERMS_ACCEPTED = "terms:accepted"
    MAIL_SENT = "mail:sent"
    MAIL_FAILED = "mail:failed"
    PERSON_EXPORTED = "person:exported"
    CLOCK_CONFIRMED = "clock:confirmed"
    BACKUP_MADE = "backup:made"
    HOME_RESTORED = "home:restored"
    SERVICE_STARTED = "service:started"
    SERVICE_STOPPED = "service:stopped"
    HEARTBEAT = "service:heartbeat"
    RECORD_PRUNED = "record:pruned"


class Result(StrEnum):
    """How it ended."""

    PERMIT = "permit"
    DENY = "deny"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One line of the record, before it is sealed into a batch.

    `at` is aware UTC. `actor` is an account id. `school` a school id. `object` names the thing in clear only where its
    name is not confidential: a delivery id in hex, an account, the key or device password of a sign-in (`key:7`) or a
    folder such as `7/2026-11/SEND`; refused names stand as folder plus keyed hash. `ranges` are half-open byte ranges
    `(start, end)`. `count`: how many this stands for.
    """

    event: EventKind
    at: datetime
    result: Result
    actor: int | None = None
    school: int | None = None
    address: str = ""
    client: str = ""
    protocol: str = ""
    session: str = ""
    object: str = ""
    reference: str = ""
    ranges: tuple[tuple[int, int], ...] = ()
    reason: str = ""
    count: int = 1


class RecordUnavailable(Exception):
    """The record could not be written durably in time: nothing may leave."""
