"""The tree as a folder of this machine: sshfs and davfs2."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from auth.principal import Door
from tests.interop.running import judge_copy, key_options, run, ssh_options, well
from tests.support.county import HOST, County
from tests.support.programs import need, need_fuse
from tests.support.story import BIG, BRIGID, Person, folder_of
from tests.support.waiting import until

TREE = folder_of(BRIGID)
_DAVFS2 = """\
trust_ca_cert {ca}
use_locks 0
buf_size 64
"""


@dataclass(frozen=True)
class Mounted:
    """The tree of `person` at `at`."""

    person: Person
    door: Door
    at: Path


@pytest.fixture(scope="module", params=["sshfs", "davfs2"])
def mounted(request: pytest.FixtureRequest) -> Mounted:
    found: Mounted = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def sshfs(county: County, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mounted]:
    need_fuse()
    folder = tmp_path_factory.mktemp("sshfs")
    program, unmount = need("sshfs"), need("fusermount3")
    person, at = county["nightly"], folder / "drive"
    at.mkdir()
    ssh = " ".join(["ssh", *ssh_options(county, folder), *key_options(person)])
    options = ("-p", str(county.sftp_port), "-o", f"ssh_command={ssh}")
    well(run(folder, program, *options, f"{person.username}@{HOST}:/", at))
    try:
        yield Mounted(person, Door.SFTP, at)
    finally:
        well(run(folder, unmount, "-u", at))


@pytest.fixture(scope="module")
def davfs2_settings(county: County) -> Iterator[Path]:
    """In a folder that the user as whom davfs2 runs may enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        certificate, settings = folder / "ca.pem", folder / "davfs2.conf"
        certificate.write_bytes(county.ca_file.read_bytes())
        settings.write_text(_DAVFS2.format(ca=certificate))
        yield settings


@pytest.fixture(scope="module")
def davfs2(county: County, davfs2_settings: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mounted]:
    need_fuse()
    folder = tmp_path_factory.mktemp("davfs2")
    program = need("mount.davfs")
    root = as_root(folder)
    person, at = county["nightly"], folder / "drive"
    at.mkdir()
    options = f"ro,conf={davfs2_settings},uid={os.geteuid()},gid={os.getegid()}"
    url = f"https://{HOST}:{county.https_port}/"
    well(run(folder, *root, program, url, at, "-o", options, says=f"{person.username}\n{person.device}\n"))
    try:
        yield Mounted(person, Door.WEBDAV, at)
    finally:
        well(run(folder, *root, "umount", at))


def as_root(folder: Path) -> tuple[str, ...]:
    """What goes before a command that is root's. Skips the test where this user may not give one."""
    if os.geteuid() == 0:
        return ()
    sudo = (need("sudo"), "-n")
    if run(folder, *sudo, "true").returncode != 0:
        pytest.skip("only root mounts this, and sudo asks this user for a password")
    return sudo


def test_a_copy_is_the_tree(county: County, mounted: Mounted, tmp_path: Path) -> None:
    shutil.copytree(mounted.at / TREE, tmp_path / "copy", ignore=shutil.ignore_patterns("lost+found"))
    judge_copy(county, mounted.person, mounted.door, BRIGID, tmp_path / "copy")


def test_sizes_and_times_are_those_of_the_documents(county: County, mounted: Mounted) -> None:
    letter = county.letter(BIG)
    found = Path(f"{mounted.at}{letter.path(mounted.person, BRIGID)}").stat()
    assert (found.st_size, found.st_mtime) == (len(letter.data), letter.at.timestamp())


def test_a_place_in_the_middle_is_read_by_itself(county: County, mounted: Mounted) -> None:
    letter = county.letter(BIG)
    with Path(f"{mounted.at}{letter.path(mounted.person, BRIGID)}").open("rb") as file:
        file.seek(2_000_001)
        assert file.read(100) == letter.data[2_000_001:2_000_101]
    county.received(mounted.person, mounted.door, letter, 2_000_001, 2_000_101)


def test_what_is_not_there_is_not_there(county: County, mounted: Mounted) -> None:
    with pytest.raises(FileNotFoundError):
        (mounted.at / TREE / "nothing.pdf").stat()
    with pytest.raises(FileNotFoundError):
        Path(f"{mounted.at}{county.letter('Only for the cliff.pdf').path(mounted.person)}").stat()


def test_writing_is_refused(county: County, mounted: Mounted) -> None:
    document = Path(f"{mounted.at}{county.letter(BIG).path(mounted.person, BRIGID)}")
    for change in (document.unlink, (document.parent / "new").mkdir, (document.parent / "new.txt").touch):
        with pytest.raises(OSError, match=r"Permission denied|Operation not permitted|Read-only file system"):
            change()


def test_the_disk_is_full(county: County, mounted: Mounted) -> None:
    used = sum(len(letter.data) for letter in county.visible(mounted.person).values())

    def shown() -> bool:
        disk = os.statvfs(mounted.at)
        return disk.f_bavail == 0 and abs(disk.f_blocks * disk.f_frsize - used) < disk.f_frsize

    assert until(shown, 5), os.statvfs(mounted.at)
