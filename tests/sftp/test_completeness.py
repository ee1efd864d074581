"""Whatever the library offers has a row here: the next operation, hook or extension of it cannot be forgotten."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh
import pytest
from asyncssh.channel import SSHServerChannel
from asyncssh.sftp import SFTPServerHandler

from gateway import errors
from gateway.sftp.channel import SftpChannel
from gateway.sftp.connection import Connection
from gateway.sftp.errors import STATUS, sftp_error
from gateway.sftp.handler import EXTENSIONS, OPCODES, WRITING_EXTENSIONS, Handler
from gateway.sftp.server import FileServer
from tests.sftp import raw
from tests.sftp.door import DOCUMENT, Door, running
from tests.sftp.raw import Wire, string, u32, u64
from tests.support.memory_fs import WRITE_REFUSAL

PATH = string(b"/Derbyshire Documents/new")
OTHER = string(DOCUMENT.encode())


def _public(cls: type) -> set[str]:
    return {name for name, value in vars(cls).items() if callable(value) and not name.startswith("_")}


def test_every_operation_of_the_library_is_overridden() -> None:
    assert _public(asyncssh.SFTPServer) - set(vars(FileServer)) == set()


def test_the_library_has_the_operations_that_were_known() -> None:
    assert len(_public(asyncssh.SFTPServer)) == 33


def test_every_hook_of_a_server_connection_is_decided_here() -> None:
    of_the_library = {"auth_completed", "debug_msg_received", "validate_gss_principal"}  # never asked: no GSS
    of_a_client_host = {"validate_host_public_key", "validate_host_ca_key", "validate_host_based_user"}
    assert _public(asyncssh.SSHServer) - set(vars(Connection)) == of_the_library | of_a_client_host


def test_every_request_on_a_channel_but_the_subsystem_is_refused() -> None:
    requests = {n for n in dir(SSHServerChannel) if n.startswith("_process_") and n.endswith("_request")}
    kept = {"_process_subsystem_request", "_process_keepalive_at_openssh_dot_com_request", "_process_request"}
    assert requests - kept == {n for n in vars(SftpChannel) if n.startswith("_process_")}


def test_every_error_of_the_file_system_has_a_status() -> None:
    def family(cls: type[errors.FSError]) -> set[type[errors.FSError]]:
        return {cls}.union(*(family(sub) for sub in cls.__subclasses__()))

    assert set(STATUS) == {cls for cls in family(errors.FSError) if cls.__module__ == errors.__name__}


@pytest.mark.parametrize("error", list(STATUS))
def test_an_error_is_told_in_its_own_words(error: type[errors.FSError]) -> None:
    assert sftp_error(error()).reason == error.message


def test_an_unknown_error_is_told_in_no_words_of_its_own() -> None:
    told = sftp_error(ValueError("/var/lib/ladocs/keys"))
    assert (told.code, told.reason) == (asyncssh.FX_FAILURE, errors.FSError.message)


def test_only_version_3_operations_two_extensions_and_a_refusal_of_writing_are_reachable() -> None:
    assert set(Handler._packet_handlers) == {*OPCODES, *(name for name, _ in EXTENSIONS), *WRITING_EXTENSIONS}


WRITING = {
    "open for writing": (raw.OPEN, PATH, u32(0x1A), raw.NO_ATTRS),
    "open for appending": (raw.OPEN, OTHER, u32(0x04), raw.NO_ATTRS),
    "create": (raw.OPEN, PATH, u32(0x08), raw.NO_ATTRS),
    "setstat": (raw.SETSTAT, OTHER, raw.NO_ATTRS),
    "remove": (raw.REMOVE, OTHER),
    "mkdir": (raw.MKDIR, PATH, raw.NO_ATTRS),
    "rmdir": (raw.RMDIR, PATH),
    "rename": (raw.RENAME, OTHER, PATH),
    "symlink": (raw.SYMLINK, OTHER, PATH),
    "mkdir of no possible name": (raw.MKDIR, string(b"\xff\x00"), raw.NO_ATTRS),
}
UNREACHABLE = {
    "link of version 6": (raw.LINK, PATH, OTHER, b"\0"),
    "lock": (raw.BLOCK, string(b"\0\0\0\0"), u64(0), u64(1), u32(0)),
    "unlock": (raw.UNBLOCK, string(b"\0\0\0\0"), u64(0), u64(1)),
    "no such opcode": (99,),
    **{
        name.decode(): (raw.EXTENDED, string(name), string(b"\0\0\0\0"), u64(0), u64(1))
        for name in SFTPServerHandler._packet_handlers
        if isinstance(name, bytes) and name not in dict(EXTENSIONS) and name not in WRITING_EXTENSIONS
    },
}


@pytest.fixture(scope="module")
def door() -> Any:
    with running() as door:
        yield door


def _ask(door: Door, kind: int, *parts: bytes) -> raw.Reply:
    async def ask() -> raw.Reply:
        async with door.as_service() as connection:
            return await (await Wire.open(connection)).ask(kind, *parts)

    return asyncio.run(ask())


@pytest.mark.parametrize("request_", WRITING.values(), ids=WRITING)
def test_writing_is_refused_with_the_sentence_that_says_whom_to_ask(door: Door, request_: Any) -> None:
    reply = _ask(door, *request_)
    assert (reply.status, reply.message) == (raw.PERMISSION_DENIED, WRITE_REFUSAL)


@pytest.mark.parametrize("request_", UNREACHABLE.values(), ids=UNREACHABLE)
def test_what_is_not_announced_is_not_reachable(door: Door, request_: Any) -> None:
    assert _ask(door, *request_).status == raw.OP_UNSUPPORTED


def test_writing_to_an_open_handle_is_refused(door: Door) -> None:
    async def write() -> list[raw.Reply]:
        async with door.as_service() as connection:
            wire = await Wire.open(connection)
            handle = string(await wire.open_file(DOCUMENT))
            return [
                await wire.ask(raw.WRITE, handle, u64(0), string(b"x")),
                await wire.ask(raw.FSETSTAT, handle, raw.NO_ATTRS),
            ]

    assert [reply.status for reply in asyncio.run(write())] == [raw.PERMISSION_DENIED] * 2


def test_the_announcement_names_version_3_and_two_extensions(door: Door) -> None:
    async def announced() -> bytes:
        async with door.as_service() as connection:
            return await (await Wire.open(connection, init=False)).init(6)

    extensions = b"".join(string(name) + string(value) for name, value in EXTENSIONS)
    assert asyncio.run(announced()) == u32(3) + extensions


def test_the_limits_told_are_the_limits_kept(door: Door) -> None:
    reply = _ask(door, raw.EXTENDED, string(b"limits@openssh.com"))
    assert reply.body == u64(262144) + u64(261120) + u64(261120) + u64(64)


def test_the_file_system_shows_itself_read_only_and_full(door: Door) -> None:
    body = _ask(door, raw.EXTENDED, string(b"statvfs@openssh.com"), string(b"/")).body
    fields = [int.from_bytes(body[i : i + 8], "big") for i in range(0, len(body), 8)]
    blocks, free, available, flags = fields[2], fields[3], fields[4], fields[9]
    assert (blocks * 4096 >= door.fs.usage(), free, available, flags & 1) == (True, 0, 0, 1)
