"""A small authority in a real home: three schools, a few people, one officer, and whatever publishes for it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select, text

from auth import accounts
from auth.principal import Door, Factor, Kind, Layout, Peer, Principal, StaffRole
from config.database import Database
from config.entropy import Entropy
from config.home import Home
from config.settings import Settings
from gateway import compose
from gateway import core as cores
from gateway.models import Audience, Batch, Delivery, Document, StoredObject
from gateway.path import VirtualPath
from gateway.publishing import Failed, Item, Published, Publisher, Restriction, Rules
from gateway.services import Services
from gateway.session import Session
from policy import categories, schools
from policy.access import HEADTEACHER
from policy.models import Generation
from policy.months import Window
from tests.support.clock import FakeClock
from tests.support.databases import opened as database_at
from tests.support.home import empty_home
from tests.support.people import admit, enter_person, enter_school

EXAMPLE, HILLTOP, NOBODY = "830-2001", "830-2002", "830-2003"
TABLES = (StoredObject, Document, Delivery, Audience, Batch)


def founded(path: Path, clock: FakeClock) -> None:
    """A home at `path` with schools and people."""
    core = cores.core(*empty_home(path), clock=clock)
    with core.database.write() as connection:
        _people(connection, clock.now(), core.settings)
    core.database.dispose()


def _people(connection: Connection, at: datetime, settings: Settings) -> None:
    for dfe, name in ((EXAMPLE, "Example Primary"), (HILLTOP, "Hilltop"), (NOBODY, "Nobody's School")):
        enter_school(connection, dfe, name, at, settings)
    enter_person(connection, "olive.officer", at, roles=[StaffRole.OFFICER])
    for username, dfe, role, granted in (
        ("helen.head", EXAMPLE, HEADTEACHER, ()),
        ("sam.senco", EXAMPLE, "SENCO", ("SEND",)),
        ("oona.office", EXAMPLE, "Office", ()),
        ("hugo.head", HILLTOP, HEADTEACHER, ()),
    ):
        admit(connection, enter_person(connection, username, at), dfe, role, at, granted)


@dataclass
class Authority:
    """A home, opened by what a worker process holds, with the files that its officer has on a disk."""

    home: Home
    settings: Settings
    services: Services
    clock: FakeClock
    outbox: Path
    schools: Mapping[str, int]
    categories: Mapping[str, int]
    people: Mapping[str, int]
    _sessions: list[Session] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.services.database

    def publisher(
        self,
        *,
        fix_names: bool = False,
        window: Window = Window.ROLLING,
        max_bytes: int = 1000,
        entropy: Entropy = os.urandom,
    ) -> Publisher:
        """Somebody who publishes by these rules."""
        return Publisher(
            database=self.database,
            vault=self.services.vault,
            log=self.services.log,
            clock=self.services.clock,
            entropy=entropy,
            rules=Rules(max_bytes=max_bytes, window=window, fix_names=fix_names),
            folders=(self.home.path, self.home.store_dir),
        )

    def file(self, name: str = "Letter.pdf", data: bytes = b"Dear all", folder: str = "") -> Path:
        """A file of the officer's."""
        path = self.outbox / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def item(
        self,
        source: Path | None = None,
        *to: str,
        category: str = "General",
        name: str = "",
        restriction: Restriction | None = None,
    ) -> Item:
        """A file for schools: `Letter.pdf` for Example Primary unless the test says otherwise."""
        return Item(
            source=source or self.file(),
            schools=tuple(self.schools[dfe] for dfe in to or (EXAMPLE,)),
            category_id=self.categories[category],
            name=name,
            restriction=restriction or Restriction(),
        )

    def publish(self, *items: Item, publisher: Publisher | None = None, **named: Any) -> list[Published | Failed]:
        """What came of publishing `items`, as the officer."""
        return (publisher or self.publisher()).publish(items, actor=self.people["olive.officer"], **named)

    def published(self, item: Item, **named: Any) -> Published:
        """`item`, published."""
        [verdict] = self.publish(item, **named)
        assert isinstance(verdict, Published), verdict
        return verdict

    def refused(self, item: Item, **named: Any) -> str:
        """The line that says why `item` was not published; nothing of it is there."""
        before = self.rows()
        [verdict] = self.publish(item, **named)
        assert isinstance(verdict, Failed), verdict
        assert self.rows() == before
        return verdict.message

    def rows(self) -> dict[str, int]:
        """How much there is of what publishing enters, the counters of changed folders included."""
        with self.database.read() as connection:
            found = {
                table.__tablename__: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in TABLES
            }
            changes = select(func.coalesce(func.sum(Generation.value), 0)).where(Generation.name.like("content:%"))
            return {**found, "changes": int(connection.execute(changes).scalar_one())}

    def row(self, table: type[Any], **equal: object) -> Any:
        """The one row of `table`."""
        with self.database.read() as connection:
            return connection.execute(select(table.__table__).filter_by(**equal)).one()

    def record(self, *kinds: str) -> list[dict[str, Any]]:
        """What the record still says, in order: of these kinds, or all."""
        self.services.log.flush()
        with database_at(self.settings.record_url(self.home.path)) as record, record.read() as connection:
            payloads = connection.execute(text("SELECT payload FROM audit_record ORDER BY seq")).scalars()
            events = [json.loads(payload) for payload in payloads if payload is not None]
        return [event for event in events if not kinds or event["event"] in kinds]

    def blobs(self) -> list[Path]:
        """What lies in the store."""
        return sorted(path for path in self.home.store_dir.rglob("*") if path.is_file())

    def age(self, blobs: list[Path], **parts: float) -> None:
        """Date files back from the clock's present."""
        at = (self.clock.now() - timedelta(**parts)).timestamp()
        for blob in blobs:
            os.utime(blob, (at, at))

    def session(self, username: str) -> Session:
        """`username`, signed in."""
        principal = Principal(
            account_id=self.people[username],
            username=username,
            name=username.title(),
            kind=Kind.PERSON,
            layout=Layout.SINGLE,
            roles=frozenset(),
            factors=frozenset({Factor.PASSWORD, Factor.TOTP}),
            credential_id=None,
            authenticated_at=self.clock.now(),
            address="192.0.2.7",
            door=Door.SFTP,
            valid_until=None,
        )
        session = self.services.sessions.open(principal, Peer(address="192.0.2.7", door=Door.SFTP))
        self._sessions.append(session)
        return session

    def listing(self, username: str, category: str = "General", month: str = "2026-11 November") -> list[str]:
        """The names that `username` sees in a folder."""
        folder = VirtualPath(("Derbyshire Documents", month, category))
        return [entry.name for entry in self.session(username).fs.scandir(folder)]

    def read(self, username: str, name: str, category: str = "General", month: str = "2026-11 November") -> bytes:
        """What `username` reads of a document."""
        path = VirtualPath(("Derbyshire Documents", month, category, name))
        with self.session(username).fs.open(path) as handle:
            return handle.pread(0, 1 << 20)


def opened(home_path: Path, outbox: Path, clock: FakeClock) -> Authority:
    """The home at `home_path`, opened. Close its services."""
    home, settings = cores.open_home(home_path, {})
    services = compose.services(home, settings, machine=clock)
    with services.database.read() as connection:
        return Authority(
            home=home,
            settings=settings,
            services=services,
            clock=clock,
            outbox=outbox,
            schools={school.dfe: school.id for school in schools.listing(connection)},
            categories={name: number for number, name in categories.names(connection).items()},
            people={account.username: account.id for account in accounts.listing(connection)},
        )
