"""Within five seconds everywhere [R19]: in two processes and by both protocols, on both databases, idle or reading.

What takes access away is a command, given in a process of its own while the service runs.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import quote

import paramiko
import pytest
from sqlalchemy import text

from config.clock import SystemClock
from tests.abuse.test_workers import in_two_workers
from tests.support.county import County, serving
from tests.support.databases import opened
from tests.support.drives import Absent, DavDrive, Obstacle, SftpDrive, dav_drive, sftp_drive
from tests.support.postgres import postgres_server
from tests.support.programs import need
from tests.support.story import ASHBY, GENERAL, Founded, found
from tests.support.waiting import until

WITHIN = 5.0
LARGE = 96 << 20  # more than what lies between a server and a client that does not read


@dataclass
class Place:
    """A county that is served, and a way to keep its database from answering."""

    county: County
    outage: Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(
    request: pytest.FixtureRequest, founded: Founded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("everywhere")
    with ExitStack() as stack:
        if request.param == "sqlite":
            county = stack.enter_context(serving(founded, folder))
            yield Place(county, lambda: _renamed(county))
        else:
            need("initdb")
            server = stack.enter_context(postgres_server())

            @contextmanager
            def stopped() -> Iterator[None]:
                server.stop()
                try:
                    yield
                finally:
                    server.start()

            there = found(folder / "founded", server.fresh_database())
            yield Place(stack.enter_context(serving(there, folder)), stopped)


@contextmanager
def _renamed(county: County) -> Iterator[None]:
    """The counter of access is not to be found while the block runs."""
    for before, after in (("generation", "away"), ("away", "generation")):
        with opened(county.database_url) as database, database.write() as connection:
            connection.execute(text(f"ALTER TABLE {before} RENAME TO {after}"))
        if after == "away":
            yield


@dataclass(frozen=True)
class Survey:
    """A document that takes a while, and where the script finds it."""

    reference: str
    path: str


def published(county: County, folder: Path) -> Survey:
    file = folder / "Survey.bin"
    file.write_bytes(bytes(LARGE))
    said = county.command("publish", str(file), "--category", GENERAL, "--school", ASHBY, "--json")
    [document] = json.loads(said)["published"]
    person = county["nightly"]
    with sftp_drive(county, person) as drive:
        month = max(drive.listing(person.root(ASHBY)))
    return Survey(document["reference"], f"{person.root(ASHBY)}/{month}/{GENERAL}/{document['schools'][ASHBY]}")


@pytest.fixture(scope="module")
def large(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return published(place.county, tmp_path_factory.mktemp("large"))


class Transfer(threading.Thread):
    """Reads a document over SFTP, again and again, until that fails."""

    def __init__(self, drive: SftpDrive, path: str) -> None:
        super().__init__(daemon=True)
        self._file = drive.client.open(path.encode(), "r")
        self.bytes = 0

    def run(self) -> None:
        try:
            while True:
                self._file.seek(0)
                self.bytes += len(self._file.read(32768))
        except (OSError, EOFError, paramiko.SSHException):
            return


@dataclass
class Everything:
    """All that a script has open: sessions in two processes, each with a transfer; idle ones; a drive that reads."""

    sftp: list[SftpDrive]
    transfers: list[Transfer]
    drive: DavDrive
    answer: HTTPResponse

    def is_over_for_sftp(self) -> bool:
        open_ = any(drive.transport.is_active() for drive in self.sftp)
        return not open_ and not any(transfer.is_alive() for transfer in self.transfers)


@pytest.fixture
def everything(place: Place, large: Survey) -> Iterator[Everything]:
    with reading(place.county, large.path) as everything:
        yield everything


@contextmanager
def reading(county: County, path: str) -> Iterator[Everything]:
    """All that the script has open while it reads the document at `path`."""
    script = county["nightly"]
    with ExitStack() as stack:
        idle = stack.enter_context(sftp_drive(county, script))
        busy = list(in_two_workers(county, stack).values())
        assert len(busy) == 2
        transfers = [Transfer(drive, path) for drive in busy]
        drive = stack.enter_context(dav_drive(county, script))
        drive.connection.request("GET", quote(path), headers={"Authorization": drive._authorization})
        answer = drive.connection.getresponse()
        assert answer.status == 200 and answer.read(1000) == bytes(1000)
        for transfer in transfers:
            transfer.start()
        assert until(lambda: all(transfer.bytes for transfer in transfers))
        yield Everything([idle, *busy], transfers, drive, answer)


def rest_of(answer: HTTPResponse) -> int:
    """How many bytes still come of an answer."""
    count = 0
    try:
        while block := answer.read(1 << 16):
            count += len(block)
    except (OSError, HTTPException):
        pass
    return count


def is_kept_out(county: County) -> bool:
    """Whether the script gets in by neither door."""
    try:
        with sftp_drive(county, county["nightly"]):
            return False
    except paramiko.SSHException:
        pass
    with dav_drive(county, county["nightly"]) as drive:
        return drive.ask("OPTIONS", "/")[0] in (401, 403)


def comes_in(county: County) -> bool:
    """Whether the script gets in by both doors."""
    try:
        with sftp_drive(county, county["nightly"]) as sftp, dav_drive(county, county["nightly"]) as dav:
            return bool(sftp.listing("/")) and dav.listing("/") == sftp.listing("/")
    except (paramiko.SSHException, Obstacle, EOFError, OSError, AssertionError):
        return False


def test_a_suspension_ends_everything_that_is_open_in_every_process(place: Place, everything: Everything) -> None:
    county, clock = place.county, SystemClock()
    county.command("account", "suspend", "nightly", "--because", "a test")
    told_at = clock.monotonic()
    assert until(everything.is_over_for_sftp, WITHIN)
    assert until(lambda: is_kept_out(county), WITHIN - (clock.monotonic() - told_at))
    assert until(lambda: clock.monotonic() - told_at >= WITHIN, 2 * WITHIN)  # for so long the drive has read nothing
    assert rest_of(everything.answer) < LARGE - 1000
    county.command("account", "activate", "nightly")
    assert until(lambda: comes_in(county), WITHIN)


def test_a_withdrawal_ends_every_transfer_of_that_document_in_every_process_and_nothing_else(
    place: Place, large: Survey, tmp_path: Path
) -> None:
    county, clock = place.county, SystemClock()
    misdirected = published(county, tmp_path)
    with reading(county, misdirected.path) as everything, sftp_drive(county, county["nightly"]) as other:
        kept = Transfer(other, large.path)
        kept.start()
        county.command("document", "withdraw", misdirected.reference, "--because", "a test")
        told_at = clock.monotonic()
        with pytest.raises(Absent):
            everything.sftp[0].stat(misdirected.path)
        assert until(lambda: not any(one.is_alive() for one in everything.transfers), WITHIN)
        assert until(
            lambda: clock.monotonic() - told_at >= WITHIN, 2 * WITHIN
        )  # the drive has read nothing for so long
        assert rest_of(everything.answer) < LARGE - 1000
        for drive in everything.sftp:
            with pytest.raises(Absent):
                drive.stat(misdirected.path)
        seen = kept.bytes
        assert until(lambda: kept.bytes > seen)
    county.command("audit", "verify")


def test_a_database_that_is_gone_closes_connections_and_they_come_back_by_themselves(
    place: Place, everything: Everything
) -> None:
    county = place.county
    with place.outage():
        assert until(everything.is_over_for_sftp, 2 * WITHIN)
        assert rest_of(everything.answer) < LARGE - 1000
        assert not comes_in(county)
    assert until(lambda: comes_in(county), 2 * WITHIN)
    assert county.process.poll() is None
