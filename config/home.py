"""The layout of a home: where every piece of state lies, and which version of the layout it is.

Called by the commands, which open a home before anything else. Frozen; thread-safe.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from config.errors import OperatorError
from config.files import write_durably

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one installation. `keys_dir` may lie elsewhere: it must be in no backup."""

    path: Path
    keys_dir: Path

    @classmethod
    def open(cls, path: Path, keys_dir: Path) -> Home:
        """The home at `path`. Raises OperatorError as `check_format` does."""
        check_format(path)
        return cls(path, keys_dir)

    @property
    def settings_file(self) -> Path:
        return settings_file(self.path)

    @property
    def secrets_dir(self) -> Path:
        return self.path / "secrets"

    @property
    def store_dir(self) -> Path:
        return self.path / "store"

    @property
    def checkpoints_dir(self) -> Path:
        """Signed heads of the record, the last of each day; part of a backup."""
        return self.path / "checkpoints"

    @property
    def certificates_dir(self) -> Path:
        """Signed certificates of destruction, one for each day on which documents were; part of a backup."""
        return self.path / "certificates"

    @property
    def run_dir(self) -> Path:
        """Locks and the like: nothing in it outlives the processes that use it."""
        return _run_dir(self.path)


def settings_file(path: Path) -> Path:
    """The settings of the home at `path`."""
    return path / "ladocs.toml"


def lease_file(path: Path) -> Path:
    """The lock that whoever serves the home at `path` holds."""
    return _run_dir(path) / "serve.lock"


def _run_dir(path: Path) -> Path:
    return path / "run"


def format_file(path: Path) -> Path:
    """The file whose presence makes `path` a home; it holds the layout's version."""
    return path / "format"


def mark_format(path: Path) -> None:
    """Say that the layout at `path` is complete, and of this version: the last step of making a home."""
    write_durably(format_file(path), f"ladocs home {FORMAT}\n".encode())


def check_format(path: Path) -> None:
    """Raises OperatorError (status 2) where `path` is no home, or one that this version does not understand."""
    try:
        text = format_file(path).read_text("utf-8")
    except FileNotFoundError as exc:
        raise OperatorError(
            f"{path} is no ladocs home: make one with 'ladocs init --home {path} --keys-dir DIR', or name another with"
            " --home.",
            exit_status=2,
        ) from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise OperatorError(f"{format_file(path)} cannot be read ({exc}): check the home.", exit_status=2) from exc
    words = text.split()
    if words[:2] != ["ladocs", "home"] or len(words) != 3 or not words[2].isdecimal():
        raise OperatorError(f"{format_file(path)} is damaged: it should read 'ladocs home {FORMAT}'.", exit_status=2)
    if int(words[2]) > FORMAT:
        raise OperatorError(
            f"The home {path} was made by a newer ladocs (layout {words[2]}, this one knows {FORMAT}): install that"
            " version.",
            exit_status=2,
        )
