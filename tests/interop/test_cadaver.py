"""cadaver, on plain HTTP over loopback: it asks nothing of certificates, and of everything by WebDAV."""

from __future__ import annotations

from pathlib import Path

import pytest

from auth.principal import Door
from tests.interop.running import Done, run
from tests.support.county import HOST, County
from tests.support.story import BRIGID, folder_of

pytestmark = pytest.mark.needs("cadaver")
TREE = folder_of(BRIGID)


def cadaver(county: County, folder: Path, *commands: str) -> Done:
    """The commands, as the script."""
    person = county["nightly"]
    netrc = folder / ".netrc"
    netrc.write_text(f"machine {HOST} login {person.username} password {person.device}\n")
    netrc.chmod(0o600)
    says = "\n".join([*commands, "quit", ""])
    return run(folder, "cadaver", f"http://{HOST}:{county.http_port}/", says=says)


def test_a_folder_lists_and_a_document_arrives(county: County, tmp_path: Path) -> None:
    person, letter = county["nightly"], county.letter("Only for St Brigid's.pdf")
    folder, _, name = letter.path(person).rpartition("/")
    done = cadaver(county, tmp_path, f'cd "{folder}"', "ls", f'get "{name}" copy')
    assert f"{name}" in done.stdout
    assert (tmp_path / "copy").read_bytes() == letter.data, done.stdout
    county.received(person, Door.WEBDAV, letter)


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("put mine.txt", 403),
        ("mkcol new", 403),
        ('delete "Circular 1.pdf"', 403),
        ('move "Circular 1.pdf" other', 403),
        ('copy "Circular 1.pdf" other', 403),
        ('lock "Circular 1.pdf"', 405),
    ],
)
def test_writing_is_refused(county: County, tmp_path: Path, command: str, status: int) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    folder = county.letter("Circular 1.pdf").path(county["nightly"], BRIGID).rpartition("/")[0]
    done = cadaver(county, tmp_path, f'cd "{folder}"', command)
    assert f"{status} " in done.stdout + done.stderr, done.stdout + done.stderr
