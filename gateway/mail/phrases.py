"""How mails write days, moments, lists, and names that somebody else chose. Used by `gateway.mail.texts`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from config.clock import LONDON

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def day(value: date) -> str:
    """`Friday 11 December 2026`, whatever the locale."""
    return f"{_DAYS[value.weekday()]} {short(value)}"


def moment(at: datetime) -> str:
    """`Friday 11 December 2026 at 14:05`, in Europe/London."""
    local = at.astimezone(LONDON)
    return f"{day(local.date())} at {local:%H:%M}"


def short(value: date) -> str:
    """`11 December 2026`, for a subject."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def listed(names: list[str]) -> str:
    """`A, B and C`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def tidy(value: Any) -> Any:
    """`value` without what no line of a mail holds: line ends, controls, marks that turn the writing round."""
    if isinstance(value, str):
        return " ".join("".join(c if c.isprintable() else " " for c in value).split())
    if isinstance(value, Mapping):
        return {name: tidy(inner) for name, inner in value.items()}
    return [tidy(inner) for inner in value] if isinstance(value, list) else value
