"""A server that runs short: of descriptors, of address space, of room on its disk.

Nothing leaves without its record, an obstacle is an error, and it goes on without help when there is enough again.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.interop.test_mounts import as_root
from tests.support.county import HOST, County, every_byte_was_granted, serving
from tests.support.drives import Drive, Forbidden, Obstacle, dav_drive, sftp_drive
from tests.support.story import Founded, Letter
from tests.support.waiting import until

_PERSON = "r.reader1"
_LIMITED = (
    "import resource, runpy, sys; resource.setrlimit(resource.{}, ({}, {}));"
    " sys.argv[0] = 'ladocs'; runpy.run_module('gateway', run_name='__main__')"
)
_MIB = 1 << 20


def limited(limit: str, value: int) -> tuple[str, str]:
    """The program, with so much of it and no more."""
    return "-c", _LIMITED.format(limit, value, value)


def read_one(county: County, drive: Drive) -> bool:
    """Whether a document is read whole, byte for byte; False where that is refused for now. A receipt either way."""
    path, letter = _first(county)
    try:
        data = drive.read(path)
    except (Obstacle, Forbidden, OSError, EOFError):
        return False
    assert data == letter.data
    county.received(county[_PERSON], drive.door, letter)
    return True


def _first(county: County) -> tuple[str, Letter]:
    return next(iter(county.visible(county[_PERSON]).items()))


@contextmanager
def both(county: County) -> Iterator[list[Drive]]:
    """A drive over each protocol."""
    person = county[_PERSON]
    with sftp_drive(county, person) as over_sftp, dav_drive(county, person) as over_webdav:
        yield [over_sftp, over_webdav]


def test_with_few_descriptors_who_is_in_reads_on_and_others_come_in_when_the_crowd_has_gone(
    founded: Founded, tmp_path: Path
) -> None:
    with serving(founded, tmp_path, program=limited("RLIMIT_NOFILE", 128)) as county:
        with both(county) as drives, ExitStack() as crowd:
            assert all(read_one(county, drive) for drive in drives)
            for number in range(200):
                port = (county.sftp_port, county.https_port)[number % 2]
                source = (f"127.9.{number // 40}.{number % 40 + 1}", 0)
                crowd.enter_context(socket.create_connection((HOST, port), timeout=10, source_address=source))
            assert read_one(county, drives[0])
        with both(county) as drives:
            assert until(lambda: all(read_one(county, drive) for drive in drives), 30)
        assert "Traceback" not in county.log()
    every_byte_was_granted(county)


def test_in_half_a_gibibyte_of_address_space_everything_is_read(founded: Founded, tmp_path: Path) -> None:
    with serving(founded, tmp_path, program=limited("RLIMIT_AS", 512 * _MIB)) as county:
        with both(county) as drives:
            assert all(read_one(county, drive) for drive in drives)
        assert "Traceback" not in county.log()
    every_byte_was_granted(county)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that is soon full."""
    root, folder = as_root(tmp_path), tmp_path / "disk"
    folder.mkdir()
    owner = f"size=96m,uid={os.geteuid()},gid={os.getegid()},mode=700"
    subprocess.run([*root, "mount", "-t", "tmpfs", "-o", owner, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*root, "umount", str(folder)], check=True)


def fill(filler: Path) -> None:
    """Take every byte that is left."""
    with filler.open("wb", buffering=0) as file:
        for size in (_MIB, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def test_on_a_full_disk_nothing_is_published_or_half_done_and_with_room_again_all_goes_on(
    founded: Founded, small_disk: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "Late letter.pdf"
    letter.write_bytes(os.urandom(_MIB))
    publish = ("publish", str(letter), "--category", "General", "--school", "830-2001")
    with serving(founded, small_disk) as county, both(county) as drives:
        before = county.command("document", "list", "--json")
        fill(small_disk / "filler")
        with pytest.raises(AssertionError, match=r"full|No space|cannot be written|unavailable"):
            county.command(*publish)
        for drive in drives:
            read_one(county, drive)  # by the record's reserve, or refused: the oracle at the end knows
        (small_disk / "filler").unlink()
        assert until(lambda: all(read_one(county, drive) for drive in drives), 30)
        assert county.command("document", "list", "--json") == before
        county.command(*publish)
        assert county.command("audit", "verify")
        assert "Traceback" not in county.log()
    every_byte_was_granted(county)
