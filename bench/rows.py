"""What is measured, as a table: each row one number of one server, taken with the clients that people use.

Called by `__main__`. The marks are ratios to a peer of the same run, save for memory, which has a limit of its own.
Raises BenchError where a client fails.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import re
import statistics
import struct
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncssh

from bench.processes import HOST, BenchError, output_of
from bench.target import APACHE, BIG, LISTED, OPENSSH, RCLONE, SMALL, Sizes, Target

_MEBIBYTE = 1 << 20
_LISTINGS = 10  # in one session: one would be lost beside the sign-in
_DOWNLOADS = 5
_RANGES = 20
_STALL_SECONDS = 5.0
_ANSWER_SECONDS = 60.0
_RAM = Path("/dev/shm")  # noqa: S108 - where copies go, so that the client's disk is not what is measured
_PROPFIND = (
    b'<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/><D:getcontentlength/>'
    b"<D:getlastmodified/><D:getetag/></D:prop></D:propfind>"
)
_RESPONSE_END = re.compile(rb"</(?:\w+:)?response>")
_FXP_INIT, _FXP_OPEN, _FXP_READ = 1, 3, 5
_FXF_READ = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What a measure has to reach, beside `peer` (a ratio) or by itself (None: in the measure's unit)."""

    peer: str | None
    must: float | None = None
    goal: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One measure, of the files `files`, with the program `client`, or None for Python. `run` takes it once."""

    row: str
    files: str
    client: str | None
    what: Callable[[Sizes], str]
    unit: str
    more_is_better: bool
    run: Callable[[Target, Sizes], float]
    peers: Sequence[str]
    marks: Sequence[Mark]

    @property
    def over_sftp(self) -> bool:
        """At which of our doors it is taken."""
        return OPENSSH in self.peers

    def reached(self, value: float, mark: float) -> bool:
        """Whether `value` is as good as `mark`."""
        return value >= mark if self.more_is_better else value <= mark


def _ssh_options(target: Target) -> list[str]:
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "IdentityAgent=none")
    return ["-q", "-F", "none", "-i", str(target.key), *(part for option in options for part in ("-o", option))]


def _sftp(target: Target, commands: str) -> float:
    """The seconds that OpenSSH's client takes for `commands`."""
    begun = time.perf_counter()
    output_of(
        ["sftp", *_ssh_options(target), "-b", "-", "-P", str(target.port), f"{target.user}@{HOST}"], text=commands
    )
    return time.perf_counter() - begun


def _sftp_big(target: Target, sizes: Sizes) -> float:
    return sizes.big / _sftp(target, f'get "{target.big}" /dev/null\n') / 1e6


def _sftp_small(target: Target, sizes: Sizes) -> float:
    with tempfile.TemporaryDirectory(dir=_RAM if _RAM.is_dir() else None) as into:
        seconds = _sftp(target, f'get -r "{target.small}" {into}/\n')
        return _copied(Path(into), sizes) / seconds


def _rclone_small(target: Target, sizes: Sizes) -> float:
    remote = f":sftp,host={HOST},port={target.port},user={target.user},key_file={target.key},shell_type=none,"
    remote += f"disable_hashcheck=true:{target.small}"
    with tempfile.TemporaryDirectory(dir=_RAM if _RAM.is_dir() else None) as into:
        begun = time.perf_counter()
        output_of(["rclone", "--config", "/dev/null", "copy", "--transfers", "8", remote, into])
        seconds = time.perf_counter() - begun
        return _copied(Path(into), sizes) / seconds


def _copied(into: Path, sizes: Sizes) -> int:
    found = [path.stat().st_size for path in into.rglob("*.pdf")]
    if found != [sizes.small_bytes] * sizes.small:
        raise BenchError(f"{len(found)} of {sizes.small} files were copied, or not whole.")
    return len(found)


def _sftp_list(target: Target, sizes: Sizes) -> float:
    """Milliseconds of one listing, beyond those of the session around it."""
    session = _sftp(target, "pwd\n")
    listings = _sftp(target, "pwd\n" + f'ls -f -1 "{target.listed}"\n' * _LISTINGS)
    return (listings - session) / _LISTINGS * 1000


def _propfind(target: Target, sizes: Sizes) -> float:
    """Milliseconds of the median of a few listings on one connection, after a first one."""
    credentials = base64.b64encode(f"{target.user}:{target.password}".encode()).decode()
    headers = {"Depth": "1", "Content-Type": "application/xml", "Authorization": f"Basic {credentials}"}
    connection = http.client.HTTPConnection(HOST, target.port, timeout=_ANSWER_SECONDS)

    def once() -> float:
        begun = time.perf_counter()
        connection.request("PROPFIND", quote(f"{target.listed}/"), body=_PROPFIND, headers=headers)
        response = connection.getresponse()
        data = response.read()
        seconds = time.perf_counter() - begun
        if response.status != http.client.MULTI_STATUS or len(_RESPONSE_END.findall(data)) != sizes.listed + 1:
            raise BenchError(f"{target.name}: PROPFIND was answered with {response.status} and {len(data)} bytes.")
        return seconds * 1000

    try:
        once()
        return statistics.median(once() for _ in range(_LISTINGS))
    except http.client.HTTPException as exc:
        raise BenchError(f"{target.name}: PROPFIND was not answered ({exc!r}).") from exc
    finally:
        connection.close()


def _curl(target: Target, ranges: Sequence[str], status: str, size: int) -> list[float]:
    """The seconds of each GET of the big file by curl, on one connection; one for each of `ranges`."""
    url = f"http://{HOST}:{target.port}{quote(target.big)}"
    each = f'url="{url}"\nuser="{target.user}:{target.password}"\noutput="/dev/null"\nsilent\n'
    each += 'write-out="%{http_code} %{size_download} %{time_total}\\n"\n'
    script = "next\n".join(each + (f'range="{wanted}"\n' if wanted else "") for wanted in ranges)
    rows = [line.split() for line in output_of(["curl", "-q", "--config", "-"], text=script).splitlines()]
    if [row[:2] for row in rows] != [[status, str(size)]] * len(ranges):
        raise BenchError(f"{target.name}: GET was answered with {rows[:1]}.")
    return [float(row[2]) for row in rows]


def _get_big(target: Target, sizes: Sizes) -> float:
    """The median of a few: one alone is over in less than half a second."""
    seconds = _curl(target, [""] * _DOWNLOADS, "200", sizes.big)
    return sizes.big / statistics.median(seconds) / 1e6


def _get_range(target: Target, sizes: Sizes) -> float:
    """Milliseconds of the median of ranges of 1 MiB, each from another place, without the first, which signs in."""
    step = (sizes.big - _MEBIBYTE) // _RANGES
    starts = [number * step for number in range(_RANGES)]
    seconds = _curl(target, [f"{start}-{start + _MEBIBYTE - 1}" for start in starts], "206", _MEBIBYTE)
    return statistics.median(seconds[1:]) * 1000


class _Stalled(asyncssh.SSHClientSession[bytes]):
    """A client that reads what it is told to, and then nothing."""

    def __init__(self) -> None:
        self._answered = bytearray()
        self._more = asyncio.Event()

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._answered += data
        self._more.set()

    async def packet(self) -> bytes:
        """The next answer, without its length."""
        while len(self._answered) < 4 or len(self._answered) < 4 + int.from_bytes(self._answered[:4], "big"):
            self._more.clear()
            await self._more.wait()
        end = 4 + int.from_bytes(self._answered[:4], "big")
        packet = bytes(self._answered[4:end])
        del self._answered[:end]
        return packet


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


async def _stall(target: Target, sizes: Sizes) -> float:
    """By how many MiB the server is larger, at its largest, while a client asks for much and reads none of it."""
    async with asyncssh.connect(
        HOST,
        target.port,
        username=target.user,
        client_keys=[str(target.key)],
        known_hosts=None,
        config=None,
        agent_path=None,
        encryption_algs=["aes128-gcm@openssh.com"],
    ) as connection:
        session = _Stalled()
        channel, _ = await connection.create_session(lambda: session, subsystem="sftp", encoding=None)

        def send(kind: int, body: bytes) -> None:
            channel.write(_string(bytes([kind]) + body))

        send(_FXP_INIT, struct.pack(">I", 3))
        await session.packet()
        send(_FXP_OPEN, struct.pack(">I", 1) + _string(target.big.encode()) + struct.pack(">II", _FXF_READ, 0))
        handle = (await session.packet())[5:]  # behind its type and the request's number; a length and the bytes
        before = peak = target.server.memory_mib()
        channel.pause_reading()
        for number in range(sizes.stalled_reads):
            at = number * sizes.stalled_read_bytes % sizes.big
            send(_FXP_READ, struct.pack(">I", 2 + number) + handle + struct.pack(">QI", at, sizes.stalled_read_bytes))
        end = time.perf_counter() + _STALL_SECONDS
        while time.perf_counter() < end:
            await asyncio.sleep(0.2)
            peak = max(peak, target.server.memory_mib())
        connection.abort()
    return peak - before


def _stalled(target: Target, sizes: Sizes) -> float:
    try:
        return asyncio.run(asyncio.wait_for(_stall(target, sizes), _ANSWER_SECONDS))
    except (asyncssh.Error, TimeoutError) as exc:
        raise BenchError(f"{target.name}: the stalled client could not be one ({exc!r}).") from exc


CLIENTS = {"curl": "curl", "rclone": "rclone", "sftp": "openssh-client"}
"""The clients that measures are taken with, and Debian's packages of them."""

MEASURES: Sequence[Measure] = (
    Measure(
        row="P1",
        files=BIG,
        client="sftp",
        what=lambda sizes: f"read {sizes.big >> 20} MiB over SFTP, `sftp`, its own cipher",
        unit="MB/s",
        more_is_better=True,
        run=_sftp_big,
        peers=(OPENSSH,),
        marks=(Mark(peer=OPENSSH, must=1.0, goal=1.5),),
    ),
    Measure(
        row="P3",
        files=SMALL,
        client="sftp",
        what=lambda sizes: f"{sizes.small} files of {sizes.small_bytes >> 10} KiB, `sftp -r`",
        unit="files/s",
        more_is_better=True,
        run=_sftp_small,
        peers=(OPENSSH,),
        marks=(Mark(peer=OPENSSH, must=0.35, goal=0.7),),
    ),
    Measure(
        row="P3",
        files=SMALL,
        client="rclone",
        what=lambda sizes: "the same, `rclone --transfers 8`",
        unit="files/s",
        more_is_better=True,
        run=_rclone_small,
        peers=(OPENSSH,),
        marks=(Mark(peer=OPENSSH, must=0.5, goal=1.0),),
    ),
    Measure(
        row="P4",
        files=LISTED,
        client="sftp",
        what=lambda sizes: f"list {sizes.listed} over SFTP",
        unit="ms",
        more_is_better=False,
        run=_sftp_list,
        peers=(OPENSSH,),
        marks=(Mark(peer=OPENSSH, must=1.5, goal=0.8),),
    ),
    Measure(
        row="P7",
        files=BIG,
        client=None,
        what=lambda sizes: (
            f"growth of the server by a stalled client asking for "
            f"{sizes.stalled_reads * sizes.stalled_read_bytes >> 20} MiB over SFTP"
        ),
        unit="MiB",
        more_is_better=False,
        run=_stalled,
        peers=(OPENSSH,),
        marks=(Mark(peer=None, must=8.0, goal=2.0),),
    ),
    Measure(
        row="P8",
        files=BIG,
        client="curl",
        what=lambda sizes: f"GET {sizes.big >> 20} MiB",
        unit="MB/s",
        more_is_better=True,
        run=_get_big,
        peers=(RCLONE, APACHE),
        marks=(Mark(peer=RCLONE, must=0.8, goal=1.1),),
    ),
    Measure(
        row="P8",
        files=BIG,
        client="curl",
        what=lambda sizes: "GET a range of 1 MiB",
        unit="ms",
        more_is_better=False,
        run=_get_range,
        peers=(RCLONE, APACHE),
        marks=(Mark(peer=RCLONE, must=1.2, goal=0.7),),
    ),
    Measure(
        row="P9",
        files=LISTED,
        client=None,
        what=lambda sizes: f"PROPFIND of {sizes.listed}",
        unit="ms",
        more_is_better=False,
        run=_propfind,
        peers=(RCLONE, APACHE),
        marks=(Mark(peer=RCLONE, must=0.8), Mark(peer=APACHE, goal=1.0)),
    ),
)
