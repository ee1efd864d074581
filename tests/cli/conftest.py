"""What the tests of commands share: a home of their own each, copied from one that is made once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.county import County, made


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    """Nothing of the environment reaches the commands: neither a home, nor settings, nor another operator."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("LADOCS_"):
                patch.delenv(name)
        patch.delenv("SUDO_USER", raising=False)
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> County:
    """The home that is copied; not to be changed."""
    return made(tmp_path_factory.mktemp("county"))


@pytest.fixture
def county(template: County, tmp_path: Path) -> County:
    """A home with people and schools, for one test."""
    return template.copied_to(tmp_path)


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    """A file that can be published."""
    file = tmp_path / "Letter.txt"
    file.write_bytes(b"Dear headteacher\n")
    return file
