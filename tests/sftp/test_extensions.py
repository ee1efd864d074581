"""Extensions that nobody announced: those that would write are refused as every writing is [R4], others are unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from gateway.path import VirtualPath
from gateway.sftp.handler import WRITING_EXTENSIONS
from tests.sftp import raw
from tests.sftp.door import DOCUMENT, Door, running
from tests.sftp.raw import Wire, string, u64
from tests.support.memory_fs import WRITE_REFUSAL

PATH = string(DOCUMENT.encode())
NEW = string(f"{DOCUMENT}.bak".encode())
NO_HANDLE = string(b"\0\0\0\x63")
ON_PATHS = {
    "posix-rename@openssh.com": (PATH, NEW),
    "hardlink@openssh.com": (PATH, NEW),
    "lsetstat@openssh.com": (PATH, raw.NO_ATTRS),
    "copy-file": (PATH, NEW, b"\0"),
}
ON_HANDLES = {"fsync@openssh.com": (), "copy-data": (u64(0), u64(0), NO_HANDLE, u64(0))}
UNKNOWN = ("check-file-name", "expand-path@openssh.com", "format-the-disk@example.org")


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with running() as door:
        yield door


def ask(door: Door, name: str, *parts: bytes, on_handle: bool = False) -> raw.Reply:
    """The answer to one extended request, on the handle of a document if its first part is to be one."""

    async def asking() -> raw.Reply:
        async with door.as_service() as connection:
            wire = await Wire.open(connection)
            target = [string(await wire.open_file(DOCUMENT))] if on_handle else []
            return await wire.ask(raw.EXTENDED, string(name.encode()), *target, *parts)

    return asyncio.run(asking())


def test_every_extension_that_is_refused_is_tried_here() -> None:
    assert {name.encode() for name in (*ON_PATHS, *ON_HANDLES)} == set(WRITING_EXTENSIONS)


@pytest.mark.parametrize("name", [*ON_PATHS, *ON_HANDLES])
def test_an_extension_that_would_write_is_refused_with_the_sentence_and_recorded(door: Door, name: str) -> None:
    door.fs.refused.clear()
    reply = ask(door, name, *{**ON_PATHS, **ON_HANDLES}[name], on_handle=name in ON_HANDLES)
    assert (reply.status, reply.message) == (raw.PERMISSION_DENIED, WRITE_REFUSAL)
    assert door.fs.refused == [(VirtualPath.parse(DOCUMENT), WRITING_EXTENSIONS[name.encode()])]


@pytest.mark.parametrize("name", ON_HANDLES)
def test_an_extension_on_no_handle_is_refused_alike(door: Door, name: str) -> None:
    assert ask(door, name, NO_HANDLE, *ON_HANDLES[name]).status == raw.PERMISSION_DENIED


def test_an_extension_that_ends_before_its_path_is_a_bad_message(door: Door) -> None:
    assert ask(door, "posix-rename@openssh.com").status == raw.BAD_MESSAGE


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_extension_is_unknown_and_its_name_is_not_repeated(door: Door, name: str) -> None:
    reply = ask(door, name, PATH)
    assert (reply.status, name in reply.message) == (raw.OP_UNSUPPORTED, False)
