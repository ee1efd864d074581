"""What is hashed and kept of an event: one canonical JSON text. The only place that knows its form.

Keys sorted, no spaces, UTF-8, integers and strings only: the form of RFC 8785 for these values. Pure.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from policy.audit.events import Event, EventKind, Result

VERSION = 1
MAX_TEXT = 512
MAX_RANGES = 1000

_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def encode(event: Event) -> bytes:
    """The payload of `event`.

    Texts are cut at 512 characters and lone surrogates replaced, so that a client's own words can neither swell nor
    break a record. Raises ValueError for a naive time or more than 1,000 ranges.
    """
    if event.at.tzinfo is None or len(event.ranges) > MAX_RANGES:
        raise ValueError("an event has an aware time and at most 1,000 ranges")
    values = {
        "v": VERSION,
        "ts": event.at.astimezone(UTC).strftime(_TIME),
        "event": event.event.value,
        "actor": event.actor,
        "school": event.school,
        "address": _clean(event.address),
        "client": _clean(event.client),
        "protocol": _clean(event.protocol),
        "session": _clean(event.session),
        "object": _clean(event.object),
        "reference": _clean(event.reference),
        "range": event.ranges,
        "result": event.result.value,
        "reason": _clean(event.reason),
        "count": event.count,
    }
    return _encoder.encode(values).encode("utf-8")


def decode(payload: bytes) -> Event:
    """The event that `payload` was made of. Raises ValueError for anything that `encode` could not have written."""
    try:
        values: dict[str, Any] = json.loads(payload)
        event = Event(
            event=EventKind(values["event"]),
            at=datetime.strptime(values["ts"], _TIME).replace(tzinfo=UTC),
            result=Result(values["result"]),
            actor=values["actor"],
            school=values["school"],
            ranges=tuple((start, end) for start, end in values["range"]),
            count=values["count"],
            **{name: values[name] for name in _TEXTS},
        )
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("not a payload of the record") from exc
    if values["v"] != VERSION or encode(event) != payload:
        raise ValueError("not a canonical payload of version 1")
    return event


_TEXTS = ("address", "client", "protocol", "session", "object", "reference", "reason")


def _clean(text: str) -> str:
    return text[:MAX_TEXT].encode("utf-8", "replace").decode("utf-8")


def needle(name: str, value: str | int) -> bytes:
    """Bytes that stand in a payload if and only if its field `name` (any but the last, `v`) holds `value`.

    Unescaped quotes occur in canonical JSON around names and texts alone, so no text can imitate a field.
    """
    return f'"{name}":{_encoder.encode(_clean(value) if isinstance(value, str) else value)},'.encode()
