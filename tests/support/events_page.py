"""`docs/events.md` as data: which fields each kind of event may fill."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/events.md"
ALWAYS = frozenset({"v", "ts", "event", "result", "count"})
_ROW = re.compile(r"^\| `(?P<kind>[a-z]+:[a-z-]+)` \| (?P<when>[^|]+) \| (?P<fields>[^|]*)\| [^|]*\|$", re.MULTILINE)


@cache
def rows() -> dict[str, frozenset[str]]:
    """The fields of each kind on the page, besides those that are always there."""
    found = {
        row["kind"]: frozenset(re.findall(r"`([a-z]+)`", row["fields"])) for row in _ROW.finditer(PAGE.read_text())
    }
    assert len(found) == len(_ROW.findall(PAGE.read_text())), "a kind has two rows"
    return found
