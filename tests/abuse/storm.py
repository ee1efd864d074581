"""A service under load, all of whose processes are killed at moments drawn from a seed, round after round.

Readers come over both doors, a publisher sends, and `ladocs expire` destroys. What they were given or told is kept, and
after each start held against what is there.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPException
from itertools import count
from pathlib import Path

import paramiko

from auth import accounts
from auth.principal import Door
from config.clock import SystemClock
from config.database import Database
from config.secrets import Secrets
from gateway import compose
from gateway import core as cores
from gateway.certificate import differences
from gateway.clockguard import mark, set_mark
from gateway.due import due
from gateway.publishing import Item, Published
from policy import categories, schools
from policy.audit.chain import Head
from policy.audit.checkpoints import public_keys
from policy.audit.events import EventKind
from policy.audit.verify import verify
from tests.support.clock import FakeClock
from tests.support.county import LADOCS, County, Receipt, started, stopped, uncovered
from tests.support.databases import opened
from tests.support.drives import Absent, Drive, Obstacle, dav_drive, sftp_drive
from tests.support.story import ASHBY, GENERAL, OFFICER, Founded, Letter, Person
from tests.support.waiting import until

_CUT_OFF = (OSError, EOFError, paramiko.SSHException, HTTPException, Obstacle)
"""What a client may meet when the service dies under it. That a document is absent is not among it."""
_BATCH = 12
_SETTLED = 60.0
_PATIENT = {"LADOCS_AUDIT__TIMEOUT_SECONDS": "10"}
"""A record that is slow because the machine has other tests to run is no fault."""


@dataclass
class Storm:
    """One home, through all rounds.

    `sent` are documents whose fate is not known yet, `arrived` those that are out. `entered` is how often a client was
    let in by SFTP, `wrong` what clients and commands saw that nothing excuses.
    """

    founded: Founded
    folder: Path
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)
    receipts: list[Receipt] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    sent: list[Letter] = field(default_factory=list)
    arrived: list[Letter] = field(default_factory=list)
    entered: int = 0
    wrong: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _codes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        shutil.copytree(self.founded.home, self.home)

    def round(self) -> None:
        """What was there before is there; then a load of everything, and the end of it."""
        self.done["rounds"] += 1
        self._let_something_fall_due()
        with self._serving() as served, ExitStack() as stack:
            self.settle(served)
            over = threading.Event()
            for work in (self._by_sftp, self._by_dav, self._publish, self._expire):
                thread = threading.Thread(target=work, args=(served, over))
                thread.start()
                stack.callback(thread.join)
            stack.callback(over.set)
            self._strike(served)

    def end(self) -> None:
        """The service comes up once more, finishes what was begun, and ends well."""
        with self._serving() as served:
            self.settle(served)
            served.command("expire", "--confirm")
            with opened(served.database_url) as database:
                assert due(database, SystemClock().now()) == []
            with sftp_drive(served, served["nightly"]) as drive:
                for letter in self.arrived:
                    assert drive.read(letter.path(served["nightly"], ASHBY)) == letter.data
            assert stopped(served) == 0, served.log()
        served.command("audit", "verify")
        keys, certificates = public_keys(Secrets(self.home / "secrets")), sorted(self.home.glob("certificates/*.txt"))
        assert len(certificates) >= self.done["rounds"]
        assert [told for file in certificates for told in differences(file.read_bytes(), keys)] == []

    def settle(self, served: County) -> None:
        """The record holds all that was acknowledged, and each document is whole over both doors, or not there."""
        with opened(served.record_url) as database, database.read() as connection:
            report = verify(connection, self.heads)
        assert report.intact, report.finding
        assert self.wrong == []
        self.heads.append(report.head)
        events = served.events(0, EventKind.FILE_OPEN, EventKind.SIGN_IN)
        assert uncovered(self.receipts, events) == []
        assert sum((event.event, event.protocol) == (EventKind.SIGN_IN, Door.SFTP) for event in events) >= self.entered
        person = served["nightly"]
        with sftp_drive(served, person) as sftp, dav_drive(served, person) as dav:
            for letter in self.sent:
                found = [_read(drive, letter.path(person, ASHBY)) for drive in (sftp, dav)]
                assert found == [letter.data] * 2 or (found == [None] * 2 and letter.name not in self.acknowledged)
                self.arrived += [letter] if found[0] else []
                self.done["documents whole" if found[0] else "documents absent"] += 1
        self.sent.clear()
        self.done["records"], self.done["receipts"] = report.head.records, len(self.receipts)

    @contextmanager
    def _serving(self) -> Iterator[County]:
        with ExitStack() as stack:
            log = self.folder / f"log-{self.done['rounds']}"
            served = started(self.founded, self.home, log, stack, _PATIENT)
            served.receipts, served._spent = self.receipts, self._codes
            yield served

    def _strike(self, served: County) -> None:
        """Perhaps a worker alone, which is replaced; in the midst of publishing all there are, in any order."""
        parent, workers, stored = served.process.pid, _children(served.process.pid), self._stored()
        wanted = len(self.receipts) + self.chance.randrange(20)
        until(lambda: len(self.receipts) >= wanted)
        if self.chance.random() < 0.5:
            self._kill(self.chance.choice(workers))
            assert until(lambda: len(set(_children(parent)) - set(workers)) == 1, _SETTLED), served.log()
        stored += self.chance.randrange(2 * _BATCH)
        until(lambda: self._stored() >= stored)
        doomed = [parent, *_children(parent)]
        self.chance.shuffle(doomed)
        for pid in doomed:
            self._kill(pid)
        served.process.wait()
        assert until(lambda: not any(map(_lives, doomed)))

    def _stored(self) -> int:
        return sum(1 for _ in (self.home / "store").glob("??/*"))

    def _kill(self, pid: int) -> None:
        self.done["kills"] += 1
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    # The load

    def _by_sftp(self, served: County, over: threading.Event) -> None:
        person = served[f"r.reader{self.done['rounds'] % 20 + 1}"]
        self._read_on(served, person, over, lambda: sftp_drive(served, person))

    def _by_dav(self, served: County, over: threading.Event) -> None:
        person = served["nightly"]
        self._read_on(served, person, over, lambda: dav_drive(served, person))

    def _read_on(
        self,
        served: County,
        person: Person,
        over: threading.Event,
        come_in: Callable[[], AbstractContextManager[Drive]],
    ) -> None:
        """Read one document after another, coming in again whenever the service is gone; never is one absent."""
        chance = random.Random(f"{person.username} {self.done['rounds']}")
        letters = sorted(served.visible(person).items())
        while not over.is_set():
            with suppress(*_CUT_OFF), come_in() as drive:
                self.entered += drive.door is Door.SFTP
                while not over.is_set():
                    path, letter = chance.choice(letters)
                    if drive.read(path) != letter.data:
                        self.wrong.append(path)
                    served.received(person, drive.door, letter)

    def _publish(self, served: County, over: threading.Event) -> None:
        chance = random.Random(f"publisher {self.done['rounds']}")
        while not over.is_set():
            batch = [self._written(chance) for _ in range(_BATCH)]
            self.sent += batch
            files = [str(self.folder / letter.name) for letter in batch]
            for file, letter in zip(files, batch, strict=True):
                Path(file).write_bytes(letter.data)
            if self._command(chance, over, "publish", *files, "--category", GENERAL, "--school", ASHBY):
                self.acknowledged |= {letter.name for letter in batch}

    def _expire(self, served: County, over: threading.Event) -> None:
        chance = random.Random(f"expire {self.done['rounds']}")
        while not over.is_set():
            self._command(chance, over, "expire", "--confirm")

    def _command(self, chance: random.Random, over: threading.Event, *arguments: str) -> bool:
        """Whether the command came to its end; half of them are killed on the way, all when the round is over."""
        words = [sys.executable, *LADOCS, *arguments, "--home", str(self.home)]
        patience = chance.uniform(0.5, 4) if chance.random() < 0.5 else _SETTLED
        environ = {**os.environ, **_PATIENT}
        with subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            ended = until(lambda: process.poll() is not None or over.is_set(), patience)
            if not ended or process.poll() is None:
                self._kill(process.pid)
            assert process.stderr is not None
            said = process.stderr.read().decode()
        if process.returncode not in (0, -signal.SIGKILL) and "Another process destroys" not in said:
            self.wrong.append(said)
        return process.returncode == 0

    def _written(self, chance: random.Random) -> Letter:
        number = next(self.numbers)
        data = chance.randbytes(chance.choice((1, 1000, 200_000)))
        at = SystemClock().now()
        return Letter(name=f"Storm {number}.bin", category=GENERAL, schools=(ASHBY,), days=0, data=data, at=at)

    def _let_something_fall_due(self) -> None:
        """Documents of a day of its own for each round, sent as if that day were the present one."""
        then = self.founded.at - timedelta(days=100 + self.done["rounds"])
        home, settings = cores.open_home(self.home, {})
        core = cores.core(home, settings, clock=FakeClock(then))
        try:
            with cores.recording(core) as log, _marked(core.database, then):
                publisher = compose.publisher(core, compose.vault(core), log)
                with core.database.read() as connection:
                    officer = accounts.find(connection, OFFICER)
                    to, category = schools.find(connection, ASHBY).id, categories.find(connection, GENERAL)
                assert officer is not None
                source = self.folder / "due.bin"
                source.write_bytes(b"due")
                items = [
                    Item(source=source, name=f"{then:%j} {number}.bin", schools=(to,), category_id=category)
                    for number in range(3)
                ]
                assert all(isinstance(one, Published) for one in publisher.publish(items, actor=officer.id))
        finally:
            core.database.dispose()


@contextmanager
def _marked(database: Database, at: datetime) -> Iterator[None]:
    """Within the block the home's clock stands at `at`."""
    with database.write() as connection:
        known = mark(connection)
        set_mark(connection, at)
    try:
        yield
    finally:
        with database.write() as connection:
            set_mark(connection, known or at)


def _read(drive: Drive, path: str) -> bytes | None:
    try:
        return drive.read(path)
    except Absent:
        return None


def _children(pid: int) -> list[int]:
    """The processes that `pid` has started and that live."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
