"""Events for tests: complete by default, changed where the test says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from policy.audit.events import Event, EventKind, Result

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def an_event(**changes: Any) -> Event:
    """Somebody opened a document."""
    values: dict[str, Any] = {
        "event": EventKind.FILE_OPEN,
        "at": NOON,
        "result": Result.PERMIT,
        "actor": 17,
        "school": 3,
        "address": "192.0.2.7",
        "client": "WinSCP 6.3",
        "protocol": "sftp",
        "session": "s-1",
        "object": "00" * 16,
        "reference": "D-7K4M-Q2",
    }
    return Event(**(values | changes))
