"""`docs/sign-in.md` shows the table of the doors as it is."""

from __future__ import annotations

import re
from pathlib import Path

from auth.principal import Door, Factor, Kind
from policy.doors import SUFFICES

PAGE = (Path(__file__).parents[2] / "docs/sign-in.md").read_text()
ROW = re.compile(r"^\| `([\w-]+)` \| `([\w-]+)` \| (.+) \|$", re.MULTILINE)


def test_the_page_shows_every_row_of_the_doors_and_no_other() -> None:
    shown = [(Door(door), Kind(kind), re.findall(r"`([\w-]+)`", cell)) for door, kind, cell in ROW.findall(PAGE)]
    rows = {(door, kind, frozenset(map(Factor, factors))) for door, kind, factors in shown}
    none = {(*key, frozenset[Factor]()) for key, sets in SUFFICES.items() if not sets}
    assert rows == {(*key, wanted) for key, sets in SUFFICES.items() for wanted in sets} | none
    assert len(rows) == len(shown)
