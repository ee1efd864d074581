"""A stored file that is missing or damaged: that document fails as an obstacle, everything around it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import IncompleteRead
from pathlib import Path

import pytest

from auth.principal import Door
from policy.audit.events import EventKind, Result
from tests.support.county import County
from tests.support.drives import Drive, Obstacle, dav_drive, sftp_drive
from tests.support.story import ASHBY, BIG, Letter

SENTENCE = "This document cannot be read at present. The council has been told."


def flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def extended(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


DAMAGE: dict[str, Callable[[Path], None]] = {
    "Circular 11.pdf": flipped,
    "Circular 12.pdf": cut,
    "Circular 13.pdf": extended,
    "Circular 14.pdf": Path.unlink,
}


@contextmanager
def damaged(county: County, letter: Letter, damage: Callable[[Path], None]) -> Iterator[None]:
    """The stored file of `letter`, damaged for the length of the block."""
    [file] = (county.home / "store").rglob(f"{letter.object}*")
    whole = file.read_bytes()
    damage(file)
    try:
        yield
    finally:
        file.write_bytes(whole)


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_document_is_an_obstacle_and_its_folder_lists(troubled: County, name: str) -> None:
    person, letter = troubled["nightly"], troubled.letter(name)
    path = letter.path(person, ASHBY)
    folder = path.rpartition("/")[0]
    since = troubled.head()
    source = f"127.0.3.{list(DAMAGE).index(name) + 1}"
    with (
        damaged(troubled, letter, DAMAGE[name]),
        sftp_drive(troubled, person) as sftp,
        dav_drive(troubled, person, source) as dav,
    ):
        for drive in (sftp, dav):
            with pytest.raises(Obstacle, match=SENTENCE):
                drive.read(path)
            assert drive.listing(folder)[name].size == len(letter.data)
            assert drive.read(troubled.letter("Circular 1.pdf").path(person, ASHBY))
        status, headers, _ = dav.ask("GET", path)
        assert (status, "retry-after" in headers) == (503, True)
    told = troubled.events(since, EventKind.DOCUMENT_DAMAGED)
    assert {(event.protocol, event.reference, event.result) for event in told} == {
        (door, letter.reference, Result.ERROR) for door in (Door.SFTP, Door.WEBDAV)
    }
    assert f"document {letter.reference} cannot be read from the store" in troubled.log()


def test_damage_in_the_middle_lets_nothing_false_through(troubled: County) -> None:
    person, letter = troubled["nightly"], troubled.letter(BIG)
    path = letter.path(person, ASHBY)
    with (
        damaged(troubled, letter, flipped),
        sftp_drive(troubled, person) as sftp,
        dav_drive(troubled, person, "127.0.3.100") as dav,
    ):
        drives: tuple[Drive, ...] = (sftp, dav)
        for drive in drives:
            assert drive.read(path, 0, 1 << 20) == letter.data[: 1 << 20]
        with pytest.raises(Obstacle):
            sftp.read(path)
        with pytest.raises(IncompleteRead) as broken:
            dav.read(path)
        assert letter.data.startswith(broken.value.partial)
