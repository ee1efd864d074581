"""House rules that no linter knows: docstrings, lengths, decisions, links, lock files."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from pathlib import Path

import pytest

from tests.project.tree import ROOT, files, name

PAGES = sorted(files(".md"), key=name)
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
LONGEST = 500
LONGER_WITH_REASON: dict[str, str] = {}

_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#]+)[^)]*\)")
_PATH = re.compile(r"`((?:auth|bench|config|docs|gateway|policy|requirements|tests)/[\w./-]+)`")
_LATER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
_PIN = re.compile(r"([\w.-]+(?:\[[\w,-]+\])?)==(\S+)(?: ; [^\\]+)? \\")
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def pins(lock: Path) -> dict[str, str]:
    """Name to version of every distribution that a lock file holds."""
    return {match[1]: match[2] for line in lock.read_text().splitlines() if (match := _PIN.fullmatch(line))}


def test_every_module_says_what_it_is() -> None:
    modules = {file: ast.parse(file.read_text()) for file in files(".py")}
    assert not [name(file) for file, module in modules.items() if module.body and not ast.get_docstring(module)]


def test_no_module_is_longer_than_one_can_read() -> None:
    long = {name(file) for file in files(".py") if len(file.read_text().splitlines()) > LONGEST}
    assert long == LONGER_WITH_REASON.keys()


def test_nothing_is_put_off_in_a_comment() -> None:
    texts = {file: file.read_text() for file in files(".py", ".md", ".toml", ".html", ".css", ".in")}
    assert not [name(file) for file, text in texts.items() if _LATER.search(text)]


@pytest.mark.parametrize("file", DECISIONS, ids=name)
def test_every_decision_has_its_number_context_choice_and_cost(file: Path) -> None:
    title, _, text = file.read_text().partition("\n")
    number = re.match(r"# (\d+)", title)
    assert number is not None and int(number[1]) == int(file.name[:4])
    parts = [text.find(f"**{part}.**") for part in ("Context", "Choice", "Cost")]
    assert -1 not in parts and parts == sorted(parts)


def test_no_number_of_a_decision_is_given_twice() -> None:
    numbers = [file.name[:4] for file in DECISIONS]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    missing = [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = [ROOT / path for path in _PATH.findall(page.read_text())]
    assert [name(path) for path in named if not path.exists() and not path.with_suffix(".py").exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_that_a_page_names_is_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), re.MULTILINE)) <= targets


@pytest.mark.parametrize("lock", LOCKS, ids=name)
def test_a_lock_file_holds_exact_versions_with_hashes_and_no_address(lock: Path) -> None:
    lines = [line for line in lock.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        assert _HASH.fullmatch(line) or (_PIN.fullmatch(line) and _HASH.fullmatch(following)), line
    assert "://" not in lock.read_text()


def test_what_is_tested_is_what_runs() -> None:
    run, dev = pins(ROOT / "requirements/run.txt"), pins(ROOT / "requirements/dev.txt")
    assert run
    assert {package: dev.get(package) for package in run} == run


def test_every_dependency_is_locked() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[\[>=<]", requirement)[0] for requirement in wanted}
    assert names <= set(pins(ROOT / "requirements/run.txt"))


def test_the_changelog_knows_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.search(rf"^## \[({re.escape(version)}|Unreleased)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_continuous_integration_is_a_program() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
