"""What is shown once is shown once: no other output, no log and no file of the home repeats a secret."""

from __future__ import annotations

import select
import subprocess
from pathlib import Path

import pytest

from auth.links import Purpose
from tests.cli.county import LADOCS, PRIMARY, County, person
from tests.support.activation import activate, mailed

REPORTS = [
    ("account", "list"),
    ("account", "show", "tom.new"),
    ("account", "export"),
    ("school", "show", PRIMARY),
    ("key", "list", "tom.new"),
    ("device", "list", "tom.new"),
    ("document", "list"),
    ("audit", "list"),
    ("audit", "verify"),
]


@pytest.fixture
def secrets(county: County) -> list[str]:
    """Whatever tom.new was shown, mailed or typed, in the forms in which it was."""
    county(*person("tom.new", "Tom"), "--school", PRIMARY, "--role", "Office")
    device = county("device", "add", "tom.new", "--name", "PC", "--json").json["device_password"]
    with county.services() as services:
        known = activate(services, "tom.new")
        reset = mailed(services, "tom.new", Purpose.PASSWORD)
    shown = [known.password, known.secret, reset, device, device.replace("-", ""), *known.recovery_codes]
    shown += [code.replace("-", "") for code in known.recovery_codes]
    assert all(len(secret) >= 10 for secret in shown)
    return shown


@pytest.mark.parametrize("command", REPORTS, ids=" ".join)
def test_no_report_repeats_a_secret(county: County, secrets: list[str], command: tuple[str, ...]) -> None:
    for form in ((), ("--json",)):
        ran = county(*command, *form)
        assert not [secret for secret in secrets if secret.lower() in (ran.out + ran.err).lower()]


def test_no_file_of_the_home_holds_a_secret(county: County, secrets: list[str]) -> None:
    files = [file for folder in (county.home, county.keys) for file in folder.rglob("*") if file.is_file()]
    assert {"ladocs.db", "record.db", "ladocs.toml"} <= {file.name for file in files}
    for file in files:
        data = file.read_bytes().lower()
        assert not [secret for secret in secrets if secret.lower().encode() in data], file


def test_the_log_of_a_serving_home_repeats_no_secret(
    county: County, secrets: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("SFTP_PORT", "HTTPS_PORT"):
        monkeypatch.setenv(f"LADOCS_SERVE__{name}", "0")
    with (tmp_path / "log").open("wb") as log:
        words: list[str | Path] = [LADOCS, "serve", "--home", county.home]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log) as process:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 60)[0]
            process.terminate()
    text = (tmp_path / "log").read_text().lower()
    assert not [secret for secret in secrets if secret.lower() in text]
