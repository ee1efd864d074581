"""Tests by chance: how long they go on, the seed that repeats them, and what they did, told at the end of the run.

`TESTS_SEED` is drawn once for all processes of a run, unless it is given; `TESTS_SOAK=1` is what `make soak` says.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import pytest

SEED = "TESTS_SEED"
SOAKING = os.environ.get("TESTS_SOAK") == "1"
_PROPERTY = "figures"


def draw_seed() -> None:
    """Settle the seed, before other processes are started."""
    os.environ.setdefault(SEED, str(secrets.randbelow(2**32)))


def seed() -> int:
    """The run's seed."""
    return int(os.environ[SEED])


def tell(request: pytest.FixtureRequest, done: Mapping[str, int]) -> None:
    """What a test did, to be added up over its parameters and told when all is over."""
    request.node.user_properties.append((_PROPERTY, dict(done)))


def told(reports: Iterable[pytest.TestReport]) -> Iterator[str]:
    """A line for each test that told figures."""
    sums: dict[str, Counter[str]] = {}
    for report in reports:
        for name, done in report.user_properties:
            if name == _PROPERTY and isinstance(done, dict):
                total = sums.setdefault(report.nodeid.partition("[")[0], Counter())
                total.update({**done, "seconds": round(report.duration)})
    for test, done in sums.items():
        yield f"{test}: {', '.join(f'{count:,} {what}' for what, count in done.items())}; {SEED}={seed()} repeats it"
