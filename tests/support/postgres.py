"""A throw-away PostgreSQL for tests: Debian's binaries, as a user other than root, on a free port, gone afterwards.

`postgres_server()` is a context manager for one server; the fixture `postgres` shares one among all tests of a process,
and `server` and `empty_url` run a test on SQLite and on that one.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.support.ports import free_ports
from tests.support.programs import need

_ATTEMPTS = 5
_numbers = count(1)


class PostgresServer:
    """A running server. `url` is that of its `postgres` database, as SQLAlchemy reads it."""

    def __init__(self, binaries: Path, data: Path, port: int) -> None:
        self._binaries = binaries
        self._data = data
        self._port = port
        self.url = self._url("postgres")

    def fresh_database(self, like: str | None = None) -> str:
        """The URL of a new database: empty, or a copy of the one at the URL `like`, to which nobody is connected."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        template = "template1" if like is None else like.rpartition("/")[2]
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        return self._url(name)

    def stop(self) -> None:
        """Stop at once, ending every connection."""
        _as_owner([str(self._binaries / "pg_ctl"), "-D", str(self._data), "-m", "immediate", "-w", "stop"])

    def start(self) -> None:
        """Start, or start again on the same port. Raises subprocess.CalledProcessError."""
        options = (
            f"-p {self._port} -k {self._data} -c listen_addresses=127.0.0.1"
            " -c fsync=off -c max_connections=200 -c shared_buffers=16MB"
        )
        log = str(self._data / "server.log")
        _as_owner([str(self._binaries / "pg_ctl"), "-D", str(self._data), "-o", options, "-l", log, "-w", "start"])

    def _url(self, name: str) -> str:
        return f"postgresql://ladocs@127.0.0.1:{self._port}/{name}"


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A new server with an empty data folder. Skips the test where the binaries are missing."""
    binaries = Path(need("initdb")).parent
    home = Path(tempfile.mkdtemp(prefix="ladocs-pg-"))
    try:
        _give_to_owner(home)
        data = home / "data"
        flags = ("--no-sync", "--auth=trust", "--username=ladocs", "--encoding=UTF8", "--locale=C.UTF-8")
        _as_owner([str(binaries / "initdb"), "-D", str(data), *flags])
        server = _started(binaries, data)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    """The server that all tests of this process share."""
    need("initdb")
    return _shared()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> PostgresServer | None:
    """Where databases are, for what is tested on both: in files (None), and on the server that is shared."""
    if request.param == "sqlite":
        return None
    found: PostgresServer = request.getfixturevalue("postgres")
    return found


@pytest.fixture
def empty_url(server: PostgresServer | None, tmp_path: Path) -> str:
    """The URL of an empty database, on both."""
    return f"sqlite:///{tmp_path}/test.db" if server is None else server.fresh_database()


@cache
def _shared() -> PostgresServer:
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(postgres_server())


def _started(binaries: Path, data: Path) -> PostgresServer:
    """Another process may take the port between our look and the server's: then another port."""
    for attempt in range(1, _ATTEMPTS + 1):
        server = PostgresServer(binaries, data, *free_ports(1))
        try:
            server.start()
        except subprocess.CalledProcessError:
            if attempt == _ATTEMPTS:
                raise
        else:
            return server
    raise AssertionError("unreachable")


def _owner() -> str | None:
    """Whom the server runs as: PostgreSQL refuses root."""
    return "postgres" if os.geteuid() == 0 else None


def _give_to_owner(folder: Path) -> None:
    if owner := _owner():
        entry = pwd.getpwnam(owner)
        os.chown(folder, entry.pw_uid, entry.pw_gid)


def _as_owner(command: Sequence[str]) -> None:
    owner = _owner()
    prefix = ("runuser", "-u", owner, "--") if owner else ()
    subprocess.run((*prefix, *command), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")
