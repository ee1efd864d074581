"""A home's version and its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import OperatorError
from config.files import write_durably
from config.home import FORMAT, Home, check_format, format_file, mark_format


def test_a_home_that_was_marked_opens(tmp_path: Path) -> None:
    mark_format(tmp_path)
    assert Home.open(tmp_path, tmp_path / "keys").secrets_dir == tmp_path / "secrets"


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "no ladocs home"), (f"ladocs home {FORMAT + 1}", "newer"), ("x", "damaged"), ("ladocs home x", "damaged")],
)
def test_a_folder_that_is_no_home_of_this_version_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        format_file(tmp_path).write_text(text)
    with pytest.raises(OperatorError, match=said) as caught:
        check_format(tmp_path)
    assert caught.value.exit_status == 2


def test_a_file_written_durably_is_its_owners_alone(tmp_path: Path) -> None:
    write_durably(tmp_path / "a", b"x")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_writing_leaves_no_temporary_file(tmp_path: Path) -> None:
    write_durably(tmp_path / "a", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_durably(tmp_path / "a", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]
