"""A home's version, its files and its secrets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config import secrets
from config.errors import OperatorError
from config.files import write_durably
from config.home import FORMAT, Home, check_format, format_file, mark_format
from config.secrets import Secrets


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


def test_a_new_secret_is_current_and_the_old_one_can_still_be_had(tmp_path: Path) -> None:
    kept = Secrets(tmp_path / "secrets")
    first = kept.create(secrets.DEVICE_KEY, b"one")
    kept.create(secrets.DEVICE_KEY, b"two")
    assert (kept.current(secrets.DEVICE_KEY).value, kept.get(secrets.DEVICE_KEY, first.id).value) == (b"two", b"one")


def test_a_secret_made_by_another_process_becomes_current(tmp_path: Path) -> None:
    kept, other = Secrets(tmp_path), Secrets(tmp_path)
    other.create(secrets.DEVICE_KEY, b"one")
    assert kept.current(secrets.DEVICE_KEY).value == b"one"
    other.create(secrets.DEVICE_KEY, b"two")
    os.utime(tmp_path, ns=(0, 0))  # the clock of some file systems is too coarse to tell two writes apart
    assert kept.current(secrets.DEVICE_KEY).value == b"two"


def test_a_secret_hides_itself(tmp_path: Path) -> None:
    assert "hunter2" not in repr(Secrets(tmp_path).create(secrets.DEVICE_KEY, b"hunter2"))


def test_a_secret_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    kept = Secrets(tmp_path)
    kept.create(secrets.DEVICE_KEY, b"x")
    kept.path(secrets.DEVICE_KEY).chmod(0o644)
    with pytest.raises(OperatorError, match="chmod 600"):
        kept.current(secrets.DEVICE_KEY)


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="totp-seal is missing"):
        Secrets(tmp_path).current(secrets.TOTP_SEAL)


@pytest.mark.parametrize("name", ["", "../format", "device-key/../x", "unknown"])
def test_only_known_names_reach_the_disk(tmp_path: Path, name: str) -> None:
    with pytest.raises(OperatorError):
        Secrets(tmp_path).get(name, "1")
