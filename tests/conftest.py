"""What holds for every test: programs that are missing are told at the end, and in CI nothing may be left out."""

from __future__ import annotations

import os
import re
from collections.abc import Generator

import pytest

from tests.support import figures
from tests.support.county import county, founded
from tests.support.pages import pages, services_of_pages
from tests.support.postgres import empty_url, postgres, server
from tests.support.programs import NO_FUSE, need

__all__ = ["county", "empty_url", "founded", "pages", "postgres", "server", "services_of_pages"]

COMPLETE = "TESTS_COMPLETE"  # without LADOCS_ before it: commands that tests start would take it for a setting
figures.draw_seed()
_MISSING = re.compile(r"(\S+) is not installed: (apt-get install .+)$")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            need(program)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get(COMPLETE) == "1" and report.skipped and not hasattr(report, "wasxfail"):
        reason = _reason(report)
        if NO_FUSE not in reason:
            report.outcome = "failed"
            report.longrepr = f"nothing may be skipped here ({COMPLETE}=1): {reason}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ended = [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]
    for line in figures.told(ended):
        terminalreporter.write_line(line)
    reasons = [_reason(report) for report in terminalreporter.stats.get("skipped", [])]
    found = {match.group(1): match.group(2) for reason in reasons if (match := _MISSING.search(reason))}
    if found:
        terminalreporter.section("programs that are not installed, whose tests were skipped")
        for program, command in sorted(found.items()):
            terminalreporter.write_line(f"{program:12} {command}")


def _reason(report: pytest.TestReport) -> str:
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
