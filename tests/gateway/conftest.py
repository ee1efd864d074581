"""What the tests of the acts share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.enrolled import People, people


@pytest.fixture
def folk(tmp_path: Path) -> Iterator[People]:
    """People of a small world, on SQLite."""
    with people(tmp_path) as made:
        yield made
