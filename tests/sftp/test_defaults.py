"""One test for each default of asyncssh that would do harm here: each fails without its counter-measure."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from gateway.errors import Damaged, NotFound, Unavailable
from gateway.path import VirtualPath
from gateway.sftp.algorithms import HOST_KEYS, CipherOffer, host_keys
from gateway.sftp.attributes import row, sftp_attrs
from gateway.sftp.limits import SftpLimits
from tests.sftp import raw
from tests.sftp.door import BIG, DOCUMENT, FOLDER, HOST, Door, running
from tests.sftp.raw import Wire, string, u32, u64
from tests.sftp.userauth import FAILURE, SUCCESS, UserAuth
from tests.support.memory_fs import PUBLISHED, MemoryFileSystem
from tests.support.waiting import until

SECRET = "postgresql://ladocs:hunter2@db"


@pytest.fixture
def door() -> Iterator[Door]:
    with running() as door:
        yield door


def _run(what: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(what, 30))


def _on_wire(door: Door, use: Any, **options: Any) -> Any:
    async def connected() -> Any:
        async with door.as_service(**options) as connection:
            return await use(await Wire.open(connection))

    return _run(connected())


# --- what is told


@pytest.mark.parametrize(
    "fault", [RuntimeError(SECRET), OSError(13, SECRET), NotImplementedError(SECRET), KeyError(SECRET)]
)
@pytest.mark.parametrize("verb", ["stat", "scandir", "open", "usage", "pread", "refuse_write"])
def test_the_text_of_an_exception_never_reaches_the_client(door: Door, verb: str, fault: Exception) -> None:
    requests: dict[str, tuple[Any, ...]] = {
        "stat": (raw.STAT, string(b"/")),
        "scandir": (raw.OPENDIR, string(b"/")),
        "open": (raw.OPEN, string(DOCUMENT.encode()), u32(1), raw.NO_ATTRS),
        "usage": (raw.EXTENDED, string(b"statvfs@openssh.com"), string(b"/")),
        "refuse_write": (raw.REMOVE, string(b"/")),
    }

    async def use(wire: Wire) -> raw.Reply:
        if verb == "pread":
            handle = await wire.open_file(DOCUMENT)
            door.fs.faults[verb] = fault
            return await wire.ask(raw.READ, string(handle), u64(0), u32(10))
        door.fs.faults[verb] = fault
        return await wire.ask(*requests[verb])

    reply = _on_wire(door, use)
    assert reply.status == raw.FAILURE
    assert "hunter2" not in reply.message


@pytest.mark.parametrize(
    ("error", "status"),
    [(NotFound(), raw.NO_SUCH_FILE), (Unavailable("Later."), raw.FAILURE), (Damaged(), raw.FAILURE)],
)
def test_an_obstacle_is_the_answer_to_opendir_and_not_an_empty_folder(
    door: Door, error: Exception, status: int
) -> None:
    door.fs.faults["scandir"] = error
    reply = _on_wire(door, lambda wire: wire.ask(raw.OPENDIR, string(b"/")))
    assert (reply.status, reply.message) == (status, str(error))


def test_the_version_string_names_no_version() -> None:
    with running() as door:

        async def greeting() -> bytes:
            reader, writer = await asyncio.open_connection(HOST, door.port)
            line = await reader.readline()
            writer.close()
            return line

        assert _run(greeting()) == b"SSH-2.0-ladocs\r\n"


# --- what things look like


@pytest.mark.parametrize(("path", "mode"), [(DOCUMENT, stat.S_IFREG | 0o444), (FOLDER, stat.S_IFDIR | 0o555)])
@pytest.mark.parametrize("verb", ["stat", "lstat"])
def test_everything_looks_read_only_and_owned_by_nobody_of_this_machine(
    door: Door, verb: str, path: str, mode: int
) -> None:
    async def look() -> Any:
        async with door.as_service() as connection, connection.start_sftp_client() as sftp:
            return await getattr(sftp, verb)(path)

    attrs = _run(look())
    assert (attrs.permissions, attrs.uid, attrs.gid) == (mode, 0, 0)


def test_a_line_of_a_listing_names_our_own_two_words(door: Door) -> None:
    async def lines() -> list[str]:
        async with door.as_service() as connection, connection.start_sftp_client() as sftp:
            return [name.longname for name in await sftp.readdir(FOLDER)]

    assert _run(lines())[0] == "-r--r--r--    1 council  schools          1900 Nov  3 09:30 Provision map.pdf"


def test_a_packed_name_is_what_the_library_would_have_encoded() -> None:
    for entry in MemoryFileSystem().scandir(VirtualPath.parse(FOLDER)):
        packed = row(entry, PUBLISHED)
        plain = asyncssh.SFTPName(packed.filename, packed.longname, sftp_attrs(entry.attributes))
        assert packed.encode(3) == plain.encode(3)


def test_a_folder_of_many_names_is_listed_whole() -> None:
    names = {f"Derbyshire Documents/2026-11 November/SEND/{n:04d}.pdf": b"" for n in range(1000)}
    with running(fs=MemoryFileSystem(names)) as door:

        async def listed() -> list[str]:
            async with door.as_service() as connection, connection.start_sftp_client() as sftp:
                return sorted(await sftp.listdir(FOLDER))

        assert _run(listed()) == [f"{n:04d}.pdf" for n in range(1000)]


@pytest.mark.parametrize("path", [".", "", "/", "/Derbyshire Documents/..", "//./", "../../.."])
def test_realpath_knows_no_path_of_this_machine(door: Door, path: str) -> None:
    reply = _on_wire(door, lambda wire: wire.ask(raw.REALPATH, string(path.encode())))
    assert reply.body[8:9] == b"/"
    assert int.from_bytes(reply.body[4:8], "big") == 1


def test_names_that_systems_ask_for_by_themselves_are_not_asked_of_the_file_system(door: Door) -> None:
    reply = _on_wire(door, lambda wire: wire.ask(raw.STAT, string(f"{FOLDER}/desktop.ini".encode())))
    assert reply.status == raw.NO_SUCH_FILE
    assert door.fs.calls == []


# --- back-pressure

_ASKED = 400
_QUIET = 0.3
_MOST = 16  # of 255 KiB each: the client's window, what may wait here, and the socket's buffers


def _reads(handle: bytes, first: int = 2) -> bytes:
    packets = []
    for number in range(first, first + _ASKED):
        body = bytes([raw.READ]) + u32(number) + string(handle) + u64(0) + u32(261120)
        packets.append(string(body))
    return b"".join(packets)


def _served(door: Door) -> int:
    return sum(verb == "pread" for verb, _ in door.fs.calls)


async def _settled(door: Door) -> int:
    """How many reads were served, once none was for a while: for what must not happen there is no sign to wait for."""
    before = -1
    while before != (now := _served(door)):
        before = now
        await asyncio.sleep(_QUIET)
    return before


def test_a_client_that_does_not_read_is_not_served_any_further(door: Door) -> None:
    async def stall(wire: Wire) -> int:
        handle = await wire.open_file(BIG)
        wire.process.channel.pause_reading()
        wire.process.stdin.write(_reads(handle))
        assert await asyncio.to_thread(until, lambda: _served(door) > 0)
        return await _settled(door)

    assert _on_wire(door, stall) <= _MOST


def test_a_client_whose_socket_takes_nothing_is_not_served_any_further(door: Door) -> None:
    async def stall() -> int:
        async with door.as_service() as connection:
            process = await connection.create_process(subsystem="sftp", encoding=None, window=1 << 31)
            wire = Wire(process)
            await wire.init()
            handle = await wire.open_file(BIG)
            connection._transport.pause_reading()
            process.stdin.write(_reads(handle))
            assert await asyncio.to_thread(until, lambda: _served(door) > 0)
            served = await _settled(door)
            connection.abort()
            return served

    assert _run(stall()) <= 64  # the kernel's own buffers on loopback hold some megabytes


def test_a_client_that_never_ends_a_key_exchange_is_not_served_meanwhile(door: Door) -> None:
    async def stall() -> int:
        async with door.as_service() as connection:
            process = await connection.create_process(subsystem="sftp", encoding=None, window=1 << 31)
            wire = Wire(process)
            await wire.init()
            handle = await wire.open_file(BIG)
            connection._send_kexinit()
            connection._process_kexinit = None
            connection._packet_handlers = {**connection._packet_handlers, 20: _ignored}
            connection._kex_complete = True  # the client goes on asking, against the protocol
            process.stdin.write(_reads(handle))
            served = await _settled(door)
            connection.abort()
            return served

    assert _run(stall()) <= 1


def _ignored(*_: object) -> bool:
    return True


def test_a_client_that_reads_again_gets_every_byte(door: Door) -> None:
    async def stall_then_read(wire: Wire) -> int:
        handle = await wire.open_file(BIG)
        wire.process.channel.pause_reading()
        wire.process.stdin.write(_reads(handle))
        await _settled(door)
        wire.process.channel.resume_reading()
        return sum([len((await wire.receive())[1]) - 8 for _ in range(_ASKED)])

    assert _on_wire(door, stall_then_read) == _ASKED * 261120


def test_a_read_answers_with_no_more_than_the_limit(door: Door) -> None:
    async def read(wire: Wire) -> int:
        handle = await wire.open_file(BIG)
        return len((await wire.ask(raw.READ, string(handle), u64(0), u32(2**32 - 1))).string)

    assert _on_wire(door, read) == 261120


# --- channels


async def _refused(door: Door, open_channel: Any) -> bool:
    async with door.as_service() as connection:
        try:
            await open_channel(connection)
        except asyncssh.ChannelOpenError:
            return True
        return False


FORBIDDEN = {
    "shell": lambda c: c.create_process(),
    "command": lambda c: c.create_process("id"),
    "scp": lambda c: c.create_process("scp -f /etc/passwd"),
    "another subsystem": lambda c: c.create_process(subsystem="netconf"),
    "tcp": lambda c: c.open_connection(*c.get_extra_info("peername")),
    "tunnel": lambda c: c.open_tun(0),
    "tap": lambda c: c.open_tap(0),
}


@pytest.mark.parametrize("open_channel", FORBIDDEN.values(), ids=FORBIDDEN)
def test_nothing_but_sftp_runs_on_a_connection(door: Door, open_channel: Any) -> None:
    assert _run(_refused(door, open_channel))


def test_a_socket_of_this_machine_is_not_reached(door: Door, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        assert _run(_refused(door, lambda connection: connection.open_unix_connection(str(tmp_path / "socket"))))


@pytest.mark.parametrize(
    "listen", [lambda c: c.forward_remote_port("", 0, "x", 1), lambda c: c.forward_remote_path("/tmp/x", "/tmp/y")]
)
def test_nothing_listens_on_behalf_of_a_client(door: Door, listen: Any) -> None:
    async def forward() -> bool:
        async with door.as_service() as connection:
            with pytest.raises(asyncssh.ChannelListenError):
                await listen(connection)
            return True

    assert _run(forward())


REQUESTS = {
    "environment": (b"env", string(b"LD_PRELOAD"), string(b"/tmp/x")),
    "terminal": (b"pty-req", string(b"xterm"), u32(80), u32(24), u32(0), u32(0), string(b"")),
    "display": (b"x11-req", b"\0", string(b"MIT-MAGIC-COOKIE-1"), string(b"00" * 16), u32(0)),
    "agent": (b"auth-agent-req@openssh.com",),
    "shell": (b"shell",),
    "command": (b"exec", string(b"id")),
    "break": (b"break", u32(500)),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_channel_with_sftp_on_it_takes_no_other_request(door: Door, request_: tuple[bytes, ...]) -> None:
    async def asked() -> bool:
        async with door.as_service() as connection:
            process = await connection.create_process(subsystem="sftp", encoding=None)
            return bool(await process.channel._make_request(*request_))

    assert not _run(asked())


def test_the_subsystem_ends_with_status_0(door: Door) -> None:
    async def end(wire: Wire) -> int | None:
        wire.process.stdin.write_eof()
        return (await wire.process.wait()).exit_status

    assert _on_wire(door, end) == 0


# --- the transport


def test_a_client_that_is_gone_without_a_word_is_noticed() -> None:
    with running(limits=SftpLimits(keepalive_seconds=0.05, keepalive_count=2)) as door:

        async def go_silent() -> None:
            async with door.as_service() as connection:
                connection._transport.pause_reading()
                assert await asyncio.to_thread(until, lambda: all(visit.closed for visit in door.visits.all))
                connection.abort()

        _run(go_silent())


def test_strict_key_exchange_is_agreed_on(door: Door) -> None:
    async def strict() -> bool:
        async with door.as_service() as connection:
            return bool(connection._strict_kex)

    assert _run(strict())


def _negotiated(door: Door, **options: Any) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        async with door.as_service(**options) as connection:
            names = ("send_cipher", "recv_cipher", "send_compression", "recv_compression")
            return {name: connection.get_extra_info(name) for name in names}

    found: dict[str, Any] = _run(look())
    return found


def test_nothing_is_compressed(door: Door) -> None:
    found = _negotiated(door, compression_algs=["zlib@openssh.com", "zlib", "none"])
    assert (found["send_compression"], found["recv_compression"]) == ("none", "none")


OFFERS = [
    (CipherOffer.AUTO, "OpenSSH_9.2p1 Debian-2", "aes256-gcm@openssh.com"),
    (CipherOffer.AUTO, "OpenSSH_6.2", "aes256-gcm@openssh.com"),
    (CipherOffer.AUTO, "OpenSSH_6.1", "chacha20-poly1305@openssh.com"),
    (CipherOffer.AUTO, "libssh2_1.10.0", "chacha20-poly1305@openssh.com"),
    (CipherOffer.ALL, "OpenSSH_9.2p1", "chacha20-poly1305@openssh.com"),
    (CipherOffer.STRICT, "OpenSSH_9.2p1", "chacha20-poly1305@openssh.com"),
]


@pytest.mark.parametrize(("offer", "client", "cipher"), OFFERS)
def test_ciphers_are_offered_by_what_the_client_is(offer: CipherOffer, client: str, cipher: str) -> None:
    with running(offer=offer) as door:
        assert _negotiated(door, client_version=client)["send_cipher"] == cipher


@pytest.mark.parametrize("offer", [CipherOffer.AUTO, CipherOffer.ALL])
def test_a_client_that_knows_ctr_alone_can_connect(offer: CipherOffer) -> None:
    with running(offer=offer) as door:
        assert _negotiated(door, encryption_algs=["aes256-ctr"])["send_cipher"] == "aes256-ctr"


WEAK = {
    "cipher": {"encryption_algs": ["aes256-cbc", "3des-cbc"]},
    "mac": {"encryption_algs": ["aes256-ctr"], "mac_algs": ["hmac-sha1", "hmac-md5", "umac-64@openssh.com"]},
    "key exchange": {"kex_algs": ["diffie-hellman-group14-sha1", "ecdh-sha2-nistp256"]},
}


@pytest.mark.parametrize("options", WEAK.values(), ids=WEAK)
def test_no_weak_algorithm_is_agreed_on(door: Door, options: dict[str, Any]) -> None:
    # Both ends find out at once; the client may see the door close before it has said so itself.
    with pytest.raises((asyncssh.KeyExchangeFailed, asyncssh.ConnectionLost)):
        _negotiated(door, **options)


@pytest.mark.parametrize(("algorithm", "agreed"), [("ssh-rsa", False), ("rsa-sha2-256", True)])
def test_a_host_key_never_signs_with_sha_1(algorithm: str, agreed: bool) -> None:
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    with running(host_key=key) as door:
        try:
            _negotiated(door, server_host_key_algs=[algorithm], known_hosts=None)
        except (asyncssh.KeyExchangeFailed, asyncssh.ConnectionLost):
            assert not agreed
        else:
            assert agreed


def test_a_signature_with_sha_1_is_not_accepted(door: Door) -> None:
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    door.account("nightly").key = key

    async def sign(algorithm: bytes) -> tuple[int, bool]:
        async with UserAuth.connect(door.port) as wire:
            return await wire.public_key("nightly", key, algorithm)

    assert _run(sign(b"ssh-rsa")) == (FAILURE, False)
    assert _run(sign(b"rsa-sha2-256"))[0] == SUCCESS


@pytest.mark.parametrize("client", ["SSH-2.0-Go", "SSH-2.0-rclone/v1.60.1-DEV"])
def test_go_s_library_which_asks_for_rsa_first_is_shown_the_key_that_openssh_enters(client: str) -> None:
    assert host_keys(client) == ("ssh-ed25519",)


@pytest.mark.parametrize("client", ["SSH-2.0-OpenSSH_9.2p1", "SSH-2.0-paramiko_5.1.0", "SSH-2.0-Gopher"])
def test_other_clients_choose_among_all_host_keys(client: str) -> None:
    assert host_keys(client) == HOST_KEYS
