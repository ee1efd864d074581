"""psftp of PuTTY, whose conversation is WinSCP's too: two prompts, one after the other."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from auth.principal import Door
from tests.support.county import HOST, County
from tests.support.story import BIG, Person

pytestmark = pytest.mark.needs("psftp")


def psftp(county: County, folder: Path, person: Person, commands: str, answers: tuple[str, ...]) -> tuple[int, str]:
    """Status and output. What is typed before it asks is lost, so each answer waits for its prompt."""
    (folder / "commands").write_text(commands)
    digest = hashlib.sha256(base64.b64decode(county.host_key.split()[1])).digest()
    known = f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"
    options = ["-P", str(county.sftp_port), "-hostkey", known, "-b", "commands", f"{person.username}@{HOST}"]
    with subprocess.Popen(
        ["psftp", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"},
        cwd=folder,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        said = b""
        for prompt, answer in zip((b"Password:", b"One-time code:"), answers, strict=False):
            while prompt not in said:
                more = os.read(process.stdout.fileno(), 4096)
                assert more, said
                said += more
            process.stdin.write(f"{answer}\n".encode())
            process.stdin.flush()
        said += process.communicate(timeout=60)[0]
    return process.returncode, said.decode()


def test_a_document_arrives_after_password_and_code(county: County, tmp_path: Path) -> None:
    person, letter = county["r.reader7"], county.letter(BIG)
    commands = f'get "{letter.path(person)}" copy\nls "{person.root(letter.schools[0])}"\nquit\n'
    status, said = psftp(county, tmp_path, person, commands, (person.password, county.code(person)))
    assert status == 0, said
    assert (tmp_path / "copy").read_bytes() == letter.data
    assert letter.month in said
    county.received(person, Door.SFTP, letter)


def test_writing_is_refused(county: County, tmp_path: Path) -> None:
    person = county["r.reader8"]
    (tmp_path / "mine.txt").write_text("mine")
    status, said = psftp(county, tmp_path, person, "put mine.txt\n", (person.password, county.code(person)))
    assert (status, "permission denied" in said) == (2, True), said
