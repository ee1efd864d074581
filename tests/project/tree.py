"""The project's own files, as a fresh clone has them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("auth", "config", "gateway", "policy")
FOLDERS = (*PACKAGES, "bench", "docs", "requirements", "tests", ".ci")
_NOT_OURS = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "var")


def files(*suffixes: str, under: tuple[str, ...] = FOLDERS) -> Iterator[Path]:
    """Every file of the project, or those that end in one of `suffixes`."""
    for found in (*ROOT.iterdir(), *(file for folder in under for file in (ROOT / folder).rglob("*"))):
        ours = found.is_file() and not found.name.endswith(".pyc") and (found.parent != ROOT or under == FOLDERS)
        if ours and (not suffixes or found.suffix in suffixes):
            yield found


def name(file: Path) -> str:
    """A file's path from the root of the project."""
    return file.relative_to(ROOT).as_posix()


def copy_to(folder: Path) -> None:
    """The whole project, without what is made or kept beside it."""
    shutil.copytree(ROOT, folder, ignore=_NOT_OURS)
