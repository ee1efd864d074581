"""docs/library-defaults.md names tests that exist, and every test that was written for a default."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "library-defaults.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ")]


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_each_test_named_on_the_page_exists(path: str, name: str) -> None:
    assert name in names_in(path)


def test_each_row_of_the_page_names_a_test() -> None:
    titles = [line for line in ROWS if line.endswith("| test |")]
    assert [line for line in ROWS if line not in titles and "::test_" not in line] == []


@pytest.mark.parametrize(
    "path", ["tests/sftp/test_defaults.py", "tests/webdav/test_defaults.py", "tests/portal/test_defaults.py"]
)
def test_each_test_of_a_default_is_on_the_page(path: str) -> None:
    named = {name for where, name in NAMED if where == path}
    assert {name for name in names_in(path) if name.startswith("test_")} - named == set()
