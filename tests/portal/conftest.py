"""The pages of a small world, and a browser for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal.browsing import chromium, page
from tests.portal.site import Site, a_site

__all__ = ["chromium", "page"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A world of its own for each test."""
    with a_site(tmp_path) as made:
        yield made
