"""A review as a page to print: the list that a headteacher fills in, or the result that was signed [R22].

Called by `ladocs review show --html`. Pure; laid out by `gateway.sheet`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from config.clock import LONDON
from gateway import sheet
from gateway.sheet import Paragraph, Table

_ASK = "Mark every line: keep it, or have it removed. Then sign, and send this back."
_COLUMNS = ("What", "Decision", "May read", "Last used", "Ends", "Remarks")
_KINDS = {"key": "Key", "device": "Device password"}


def page(said: Mapping[str, Any], digest: str = "") -> str:
    """The page of what `gateway.reviewing.waiting` gives or a signed result says; `digest` is SHA-256 of the latter."""
    school, done = said["school"], said["confirmed_by"] is not None
    title = f"Access review of {school['dfe']} {school['name']}, {', '.join(said['terms'])}"
    facts = list(_facts(said)) if done else [("Due", ", ".join(said["due"])), ("Signed", ""), ("On the day", "")]
    facts += [("SHA-256 of the signed result", digest)] if digest else []
    blocks = (
        *(() if done else (Paragraph(_ASK),)),
        Table("The review", ("What", "Which"), facts, 2),
        Table("Every account, key and device password", _COLUMNS, [_row(item) for item in said["items"]], 6),
    )
    return sheet.page(said["service"], title, blocks)


def _facts(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    by, recorded = said["confirmed_by"], said["recorded_by"]
    yield "Due", ", ".join(said["due"])
    yield "Confirmed", local(said["confirmed_at"])
    yield "By", f"{by['name']} ({by['username']}), {', '.join(by['roles'])}"
    if recorded is not None:
        yield "Recorded by", f"{recorded['name']} ({recorded['username']}): {recorded['because']}"


def _row(item: Mapping[str, Any]) -> tuple[str, ...]:
    part = item["what"] != "account"
    return (
        _heading(item),
        item["decision"] or "☐ keep ☐ remove",
        "" if part else ", ".join(item["categories"]) or "nothing",
        local(item["last_used_at"]) or "never",
        local(item["ends"]),
        "; ".join(_remarks(item)),
    )


def _heading(item: Mapping[str, Any]) -> str:
    if item["what"] == "account":
        return f"{item['name']} ({item['username']}), {', '.join(item['roles'])}"
    return f"{_KINDS[item['what']]} “{item['name']}” ({item['item']}) of {item['username']}"


def _remarks(item: Mapping[str, Any]) -> Iterator[str]:
    account = item["what"] == "account"
    rows = (
        (account and item["kind"] == "service", f"a script of {item['owner'] or 'nobody any more'}"),
        (account and item["state"] != "active", item["state"]),
        (bool(item["suspended_at"]), f"suspended since {local(item['suspended_at'])}"),
        (bool(item["networks"]), f"from {', '.join(item['networks'])} alone"),
        (bool(item["fingerprint"]), item["fingerprint"]),
    )
    return (text for applies, text in rows if applies)


def local(time: str | None) -> str:
    """A time of a result as people in Derbyshire read it; empty for none."""
    return "" if time is None else datetime.fromisoformat(time).astimezone(LONDON).strftime("%Y-%m-%d %H:%M")
