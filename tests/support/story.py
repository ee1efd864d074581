"""The county of the tests: schools, people and documents as data, and the home that holds them.

Called by `tests.support.county`. `found` makes the home through the product's own code, with the clock handed in, as if
documents had been sent for a hundred days. What somebody should see is said here in the words of the rules, not by the
product.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import select

from auth import accounts, keys
from auth.principal import AccountState, Kind, Layout, StaffRole
from config.clock import SystemClock, london_date
from config.files import make_private_folder, write_durably
from gateway import compose
from gateway import core as cores
from gateway.change import Change, changing
from gateway.cli.operators import os_user
from gateway.clockguard import set_mark
from gateway.core import Core
from gateway.issuing import issue_password, issue_totp
from gateway.models import Document
from gateway.publishing import Item, Published, Publisher, Restriction
from policy import categories
from policy.audit.events import EventKind
from policy.audit.log import AuditLog
from policy.membership import SERVICE_ROLE
from tests.support.clock import FakeClock
from tests.support.home import SETTINGS, found_home
from tests.support.people import admit, enter_person, enter_school, enter_service

EHSG, GENERAL, SEND, HR = CATEGORIES = ("EHSG Report Confidential", "General", "SEND", "Shared Services HR")
ASHBY, BRIGID, CLIFF = "830-2001", "830-3302", "830-4403"
SCHOOLS = {
    ASHBY: "Ashby Vale Primary School",
    BRIGID: "St Brigid's & Holy Cross CofE Primary School",
    CLIFF: "Cliff Top School",
}
DOCUMENTS = "Derbyshire Documents"
ABOUT = "About this drive.txt"
BIG = "Census (whole county).bin"
CROWD = 120
OFFICER = "o.officer"
HEAD = "Headteacher"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MORE_SETTINGS = """
[serve]
sftp_processes = 2

[operators]
{user} = "{officer}"
"""


@dataclass(frozen=True, kw_only=True)
class Person:
    """An account: the categories that it `reads` in each of its schools, and what its owner signs in with."""

    username: str
    reads: Mapping[str, Sequence[str]] = field(default_factory=dict)
    role: str = "Office"
    kind: Kind = Kind.PERSON
    layout: Layout = Layout.SINGLE
    state: AccountState = AccountState.ACTIVE
    account_id: int = 0
    key: Path = Path()
    password: str = ""
    secret: str = ""
    device: str = ""

    @property
    def by_school(self) -> bool:
        return self.layout is Layout.BY_SCHOOL or self.kind is Kind.SERVICE

    def root(self, school: str) -> str:
        """`Derbyshire Documents` of a school in this person's tree."""
        return f"/{folder_of(school)}/{DOCUMENTS}" if self.by_school else f"/{DOCUMENTS}"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A document, sent `days` ago as `name`; `shown` where its folder shows it under another one."""

    name: str
    category: str
    schools: tuple[str, ...]
    days: int
    data: bytes
    roles: frozenset[str] = frozenset()
    withheld: bool = False
    shown: str = ""
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    reference: str = ""
    object: str = ""

    @property
    def month(self) -> str:
        """The folder of its month."""
        day = london_date(self.at)
        return f"{day:%Y-%m} {_MONTHS[day.month - 1]}"

    def path(self, person: Person, school: str = "") -> str:
        """Where it stands in the tree of `person`, whether or not it can be seen there."""
        return f"{person.root(school or self.schools[0])}/{self.month}/{self.category}/{self.shown or self.name}"

    def visible_to(self, person: Person, school: str) -> bool:
        """Whether `person` reads it in the folder of `school`: [R3], [R5], [R9]."""
        head = person.role == HEAD
        return (
            school in self.schools
            and school in person.reads
            and self.days <= 90
            and (head or self.category in person.reads[school])
            and (head or not self.roles or person.role in self.roles)
            and not (head and self.withheld)
        )


def folder_of(school: str) -> str:
    """The name of a school's folder [R6]: number and name, cut at 40 characters."""
    return f"{school} {SCHOOLS[school]}"[:40].rstrip(" .")


PEOPLE = (
    Person(username="h.head", role=HEAD, reads={ASHBY: ()}),
    Person(username="s.senco", role="SENCO", reads={ASHBY: (SEND,)}),
    Person(
        username="b.both",
        role="Business manager",
        layout=Layout.BY_SCHOOL,
        reads={ASHBY: (GENERAL, HR), BRIGID: (GENERAL, HR)},
    ),
    Person(username="n.nothing", reads={ASHBY: ()}),
    Person(username="l.leaver", reads={ASHBY: CATEGORIES}, state=AccountState.LEFT),
    *(Person(username=f"r.reader{number}", reads={ASHBY: CATEGORIES}) for number in range(1, 21)),
    Person(username="nightly", role=SERVICE_ROLE, kind=Kind.SERVICE, reads={ASHBY: CATEGORIES, BRIGID: CATEGORIES}),
)


def letters() -> list[Letter]:
    """What is sent, the oldest first: names of every awkward kind, one of them three times, and a folder of 120."""
    here, both, every = (ASHBY,), (ASHBY, BRIGID), (ASHBY, BRIGID, CLIFF)

    def sent(name: str, category: str, to: tuple[str, ...], days: int, data: bytes, **more: Any) -> Letter:
        return Letter(name=name, category=category, schools=to, days=days, data=data, **more)

    return [
        sent("Past its last day.pdf", GENERAL, here, 100, _bytes(9000)),
        sent("EHCP review timetable.pdf", SEND, here, 40, _bytes(70_001)),
        sent("Provision map & notes.docx", SEND, here, 40, _bytes(65_536)),
        sent("Élan révision – été.pdf", GENERAL, both, 40, _bytes(1)),
        *(sent(f"Payslip {number:03}.pdf", HR, here, 35, _bytes(1000 + number)) for number in range(1, CROWD)),
        sent("Absence return.csv", HR, both, 35, b"week,days\r\n1,3\r\n" * 9),
        sent("For the SENCO alone.pdf", SEND, here, 3, _bytes(4096), roles=frozenset({"SENCO"})),
        sent("Not for the head.pdf", HR, here, 3, _bytes(5000), withheld=True),
        sent("Governor's report.docx", EHSG, here, 3, _bytes(200_000)),
        sent("100% #1 + [draft]; ok=yes.txt", GENERAL, both, 3, b"draft\n"),
        sent("Übersicht, naïve façade.txt", GENERAL, here, 3, "ü\n".encode()),
        sent("日本語 ファイル.txt", GENERAL, here, 3, b"jp\n"),
        sent("{{7+7}} %s {0}.txt", GENERAL, here, 3, b"template\n"),
        sent("-rf.txt", GENERAL, here, 3, b"-rf\n"),
        sent(f"{'long ' * 18}name.pdf", GENERAL, here, 3, b"long\n"),
        sent("Term dates.csv", GENERAL, every, 1, b"term,begins\r\nspring,2027-01-04\r\n"),
        sent("TERM DATES.csv", GENERAL, here, 1, b"term,begins\r\n", shown="TERM DATES (2).csv"),
        sent("Term dates.csv", GENERAL, here, 1, b"corrected\r\n", shown="Term dates (3).csv"),
        sent("Only for the cliff.pdf", GENERAL, (CLIFF,), 1, _bytes(3001)),
        sent("Only for St Brigid's.pdf", GENERAL, (BRIGID,), 1, _bytes(3002)),
        sent(BIG, GENERAL, both, 1, _bytes(3 << 20)),
        *(sent(f"Circular {number}.pdf", GENERAL, both, 0, _bytes(2000 * number)) for number in range(1, 17)),
    ]


def _bytes(size: int) -> bytes:
    """Bytes without any pattern; documents of different sizes differ throughout."""
    return random.Random(size).randbytes(size)


@dataclass(frozen=True)
class Founded:
    """A home that nobody serves, with whom and what it holds. `at` is when its people came."""

    home: Path
    at: datetime
    people: Mapping[str, Person]
    letters: Sequence[Letter]


def found(path: Path, database: str | None = None) -> Founded:
    """The county's home at `path`, as it is now, on SQLite or in the empty database at the URL `database`."""
    now = SystemClock().now().replace(microsecond=0) - timedelta(minutes=1)
    clock = FakeClock(now - timedelta(days=101))
    more = _MORE_SETTINGS.format(user=os_user(os.environ), officer=OFFICER)
    settings_text = f"categories = {json.dumps(CATEGORIES)}\n{SETTINGS}{more}"
    home, settings = found_home(path, clock, settings=settings_text, database=database)
    core = cores.core(home, settings, clock=clock)
    try:
        with cores.recording(core) as log:
            builder = _Builder(core, clock, log)
            builder.begin()
            sent = [letter for days, group in groupby(letters(), _days) for letter in builder.send(now, days, group)]
            builder.move_to(now)
            people = builder.enter(PEOPLE)
            builder.leave(people)
    finally:
        core.database.dispose()
    return Founded(path, now, people, sent)


def _days(letter: Letter) -> int:
    return letter.days


class _Builder:
    """The acts of those hundred days."""

    def __init__(self, core: Core, clock: FakeClock, log: AuditLog) -> None:
        self._core = core
        self._clock = clock
        self._log = log
        self._schools: dict[str, int] = {}
        self._categories: dict[str, int] = {}
        self._officer = 0

    def begin(self) -> None:
        """The schools, and the officer who sends."""
        with self._change() as change:
            for dfe, name in SCHOOLS.items():
                self._schools[dfe] = enter_school(change.connection, dfe, name, change.at, self._core.settings)
                change.record(EventKind.SCHOOL_CHANGED, dfe, reason="school added")
            self._officer = self._person(
                change, OFFICER, layout=Layout.SINGLE, roles=(StaffRole.ADMINISTRATOR, StaffRole.OFFICER)
            )
            self._categories = {name: number for number, name in categories.names(change.connection).items()}

    def move_to(self, at: datetime) -> None:
        """Let time pass as the jobs do: the clock's mark goes with it."""
        self._clock.advance(seconds=(at - self._clock.now()).total_seconds())
        with self._core.database.write() as connection:
            set_mark(connection, at)

    def send(self, now: datetime, days: int, sent: Iterable[Letter]) -> list[Letter]:
        """Publish the letters of one day."""
        self.move_to(now - timedelta(days=days))
        wanted = list(sent)
        publisher = compose.publisher(self._core, compose.vault(self._core), self._log)
        with tempfile.TemporaryDirectory() as outbox:
            items = [self._item(letter, Path(outbox) / str(number)) for number, letter in enumerate(wanted)]
            return [self._sent(letter, item, publisher) for letter, item in zip(wanted, items, strict=True)]

    def _sent(self, letter: Letter, item: Item, publisher: Publisher) -> Letter:
        [verdict] = publisher.publish([item], actor=self._officer)
        assert isinstance(verdict, Published), verdict
        query = select(Document.object_id).where(Document.reference == verdict.reference)
        with self._core.database.read() as connection:
            stored: bytes = connection.execute(query).scalar_one()
        return replace(letter, at=self._clock.now(), reference=verdict.reference, object=stored.hex())

    def _item(self, letter: Letter, source: Path) -> Item:
        source.write_bytes(letter.data)
        return Item(
            source=source,
            name=letter.name,
            schools=tuple(self._schools[school] for school in letter.schools),
            category_id=self._categories[letter.category],
            restriction=Restriction(
                roles=letter.roles, not_headteacher_reason="it is about the headteacher" if letter.withheld else None
            ),
        )

    def enter(self, wanted: Sequence[Person]) -> dict[str, Person]:
        """People, what they may read and what they sign in with."""
        with self._change() as change:
            entered = [self._enter(change, person) for person in wanted]
        return {person.username: person for person in entered}

    def leave(self, people: Mapping[str, Person]) -> None:
        """Whoever has left, leaves, and with that loses every credential."""
        with self._change() as change:
            for person in people.values():
                if person.state is AccountState.LEFT:
                    accounts.set_state(change.connection, person.account_id, AccountState.LEFT, change.at)
                    change.record(EventKind.ACCOUNT_CHANGED, f"account:{person.account_id}", reason="left")

    def _enter(self, change: Change, person: Person) -> Person:
        connection = change.connection
        is_person = person.kind is Kind.PERSON
        account_id = self._person(change, person.username, person.layout) if is_person else self._script(change, person)
        for school, granted in person.reads.items():
            admit(connection, account_id, school, person.role, change.at, granted)
        account = accounts.get(connection, account_id)
        assert account is not None
        return replace(
            person,
            account_id=account_id,
            key=self._key(change, person.username, account_id),
            password=issue_password(self._core, change, account) if is_person else "",
            secret=issue_totp(self._core, change, account) if is_person else "",
            device=self._core.devices.create(connection, account_id, "Office PC", at=change.at),
        )

    def _person(self, change: Change, username: str, layout: Layout, roles: Sequence[StaffRole] = ()) -> int:
        account_id = enter_person(change.connection, username, change.at, layout=layout, roles=roles)
        change.record(EventKind.ACCOUNT_CHANGED, f"account:{account_id}", reason="person added")
        return account_id

    def _script(self, change: Change, person: Person) -> int:
        owner = accounts.find(change.connection, "h.head")
        assert owner is not None
        account_id = enter_service(change.connection, person.username, owner.id, change.at, ["127.0.0.0/8"])
        change.record(EventKind.ACCOUNT_CHANGED, f"account:{account_id}", reason="service account added")
        return account_id

    def _key(self, change: Change, username: str, account_id: int) -> Path:
        folder = self._core.home.path / "people" / username
        make_private_folder(folder)
        private = Ed25519PrivateKey.generate()
        file = folder / "id_ed25519"
        write_durably(file, private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        (folder / "id_ed25519.pub").write_text(f"{public}\n")  # libssh2's curl asks for both
        keys.add(change.connection, account_id, public, "Office PC", at=change.at)
        return file

    def _change(self) -> AbstractContextManager[Change]:
        return changing(self._core, self._log, None, "test")
