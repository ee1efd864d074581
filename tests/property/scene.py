"""A small authority that a story may do anything to, over its real doors; what should be seen, it does not know.

Only the clock is the test's. A crash leaves what lay on the disk at that moment, and nothing else: the story goes on in
a copy of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import paramiko
from sqlalchemy import Connection, func, select

from auth import accounts, devices
from auth.accounts import AccountRow
from auth.principal import Door
from auth.totp import STEP_SECONDS, code_at
from config.errors import OperatorError
from config.home import Home
from gateway import compose, holding, server, staffing, withdrawing
from gateway import core as cores
from gateway.certificate import differences
from gateway.change import Change, changing
from gateway.clockguard import set_mark
from gateway.destruction import Confirmed
from gateway.models import Document, Hold, StoredObject
from gateway.publishing import Item, Published, Restriction
from gateway.services import Services
from policy import categories, membership, schools
from policy.audit import query
from policy.audit.chain import Head
from policy.audit.checkpoints import public_keys
from policy.audit.events import Event, EventKind
from policy.audit.verify import Report, verify
from tests.property import cast
from tests.support.clock import FakeClock
from tests.support.county import Receipt, uncovered
from tests.support.databases import opened
from tests.support.drives import DavDrive, Drive, SftpDrive, transport_of
from tests.support.faults import Disk, Faults, PowerCut, Statements, asked, on
from tests.support.indoors import Indoors, indoors
from tests.support.people import admit
from tests.support.story import Person
from tests.support.waiting import until

_ENVIRON = {"LADOCS_HTTP__THREADS": "8", "LADOCS_AUDIT__TIMEOUT_SECONDS": "10"}
"""Threads take time to start; and a record that is slow because the machine has other tests to run is no fault."""


class Refused(Exception):
    """A door did not open."""


@dataclass(frozen=True)
class Kept:
    """What the vault held of a document when it was young."""

    object_id: bytes
    kek: bytes
    wrap: bytes


@dataclass
class Scene:
    """One home, open. `heads` are ends of the record that were seen durable, `receipts` what clients hold."""

    place: Path
    clock: FakeClock = field(default_factory=FakeClock)
    receipts: list[Receipt] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)
    crashes: int = 0
    _spent: dict[str, int] = field(default_factory=dict)
    _strange: Iterator[int] = field(default_factory=lambda: count(1))
    _sftp: dict[str, SftpDrive] = field(default_factory=dict)
    _rooms: ExitStack = field(default_factory=ExitStack)
    home: Home = field(init=False)
    services: Services = field(init=False)
    doors: Indoors = field(init=False)

    def __post_init__(self) -> None:
        cast.home(self._path)
        self.open()

    def open(self) -> None:
        """Begin, as a server does."""
        self.home, settings = cores.open_home(self._path, _ENVIRON)
        self.services = compose.services(self.home, settings, machine=self.clock)
        self._rooms.callback(compose.close, self.services)
        self.doors = self._rooms.enter_context(indoors(self.services, self.code))

    def close(self) -> None:
        """End, as a server does."""
        for username in list(self._sftp):
            self.hang_up(username)
        self._rooms.close()

    def crash(self) -> None:
        """What was in memory is gone: go on with what lies on the disk at this moment."""
        self.heads.append(self.services.log.head)
        before = self._path
        self.crashes += 1
        shutil.copytree(before, self._path)
        self.close()
        shutil.rmtree(before)
        self.open()

    @property
    def _path(self) -> Path:
        return self.place / f"home{self.crashes}"

    # Acts of the authority and of time

    def publish(self, name: str, data: bytes, category: str, to: frozenset[str], restriction: Restriction) -> str:
        """The new document's reference."""
        source = self.place / "outbox"
        source.write_bytes(data)
        with self.services.database.read() as connection:
            item = Item(
                source=source,
                name=name,
                schools=tuple(schools.find(connection, dfe).id for dfe in to),
                category_id=categories.find(connection, category),
                restriction=restriction,
            )
        [verdict] = self.services.publisher.publish([item], actor=self._officer())
        assert isinstance(verdict, Published), verdict
        return verdict.reference

    def published(self) -> dict[str, Kept | None]:
        """The documents that are entered, by reference; None where the vault holds no key of one any more."""
        with self.services.database.read() as connection:
            rows = connection.execute(
                select(Document.reference, StoredObject.id, StoredObject.kek_id, StoredObject.wrap).join(
                    StoredObject, StoredObject.id == Document.object_id
                )
            ).all()
        held = self.services.vault._box.reread()
        return {
            row.reference: Kept(row.id, held[row.kek_id], row.wrap) if row.kek_id in held and row.wrap else None
            for row in rows
        }

    def withdraw(self, reference: str, dfe: str) -> None:
        """Take a document back from one school."""
        with self._change() as change:
            document, school = (
                withdrawing.dispatched(change.connection, reference),
                schools.find(change.connection, dfe),
            )
            withdrawing.withdraw(change, document, [school.id], "sent to the wrong school")

    def hold(self, reference: str) -> bool:
        """Hold a document; whether it could be."""
        try:
            with self._change() as change:
                holding.place(change, reference, "a complaint")
        except OperatorError:
            return False
        return True

    def lift(self, reference: str) -> None:
        """Lift the oldest hold of a document, by two people."""
        with self._change() as change:
            second = self._account(change.connection, cast.SECOND).id
            number = change.connection.execute(
                select(func.min(Hold.id))
                .join(Document, Document.id == Hold.document_id)
                .where(Document.reference == reference, Hold.lifted_at.is_(None))
            ).scalar_one()
            holding.lift(change, reference, number, "it is settled", second)

    def grant(self, username: str, dfe: str, category: str, begins: datetime | None, until: datetime | None) -> None:
        with self._changing(username) as (change, account):
            school, number = schools.find(change.connection, dfe).id, categories.find(change.connection, category)
            membership.grant(change.connection, account.id, school, number, change.at, until, begins_at=begins)
            change.record(EventKind.ACCESS_GRANTED, f"account:{account.id}", school=school, reason=category)

    def revoke(self, username: str, dfe: str, category: str) -> None:
        with self._changing(username) as (change, account):
            school, number = schools.find(change.connection, dfe).id, categories.find(change.connection, category)
            membership.revoke(change.connection, account.id, school, number, change.at)
            change.record(EventKind.ACCESS_REVOKED, f"account:{account.id}", school=school, reason=category)

    def join(self, username: str, dfe: str, role: str) -> None:
        with self._changing(username) as (change, account):
            admit(change.connection, account.id, dfe, role, change.at)
            change.record(EventKind.ACCESS_GRANTED, f"account:{account.id}", reason=role)

    def leave_school(self, username: str, dfe: str) -> None:
        with self._changing(username) as (change, account):
            membership.leave(change.connection, account.id, schools.find(change.connection, dfe).id, change.at)
            change.record(EventKind.ACCESS_REVOKED, f"account:{account.id}", reason=dfe)

    def leave(self, username: str) -> None:
        """Somebody has left, and all of theirs ends, the session that is open too."""
        with self._changing(username) as (change, account):
            staffing.leave(self.services.core, change, account)
        drive = self._sftp.get(username)
        assert drive is None or until(lambda: not drive.transport.is_active())

    def new_device(self, username: str) -> str:
        """Another device password in place of those that were."""
        with self._changing(username) as (change, account):
            for device in devices.listing(change.connection, account.id):
                if device.revoked_at is None:
                    devices.revoke(change.connection, account.id, device.id, change.at)
            made = self.services.core.devices.create(change.connection, account.id, "Another", at=change.at)
            change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}")
        return made

    def pass_time(self, **parts: float) -> None:
        """Let time pass as in a home that is served: the clock's mark goes with it, and every chore is done."""
        with self.doors.still:
            self.clock.advance(**parts)
            with self.services.database.write() as connection:
                set_mark(connection, self.clock.now())
            server._chores(self.services)
            self.services.sessions.review()

    def destroy(self, early: bool) -> None:
        """What falls due, by the job of the night, or `early` what was withdrawn today as well."""
        services = self.services
        made = compose.destruction(services.core, services.vault, services.log)
        assert made.run(self.clock.now(), early=early, confirmed=Confirmed(self._officer(), "root")) is None

    # What people do at the doors

    def code(self, person: Person) -> str:
        """A code that was not used before: of this step, or of the next one."""
        step = max(int(self.clock.now().timestamp()) // STEP_SECONDS, self._spent.get(person.username, 0) + 1)
        self._spent[person.username] = step
        return code_at(person.secret, datetime.fromtimestamp(step * STEP_SECONDS, UTC))

    @contextmanager
    def drive(self, person: Person, door: Door) -> Iterator[Drive]:
        """The tree as `person` has it by `door`; a session of SFTP stays open. Raises Refused."""
        if door is Door.SFTP:
            yield self.sign_in(person)
            return
        drive = DavDrive(self.doors, person.username, person.device)
        try:
            status, _, _ = drive.ask("OPTIONS", "/")
            if status in (401, 403):
                raise Refused
            assert status == 200
            yield drive
        finally:
            drive.close()

    def sign_in(self, person: Person) -> SftpDrive:
        """The session of `person` that is open, or a new one. Raises Refused."""
        drive = self._sftp.get(person.username)
        if drive is None or not drive.transport.is_active():
            try:
                drive = SftpDrive(transport_of(self.doors, person))
            except paramiko.AuthenticationException as exc:
                raise Refused from exc
            self._sftp[person.username] = drive
        return drive

    def hang_up(self, username: str) -> None:
        """End somebody's session of SFTP."""
        if (drive := self._sftp.pop(username, None)) is not None:
            drive.close()

    def one_code_twice(self, person: Person) -> list[bool]:
        """Whether `person` signs in by a fresh code, and again by the same one, from where nobody is trusted."""
        fresh = replace(self.doors, code=lambda _: code)
        code = self.code(person)
        return [self._opens(fresh, person, f"127.0.1.{next(self._strange)}") for _ in range(2)]

    def _opens(self, doors: Indoors, person: Person, source: str) -> bool:
        try:
            transport_of(doors, person, source).close()
        except paramiko.AuthenticationException:
            return False
        return True

    @contextmanager
    def power_cut(self, kind: type[Disk | Statements], step: int) -> Iterator[Faults]:
        """Nothing happens any more from that step of the block on, where it has so many."""
        faults = kind(fails_at=step, power_cut=True)
        engine = self.services.database.engine
        with suppress(PowerCut), on(faults) if isinstance(faults, Disk) else asked(engine, faults):
            yield faults

    def received(self, person: Person, door: Door, kept: Kept, size: int) -> None:
        """A client holds these bytes in its hands."""
        self.receipts.append(Receipt(person.account_id, door, kept.object_id.hex(), 0, size))

    # What must hold

    def events(self, *kinds: EventKind) -> list[Event]:
        """What the record holds of these kinds."""
        self.services.log.flush()
        url = self.services.settings.record_url(self.home.path)
        with opened(url) as record, record.read() as connection:
            entries = query.listing(connection, query.Filter(), limit=1_000_000)
        return [entry.event for entry in entries if entry.event is not None and entry.event.event in kinds]

    def ungranted(self) -> list[Receipt]:
        """What clients hold without a durable grant."""
        return uncovered(self.receipts, self.events(EventKind.FILE_OPEN))

    def verified(self) -> Report:
        """The record held against itself, and against every end of it that was ever seen; the home would start."""
        self.services.log.flush()
        compose.check_home(self.home, self.services.settings)
        with opened(self.services.settings.record_url(self.home.path)) as record, record.read() as connection:
            return verify(connection, self.heads)

    def remains(self, kept: Kept) -> list[str]:
        """Where the vault still has something of a document that was destroyed."""
        name = kept.object_id.hex()
        with self.services.database.read() as connection:
            wraps = set(connection.execute(select(StoredObject.wrap)).scalars())
        places = {
            "bytes": any(self.home.store_dir.rglob(f"{name}*")),
            "its key": kept.wrap in wraps,
            "the key of its day": kept.kek in self.services.vault._box.reread().values(),
        }
        return [place for place, there in places.items() if there]

    def certified(self) -> str:
        """All certificates, each of which verifies."""
        said = [file.read_bytes() for file in sorted(self.home.certificates_dir.glob("*.txt"))]
        keys_ = public_keys(self.services.secrets)
        assert [difference for data in said for difference in differences(data, keys_)] == []
        return b"".join(said).decode()

    def _officer(self) -> int:
        with self.services.database.read() as connection:
            return self._account(connection, cast.OFFICER).id

    def _account(self, connection: Connection, username: str) -> AccountRow:
        account = accounts.find(connection, username)
        assert account is not None
        return account

    @contextmanager
    def _change(self) -> Iterator[Change]:
        with changing(self.services.core, self.services.log, self._officer(), "a story") as change:
            yield change
        self.pass_time(seconds=6)  # within five it is everywhere [R19]

    @contextmanager
    def _changing(self, username: str) -> Iterator[tuple[Change, AccountRow]]:
        with self._change() as change:
            yield change, self._account(change.connection, username)
