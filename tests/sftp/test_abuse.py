"""What no client would send: the answer is a status, or the end of that one channel, and nothing stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import asyncssh
import pytest

from gateway.sftp.limits import SftpLimits
from tests.sftp import raw
from tests.sftp.door import BIG, DOCUMENT, FOLDER, HOST, Door, running
from tests.sftp.raw import Wire, string, u32, u64
from tests.support.waiting import until


@pytest.fixture
def door() -> Iterator[Door]:
    with running() as door:
        yield door


def _run(what: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(what, 30))


def _on_wire(door: Door, use: Any, *, init: bool = True) -> Any:
    async def connected() -> Any:
        async with door.as_service() as connection:
            return await use(await Wire.open(connection, init=init))

    return _run(connected())


def _statuses(door: Door, *requests: tuple[Any, ...]) -> list[int | None]:
    """The answers to requests on one channel; `...` in a request stands for an open handle."""

    async def ask(wire: Wire) -> list[int | None]:
        handle = string(await wire.open_file(DOCUMENT))
        replies = [
            await wire.ask(kind, *(handle if part is ... else part for part in parts)) for kind, *parts in requests
        ]
        return [reply.status for reply in replies]

    statuses: list[int | None] = _on_wire(door, ask)
    return statuses


@pytest.mark.parametrize("offset", [1900, 2**31, 2**63, 2**64 - 1])
def test_reading_past_the_end_is_the_end_of_the_file(door: Door, offset: int) -> None:
    assert _statuses(door, (raw.READ, ..., u64(offset), u32(2**32 - 1))) == [raw.EOF]


def test_reading_no_bytes_is_no_error_of_ours(door: Door) -> None:
    assert _statuses(door, (raw.READ, ..., u64(0), u32(0))) == [raw.EOF]


HANDLES = (b"", b"\0", b"\0\0\0\1", b"\xff" * 4, b"x" * 1000)


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize(
    ("kind", "rest"),
    [
        (raw.READ, u64(0) + u32(1)),
        (raw.CLOSE, b""),
        (raw.FSTAT, b""),
        (raw.READDIR, b""),
        (raw.WRITE, u64(0) + string(b"x")),
        (raw.FSETSTAT, raw.NO_ATTRS),
    ],
)
def test_a_forged_handle_is_a_failure(door: Door, kind: int, rest: bytes, handle: bytes) -> None:
    assert _statuses(door, (kind, string(handle), rest)) == [raw.FAILURE]


@pytest.mark.parametrize("kind", [raw.READ, raw.FSTAT, raw.CLOSE])
def test_a_closed_handle_is_a_failure(door: Door, kind: int) -> None:
    rest = u64(0) + u32(1) if kind == raw.READ else b""
    assert _statuses(door, (raw.CLOSE, ...), (kind, ..., rest)) == [raw.OK, raw.FAILURE]


def test_a_document_is_not_listed_by_its_handle(door: Door) -> None:
    assert _statuses(door, (raw.READDIR, ...)) == [raw.FAILURE]


def test_readdir_after_close_is_a_failure(door: Door) -> None:
    async def closed(wire: Wire) -> int | None:
        handle = string((await wire.ask(raw.OPENDIR, string(FOLDER.encode()))).string)
        assert (await wire.ask(raw.CLOSE, handle)).status == raw.OK
        return (await wire.ask(raw.READDIR, handle)).status

    assert _on_wire(door, closed) == raw.FAILURE


def test_a_handle_of_another_channel_is_a_failure(door: Door) -> None:
    async def across() -> int | None:
        async with door.as_service() as connection:
            first, second = await Wire.open(connection), await Wire.open(connection)
            handle = await first.open_file(DOCUMENT)
            return (await second.ask(raw.READ, string(handle), u64(0), u32(1))).status

    assert _run(across()) == raw.FAILURE


@pytest.mark.parametrize("verb", [raw.OPEN, raw.OPENDIR])
def test_handles_are_counted_over_all_channels_of_a_connection(door: Door, verb: int) -> None:
    async def many() -> list[int]:
        async with door.as_service() as connection:
            wires = [await Wire.open(connection) for _ in range(4)]
            request = [string(DOCUMENT.encode()), u32(1), raw.NO_ATTRS] if verb == raw.OPEN else [string(b"/")]
            replies = [await wires[n % 4].ask(verb, *request) for n in range(70)]
            return [reply.kind for reply in replies]

    assert _run(many()) == [raw.HANDLE] * 64 + [raw.STATUS] * 6


def test_a_handle_that_was_closed_makes_room_for_another() -> None:
    with running(limits=SftpLimits(handles=2)) as door:
        request = (raw.OPEN, string(DOCUMENT.encode()), u32(1), raw.NO_ATTRS)
        assert _statuses(door, request, request, (raw.CLOSE, ...), request) == [None, raw.FAILURE, raw.OK, None]


def test_channels_are_counted(door: Door) -> None:
    async def many() -> int:
        async with door.as_service() as connection:
            opened = 0
            for _ in range(20):
                try:
                    await Wire.open(connection)
                except asyncssh.ChannelOpenError:
                    break
                opened += 1
            return opened

    assert _run(many()) == 4


def test_a_channel_that_was_closed_makes_room_for_another(door: Door) -> None:
    async def again() -> None:
        async with door.as_service() as connection:
            for _ in range(12):
                wire = await Wire.open(connection)
                wire.process.close()
                await wire.process.wait_closed()

    _run(again())


def test_handles_left_open_are_closed_when_the_connection_drops(door: Door) -> None:
    async def drop() -> None:
        async with door.as_service() as connection:
            wire = await Wire.open(connection)
            for _ in range(10):
                await wire.open_file(DOCUMENT)
            connection.abort()

    _run(drop())
    assert until(lambda: len(door.fs.handles) == 10 and door.fs.open_handles == 0), "every handle closed"
    assert until(lambda: all(visit.closed for visit in door.visits.all)), "every session closed"


def test_a_handle_that_fails_to_close_does_not_keep_the_others_open(door: Door) -> None:
    async def drop() -> None:
        async with door.as_service() as connection:
            wire = await Wire.open(connection)
            for _ in range(3):
                await wire.open_file(DOCUMENT)
            first, plain = door.fs.handles[0], door.fs.handles[0].close

            def failing() -> None:
                plain()
                raise RuntimeError("the record is gone")

            first.close = failing  # type: ignore[method-assign]
            connection.abort()

    _run(drop())
    assert until(lambda: door.fs.open_handles == 0), "every handle closed"


GARBAGE = {
    "a length of 4 GiB": u32(2**32 - 1),
    "a length over the limit": u32(256 * 1024 + 1),
    "an empty packet": u32(0),
    "a packet without a request id": string(b"\x05\0\0"),
}


@pytest.mark.parametrize("packet", GARBAGE.values(), ids=GARBAGE)
def test_a_packet_that_cannot_be_ends_its_channel_and_no_other(door: Door, packet: bytes) -> None:
    async def send() -> int | None:
        async with door.as_service() as connection:
            good, bad = await Wire.open(connection), await Wire.open(connection)
            bad.process.stdin.write(packet)
            await bad.process.wait_closed()
            return (await good.ask(raw.STAT, string(b"/"))).status

    assert _run(send()) is None


TRUNCATED = {
    "a string longer than its packet": (raw.STAT, u32(2**32 - 1) + b"x"),
    "a string of no bytes at all": (raw.STAT, b"\0\0"),
    "bytes left over": (raw.STAT, string(b"/") + b"more"),
    "an attribute count of 4 billion": (raw.MKDIR, string(b"/x") + u32(0x80000000) + u32(2**32 - 1)),
    "unknown attribute flags": (raw.SETSTAT, string(b"/x") + u32(0x7FFFFFFF)),
    "an extension without a name": (raw.EXTENDED, b""),
}


@pytest.mark.parametrize("request_", TRUNCATED.values(), ids=TRUNCATED)
def test_a_request_that_does_not_parse_is_a_bad_message(door: Door, request_: tuple[int, bytes]) -> None:
    assert _statuses(door, request_)[0] in (raw.BAD_MESSAGE, raw.OP_UNSUPPORTED, raw.FAILURE)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_version_before_3_is_not_spoken(door: Door, version: int) -> None:
    async def old(wire: Wire) -> None:
        await wire.init(version)
        wire.send(raw.STAT, u32(1) + string(b"/"))
        with pytest.raises(asyncio.IncompleteReadError):
            await wire.receive()

    _on_wire(door, old, init=False)


def test_a_request_before_init_ends_the_channel(door: Door) -> None:
    async def early(wire: Wire) -> None:
        wire.send(raw.STAT, u32(1) + string(b"/"))
        with pytest.raises(asyncio.IncompleteReadError):
            await wire.receive()

    _on_wire(door, early, init=False)
    assert door.fs.calls == []


PATHS = (
    b"\xff\xfe",
    b"/a\0b",
    b"/" + b"x" * 5000,
    b"/a" * 1000,
    b"/..%2f..%2fetc/passwd",
    b"/../../etc/passwd",
    b"C:\\Windows",
    b"/{{7*7}}",
    b"/%s%n",
    b"/' OR 1=1 --",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", [raw.STAT, raw.LSTAT, raw.OPENDIR, raw.OPEN])
def test_a_path_that_is_no_path_here_is_not_found(door: Door, kind: int, path: bytes) -> None:
    rest = [u32(1), raw.NO_ATTRS] if kind == raw.OPEN else []
    assert _statuses(door, (kind, string(path), *rest)) == [raw.NO_SUCH_FILE]


def test_many_silent_connections_leave_room_for_those_who_have_signed_in() -> None:
    with running(limits=SftpLimits(lobby_per_address=8)) as door:

        async def crowd() -> int | None:
            async with door.as_service() as connection:
                silent = [await asyncio.open_connection(HOST, door.port) for _ in range(40)]
                greeted = [await reader.readline() for reader, _ in silent]
                for _, writer in silent:
                    writer.close()
                assert sum(map(bool, greeted)) <= 16
                wire = await Wire.open(connection)
                return (await wire.ask(raw.STAT, string(b"/"))).status

        assert _run(crowd()) is None


def test_a_connection_that_says_nothing_is_ended() -> None:
    with running(limits=SftpLimits(first_message_seconds=0.05)) as door:

        async def silent() -> bytes:
            reader, writer = await asyncio.open_connection(HOST, door.port)
            said = await reader.read()
            writer.close()
            return said

        assert _run(silent()) == b"SSH-2.0-ladocs\r\n"


def test_a_sign_in_that_takes_too_long_is_ended() -> None:
    with running(limits=SftpLimits(sign_in_seconds=0.3)) as door:

        class Slow(asyncssh.SSHClient):
            def kbdint_auth_requested(self) -> str:
                return ""

            async def kbdint_challenge_received(self, *_: object) -> list[str]:
                await asyncio.sleep(3600)
                return []

        async def slow() -> None:
            with pytest.raises((asyncssh.ConnectionLost, ConnectionError)):
                await door.connect("jo.head", client_factory=Slow)

        _run(slow())


def test_a_client_that_takes_nothing_for_too_long_is_disconnected() -> None:
    with running(limits=SftpLimits(stall_seconds=0.2)) as door:

        async def stall() -> None:
            async with door.as_service() as connection:
                wire = await Wire.open(connection)
                handle = await wire.open_file(BIG)
                wire.process.channel.pause_reading()
                for number in range(2, 100):
                    wire.send(raw.READ, u32(number) + string(handle) + u64(0) + u32(261120))
                await connection.wait_closed()

        _run(stall())


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 100_000, b"SSH-1.5-old\r\n", b"SSH-2.0-\xff\r\n"])
def test_garbage_in_the_place_of_a_greeting_ends_the_connection(door: Door, said: bytes) -> None:
    async def garbage() -> None:
        reader, writer = await asyncio.open_connection(HOST, door.port)
        writer.write(said)
        try:
            await reader.read()
        except ConnectionError:
            return
        finally:
            writer.close()

    _run(garbage())
