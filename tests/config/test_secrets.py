"""`secrets/`: each one a file with an id, its owner's alone, changed without losing the older."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from config.errors import OperatorError
from config.secrets import DEVICE_KEY, NAMES, TOTP_SEAL, Secrets


def test_folder_and_files_are_their_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Secrets(tmp_path / "secrets").create(DEVICE_KEY, b"value")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "secrets" / f"{DEVICE_KEY}.1").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", NAMES)
def test_a_new_secret_is_current_and_the_older_is_still_there(name: str, tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    older, newer = secrets.create(name, b"older"), secrets.create(name, b"newer")
    assert (older.id, newer.id) == ("1", "2")
    assert secrets.current(name) == newer
    assert secrets.get(name, older.id).value == b"older"


def test_the_tenth_comes_after_the_ninth(tmp_path: Path) -> None:
    for number in range(10):
        Secrets(tmp_path).create(TOTP_SEAL, bytes([number]))
    assert Secrets(tmp_path).current(TOTP_SEAL).value == b"\x09"


def test_a_change_is_seen_by_those_who_had_read_before(tmp_path: Path) -> None:
    reader = Secrets(tmp_path)
    reader.create(TOTP_SEAL, b"older")
    assert reader.current(TOTP_SEAL).value == b"older"
    Secrets(tmp_path).create(TOTP_SEAL, b"newer")
    os.utime(tmp_path, ns=(0, 0))  # the clock of some file systems is too coarse to tell two writes apart
    assert reader.current(TOTP_SEAL).value == b"newer"


def test_a_secret_does_not_show_itself(tmp_path: Path) -> None:
    assert "hush" not in repr(Secrets(tmp_path).create(DEVICE_KEY, b"hush"))


def test_a_secret_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    Secrets(tmp_path).create(DEVICE_KEY, b"value")
    (tmp_path / f"{DEVICE_KEY}.1").chmod(0o640)
    with pytest.raises(OperatorError, match="chmod 600") as caught:
        Secrets(tmp_path).current(DEVICE_KEY)
    assert caught.value.exit_status == 2


def test_a_missing_secret_is_named_with_where_to_find_it(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"device-key is missing.*backup") as caught:
        Secrets(tmp_path).current(DEVICE_KEY)
    assert caught.value.exit_status == 2


def test_a_missing_older_secret_is_told(tmp_path: Path) -> None:
    Secrets(tmp_path).create(DEVICE_KEY, b"value")
    with pytest.raises(OperatorError, match="backup") as caught:
        Secrets(tmp_path).get(DEVICE_KEY, "3")
    assert caught.value.exit_status == 2


def test_nothing_but_the_known_secrets_is_looked_for(tmp_path: Path) -> None:
    for name, number in (
        ("../outside", "1"),
        ("device-key/../x", "1"),
        ("", "1"),
        (DEVICE_KEY, "../1"),
        ("unknown", "1"),
    ):
        with pytest.raises(OperatorError):
            Secrets(tmp_path).get(name, number)
