"""A record in the field names of the Elastic Common Schema 8.11, for whoever collects and searches.

Called by `ladocs audit export`. What the schema has no name for stands under `ladocs`. Pure. Each kind of event has a
category here, which a test demands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from policy.audit.events import Event, EventKind, Result

VERSION = "8.11.0"

CATEGORIES: Mapping[str, str] = {
    "access": "iam",
    "account": "iam",
    "agreement": "iam",
    "auth": "authentication",
    "backup": "database",
    "clock": "configuration",
    "copies": "file",
    "credential": "iam",
    "destruction": "file",
    "document": "file",
    "file": "file",
    "folder": "file",
    "guesses": "iam",
    "home": "database",
    "keys": "file",
    "link": "iam",
    "mail": "email",
    "person": "iam",
    "record": "database",
    "request": "file",
    "review": "iam",
    "school": "configuration",
    "service": "process",
    "terms": "iam",
    "trust": "iam",
    "write": "file",
}
"""`event.category` by what stands before the colon of a kind."""

_TYPES: Mapping[EventKind, str] = {
    EventKind.SIGN_IN: "start",
    EventKind.SIGN_IN_REFUSED: "start",
    EventKind.SIGN_OUT: "end",
    EventKind.FOLDER_BROWSE: "access",
    EventKind.FILE_OPEN: "access",
    EventKind.FILE_CLOSE: "access",
    EventKind.READ_REFUSED: "access",
    EventKind.WRITE_REFUSED: "change",
    EventKind.DOCUMENT_PUBLISHED: "creation",
    EventKind.DOCUMENT_WITHDRAWN: "change",
    EventKind.KEYS_ROTATED: "change",
    EventKind.KEYS_REPLICATED: "creation",
    EventKind.KEYS_FORGOTTEN: "deletion",
    EventKind.DOCUMENT_DESTROYED: "deletion",
    EventKind.SCHOOL_CHANGED: "change",
    EventKind.AGREEMENT_RECORDED: "change",
    EventKind.AGREEMENT_DUE: "change",
    EventKind.AGREEMENT_CHANGED: "change",
    EventKind.ACCOUNT_CHANGED: "change",
    EventKind.ACCESS_GRANTED: "change",
    EventKind.ACCESS_REVOKED: "change",
    EventKind.CREDENTIAL_ADDED: "change",
    EventKind.CREDENTIAL_REMOVED: "change",
    EventKind.PERSON_EXPORTED: "access",
    EventKind.REVIEW_SUSPENDED: "change",
    EventKind.REVIEW_RESUMED: "change",
    EventKind.CLOCK_CONFIRMED: "change",
    EventKind.BACKUP_MADE: "creation",
    EventKind.HOME_RESTORED: "change",
    EventKind.SERVICE_STARTED: "start",
    EventKind.SERVICE_STOPPED: "end",
    EventKind.RECORD_PRUNED: "deletion",
}
_OTHERWISE = "info"
_OUTCOMES = {Result.PERMIT: "success", Result.DENY: "failure", Result.ERROR: "failure"}

COLUMNS = (
    *("@timestamp", "event.sequence", "event.action", "event.category", "event.type", "event.outcome", "event.reason"),
    *("user.id", "user.name", "user.target.id", "user.target.name", "organization.id", "organization.name"),
    *("source.address", "source.ip", "user_agent.original", "network.protocol", "destination.bytes"),
    *("ladocs.object", "ladocs.reference", "ladocs.ranges", "ladocs.count", "ladocs.session", "ladocs.batch"),
)
"""Every field that says something of one record, in their order in a CSV file."""


def document(
    seq: int, batch: int, event: Event, people: Mapping[int, str], schools: Mapping[int, tuple[str, str]]
) -> dict[str, Any]:
    """Record `seq` as nested fields, without empty ones. `people`: short names; `schools`: DfE number and name."""
    kind = event.event
    dfe, school = schools.get(event.school, (str(event.school), "")) if event.school is not None else ("", "")
    target = _target(event)
    fields = {
        "@timestamp": event.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "ecs": {"version": VERSION},
        "event": {
            "kind": "event",
            "module": "ladocs",
            "dataset": "ladocs.record",
            "sequence": seq,
            "action": kind.value,
            "category": [CATEGORIES[kind.value.partition(":")[0]]],
            "type": [_TYPES.get(kind, _OTHERWISE)],
            "outcome": _OUTCOMES[event.result],
            "reason": event.reason,
        },
        "user": {**_person(event.actor, people), "target": _person(target, people)},
        "organization": {"id": dfe, "name": school},
        "source": {"address": event.address, "ip": _ip(event.address)},
        "user_agent": {"original": event.client},
        "network": {"protocol": event.protocol},
        "destination": {"bytes": _sent(event)},
        "ladocs": {
            "object": event.object,
            "reference": event.reference,
            "ranges": [list(span) for span in event.ranges],
            "count": event.count,
            "session": event.session,
            "batch": batch,
        },
    }
    return _present(fields)


def flat(fields: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names and texts of nested fields; lists are joined by semicolons."""
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", _text(value)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ";".join("-".join(map(str, one)) if isinstance(one, list) else str(one) for one in value)
    return str(value)


def _person(account_id: int | None, people: Mapping[int, str]) -> dict[str, str]:
    return {} if account_id is None else {"id": str(account_id), "name": people.get(account_id, "")}


def _target(event: Event) -> int | None:
    what, _, number = event.object.partition(":")
    return int(number) if what == "account" and number.isascii() and number.isdecimal() else None


def _ip(address: str) -> str:
    """`address` where it is one; networks that strangers are counted under are none."""
    try:
        return str(ip_address(address))
    except ValueError:
        return ""


def _sent(event: Event) -> int | None:
    """What the server sent: of other kinds ranges are what was asked for."""
    return sum(end - start for start, end in event.ranges) if event.event is EventKind.FILE_CLOSE else None


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`fields` without what says nothing."""
    kept = {name: _present(value) if isinstance(value, Mapping) else value for name, value in fields.items()}
    return {name: value for name, value in kept.items() if value not in (None, "", {}, [])}
