"""What is handed out: the four packages with their data, a command, and nothing of the tests."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.project.tree import PACKAGES, copy_to, files, name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The wheel, built from a clean copy and without asking any index."""
    folder = tmp_path_factory.mktemp("wheel")
    copy_to(folder / "copy")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder))
    subprocess.run((*pip, *options, str(folder / "copy")), check=True)
    [built] = folder.glob("*.whl")
    return zipfile.Path(built)


def contents(wheel: zipfile.Path) -> set[str]:
    return {entry for entry in wheel.root.namelist() if not entry.endswith("/")}


def test_it_holds_every_file_of_the_four_packages(wheel: zipfile.Path) -> None:
    ours = {name(file) for file in files(under=PACKAGES)}
    assert {"auth/words.txt", "gateway/portal/static/portal.css", "gateway/portal/templates/start.html"} <= ours
    assert "config/migrations/main/env.py" in ours
    assert ours - contents(wheel) == set()


def test_it_holds_nothing_else(wheel: zipfile.Path) -> None:
    tops = {entry.partition("/")[0] for entry in contents(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_it_brings_the_command_and_the_licence(wheel: zipfile.Path) -> None:
    [entry_points] = [entry for entry in contents(wheel) if entry.endswith("entry_points.txt")]
    assert "ladocs = gateway.__main__:main" in wheel.joinpath(entry_points).read_text()
    assert any(Path(entry).name == "LICENSE" for entry in contents(wheel))
