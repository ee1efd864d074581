"""A server that tests may trouble, if they mend what they broke; it has to end well, and its record has to hold."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.county import County, every_byte_was_granted, serving
from tests.support.story import Founded


@pytest.fixture(scope="session")
def troubled(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    with serving(founded, tmp_path_factory.mktemp("troubled")) as served:
        yield served
    every_byte_was_granted(served)
