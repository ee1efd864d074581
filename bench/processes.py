"""Programs that a measurement starts: found, started in a session of their own, watched in /proc, ended without a rest.

Called by `home`, `peers` and `rows`. Linux alone. Raises BenchError with what the program said.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
_TICKS = os.sysconf("SC_CLK_TCK")
_SYSTEM_FOLDERS = "/usr/sbin:/sbin"  # where Debian keeps what is not on everybody's PATH
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


class BenchError(Exception):
    """A measurement cannot be taken; the message says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs. `pid` is its first process."""

    pid: int

    def cpu_seconds(self) -> float:
        """Processor time so far of all its processes, those included that have ended and were waited for."""
        return sum(stat.ticks for stat in self._tree().values()) / _TICKS

    def memory_mib(self) -> float:
        """Its proportional set size: pages that its processes share are counted once."""
        return sum(_pss_kib(pid) for pid in self._tree()) / 1024

    def _tree(self) -> dict[int, _Stat]:
        """Its processes. By parents, not by process group: sshd gives each connection a group of its own."""
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        every = {pid: stat for pid in pids if (stat := _stat(pid)) is not None}
        tree = {self.pid}
        while more := {pid for pid, stat in every.items() if stat.parent in tree} - tree:
            tree |= more
        return {pid: every[pid] for pid in tree if pid in every}


@dataclass(frozen=True, slots=True)
class _Stat:
    parent: int
    ticks: int


def _stat(pid: int) -> _Stat | None:
    """proc(5): the parent, and the time in user and kernel mode with that of children that were waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:  # ended since
        return None
    return _Stat(int(fields[1]), sum(map(int, fields[11:15])))


def _pss_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def found(program: str) -> str | None:
    """Where `program` is, or None."""
    return shutil.which(program) or shutil.which(program, path=_SYSTEM_FOLDERS)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server((HOST, 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], log: Path, ready: Callable[[], bool], environ: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """`command` as a server, from when it is ready until the end of the block. Its output goes to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environ,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{command[0]} does not start: {log.read_text('utf-8', 'replace')[-600:].strip()}")
            time.sleep(0.05)
        yield Server(process.pid)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)  # whatever it left behind in its session
    except ProcessLookupError:
        return


def listening(port: int) -> bool:
    """Whether something accepts connections on `port`."""
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


def output_of(command: Sequence[str], text: str = "", seconds: float = 600.0) -> str:
    """What `command` prints, given `text` on its standard input. Raises BenchError where it fails."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as exc:
        raise BenchError(f"{command[0]} did not end within {seconds:.0f} seconds.") from exc
    if done.returncode:
        raise BenchError(f"{command[0]} failed: {(done.stderr or done.stdout)[-600:].strip()}")
    return done.stdout
