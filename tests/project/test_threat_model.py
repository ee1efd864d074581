"""docs/threat-model.md: promises are numbered without a gap and name tests, and every test that is named is there."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.project.tree import ROOT

PAGE = (ROOT / "docs/threat-model.md").read_text()
PROMISES = re.findall(r"^### (G\d+)\. .*\n((?:(?!^##).*\n)*)", PAGE, re.MULTILINE)


@cache
def written_in(path: str) -> frozenset[str]:
    """The tests that stand in a file; none where there is no such file."""
    file = ROOT / path
    body = ast.parse(file.read_text()).body if file.exists() else []
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def test_every_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"`(tests/[^`]+?)::([^`]*)`", PAGE)
    assert [f"{path}::{test}" for path, test in named if test not in written_in(path)] == []


def test_promises_are_numbered_without_a_gap() -> None:
    assert [number for number, _ in PROMISES] == [f"G{number}" for number in range(1, len(PROMISES) + 1)]


def test_every_promise_names_its_tests() -> None:
    assert [number for number, text in PROMISES if not re.search(r"^- `tests/.+::test_\w+`$", text, re.MULTILINE)] == []


def test_every_promise_that_the_page_refers_to_is_made() -> None:
    assert set(re.findall(r"\bG\d+\b", PAGE)) == {number for number, _ in PROMISES}


def test_the_start_page_counts_the_promises() -> None:
    assert f"{len(PROMISES)} numbered promises" in (ROOT / "README.md").read_text()
