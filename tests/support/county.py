"""The county of `tests.support.story`, served by the real program in processes of its own.

`serving` starts `ladocs serve` on a copy of the home and ends it with SIGTERM. The fixture `county` shares one such
server among all tests of a process; when it has ended, its record is held against what the clients received: no byte
without a durable grant, none that the closing rows do not tell of, and every link of the chain in place.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from auth.principal import Door
from auth.totp import STEP_SECONDS, code_at
from config.clock import SystemClock
from config.secrets import HOST_KEY_ED25519, TLS_CERTIFICATE, Secrets
from config.settings import Settings
from policy.audit import query
from policy.audit.events import Event, EventKind
from policy.audit.verify import verify
from tests.support.databases import opened
from tests.support.ports import free_ports
from tests.support.story import Founded, Letter, Person, found
from tests.support.waiting import until

HOST = "127.0.0.1"
LADOCS = ("-m", "gateway")
_READY_SECONDS = 180.0  # so long only where the machine has far more to do than it can
_STOP_SECONDS = 30.0
_ATTEMPTS = 3


@dataclass(frozen=True)
class Receipt:
    """Bytes of a document that a client holds in its hands."""

    account_id: int
    door: str
    object: str
    start: int
    end: int


@dataclass
class County:
    """A running server. Ports are on loopback; `ca_file` is what clients of HTTPS trust."""

    home: Path
    at: datetime
    people: Mapping[str, Person]
    letters: Sequence[Letter]
    sftp_port: int
    https_port: int
    http_port: int
    process: subprocess.Popen[bytes]
    log_file: Path
    receipts: list[Receipt] = field(default_factory=list)
    _spent: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, username: str) -> Person:
        return self.people[username]

    @property
    def ca_file(self) -> Path:
        return Secrets(self.home / "secrets").path(TLS_CERTIFICATE)

    @property
    def tls(self) -> ssl.SSLContext:
        """Clients of HTTPS trust this server's certificate and no other."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    @property
    def host_key(self) -> str:
        """The Ed25519 host key as a line of OpenSSH's: type and base64."""
        return self._public(HOST_KEY_ED25519)

    def known_hosts(self, folder: Path) -> Path:
        """A file by which SSH clients know this server, in `folder`: the one key that OpenSSH enters at first sight."""
        file = folder / "known_hosts"
        file.write_text(f"[{HOST}]:{self.sftp_port} {self._public(HOST_KEY_ED25519)}\n")
        return file

    @property
    def database_url(self) -> str:
        return Settings.load(self.home, {}).main_url(self.home)

    @property
    def record_url(self) -> str:
        return Settings.load(self.home, {}).record_url(self.home)

    def _public(self, name: str) -> str:
        private = load_ssh_private_key(Secrets(self.home / "secrets").current(name).value, None)
        return private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def code(self, person: Person) -> str:
        """A code that was not used yet: of this step, of the next one, else once the step after has come."""
        clock = SystemClock()
        last = self._spent.get(person.username, 0)

        def due() -> bool:
            return int(clock.now().timestamp()) // STEP_SECONDS + 1 > last

        assert until(due, 2 * STEP_SECONDS), "a code comes every thirty seconds"
        step = max(last + 1, int(clock.now().timestamp()) // STEP_SECONDS)
        self._spent[person.username] = step
        return code_at(person.secret, datetime.fromtimestamp(step * STEP_SECONDS, UTC))

    def letter(self, name: str) -> Letter:
        """The document that its folder shows as `name`."""
        return next(letter for letter in self.letters if name == (letter.shown or letter.name))

    def visible(self, person: Person) -> dict[str, Letter]:
        """What `person` reads, by path."""
        return {
            letter.path(person, school): letter
            for school in person.reads
            for letter in self.letters
            if letter.visible_to(person, school)
        }

    def received(self, person: Person, door: Door, letter: Letter, start: int = 0, end: int | None = None) -> None:
        """Tell the oracle that a client of `person` received these bytes."""
        last = len(letter.data) if end is None else end
        self.receipts.append(Receipt(person.account_id, door, letter.object, start, last))

    def command(self, *arguments: str) -> str:
        """What `ladocs …` prints, given by the operator against the live home."""
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *arguments, "--home", str(self.home)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self) -> str:
        """What the server has said so far."""
        return self.log_file.read_text()

    def head(self) -> int:
        """The number of the newest record."""
        found = self.rows(0, limit=1)
        return found[0][0] if found else 0

    def events(self, since: int, *kinds: EventKind) -> list[Event]:
        """What was recorded after record `since`, of these kinds or of all."""
        return [event for _, event in self.rows(since) if not kinds or event.event in kinds]

    def rows(self, since: int, limit: int = 1_000_000) -> list[tuple[int, Event]]:
        """Number and content of the records after `since`."""
        with opened(self.record_url) as database, database.read() as connection:
            entries = query.listing(connection, query.Filter(), limit)
        return [(entry.seq, entry.event) for entry in entries if entry.event is not None and entry.seq > since]


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    """The county's home, to be copied and not to be touched."""
    return found(tmp_path_factory.mktemp("county") / "home")


@pytest.fixture(scope="session")
def county(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """The running server that all tests of this process share: nothing here may break it, nor take access away."""
    with serving(founded, tmp_path_factory.mktemp("served")) as served:
        yield served
    assert "Traceback" not in served.log(), served.log()
    every_byte_was_granted(served)


@contextmanager
def serving(
    founded: Founded, folder: Path, settings: Mapping[str, str] | None = None, program: Sequence[str] = LADOCS
) -> Iterator[County]:
    """The server on a copy of the home in `folder`, with `LADOCS_…` variables of its own where `settings` has any.

    It ends with the block, on SIGTERM, with status 0.
    """
    home = folder / "home"
    shutil.copytree(founded.home, home)
    with ExitStack() as stack:
        served = started(founded, home, folder / "log", stack, settings or {}, program)
        try:
            yield served
        finally:
            status = stopped(served)
        assert status == 0, served.log()


def every_byte_was_granted(served: County) -> None:
    """The oracle of the record, when the server has ended: granted covers sent covers received; the chain is whole."""
    openings, closings = served.events(0, EventKind.FILE_OPEN), served.events(0, EventKind.FILE_CLOSE)
    granted = _ranges(openings)
    for key, covered in _ranges(closings).items():
        assert _covers(granted.get(key, []), covered), f"sent beyond the grant: {key} {covered}"
    assert (missing := uncovered(served.receipts, openings)) == [], f"received without a grant: {missing}"
    assert (missing := uncovered(served.receipts, closings)) == [], f"received and not told of: {missing}"
    with opened(served.record_url) as database, database.read() as connection:
        report = verify(connection)
    assert report.intact, report.finding


def uncovered(receipts: Iterable[Receipt], events: Iterable[Event]) -> list[Receipt]:
    """The receipts of bytes that `events`, grants of reading or what was sent, do not cover."""
    ranges = _ranges(events)
    return [
        receipt
        for receipt in receipts
        if not _covers(
            ranges.get((receipt.account_id, receipt.door, receipt.object), []), [(receipt.start, receipt.end)]
        )
    ]


_Ranges = list[tuple[int, int]]
_Key = tuple[int | None, str, str]


def _ranges(events: Iterable[Event]) -> dict[_Key, _Ranges]:
    found: dict[_Key, _Ranges] = {}
    for event in events:
        found.setdefault((event.actor, event.protocol, event.object), []).extend(event.ranges)
    return found


def _covers(have: _Ranges, wanted: _Ranges) -> bool:
    return all(_one_covers(sorted(have), start, end) for start, end in wanted)


def _one_covers(have: _Ranges, start: int, end: int) -> bool:
    for low, high in have:
        if low <= start < high:
            start = high
    return start >= end


def stopped(served: County) -> int:
    """Ask the server to end, as an init system does; its exit status."""
    served.process.send_signal(signal.SIGTERM)
    return served.process.wait(_STOP_SECONDS)


def started(
    founded: Founded,
    home: Path,
    log_file: Path,
    stack: ExitStack,
    settings: Mapping[str, str] = MappingProxyType({}),
    program: Sequence[str] = LADOCS,
) -> County:
    """A server on `home`, a copy of the one that was founded; `stack` ends it where nobody did.

    Another process may take a port between our look and the server's: then other ports.
    """
    for _ in range(_ATTEMPTS):
        sftp, https, http = ports = free_ports(3)
        log = stack.enter_context(log_file.open("wb"))
        process = stack.enter_context(_process(program, home, ports, log, settings))
        stack.callback(process.kill)  # whatever went wrong before it was stopped
        if _is_ready(process):
            return County(
                home, founded.at, _moved(founded, home), founded.letters, sftp, https, http, process, log_file
            )
        process.kill()
        assert re.search("port .* in use", log_file.read_text(), re.IGNORECASE), log_file.read_text()
    raise AssertionError("no free ports")


def _process(
    program: Sequence[str], home: Path, ports: Sequence[int], log: Any, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    names = ("LADOCS_SERVE__SFTP_PORT", "LADOCS_SERVE__HTTPS_PORT", "LADOCS_SERVE__HTTP_PORT")
    return subprocess.Popen(
        [sys.executable, *program, "serve", "--home", str(home)],
        env={**os.environ, **dict(zip(names, map(str, ports), strict=True)), **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
    )


def _is_ready(process: subprocess.Popen[bytes]) -> bool:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], _READY_SECONDS)
    return bool(readable) and process.stdout.readline() == b"ready\n"


def _moved(founded: Founded, home: Path) -> dict[str, Person]:
    """The people, with their keys where the copy of the home is."""
    return {
        name: replace(person, key=home / person.key.relative_to(founded.home))
        for name, person in founded.people.items()
    }
