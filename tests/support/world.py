"""A real home with schools, people and documents, as few lines as a story has: what tests above `auth` stand on.

A `World` is founded by `tests.support.home`, composed by `gateway.compose`, published into by `gateway.publishing` and
signed in to by the real authenticator, with device passwords. Only the clock is the test's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, text

from auth import accounts, keys
from auth.accounts import AccountRow
from auth.principal import Door, Layout, Peer, Principal, Proof, StaffRole
from auth.totp import code_at
from config.database import Database
from config.home import Home
from config.settings import Settings
from gateway import compose
from gateway import core as cores
from gateway.change import changing
from gateway.clockguard import set_mark
from gateway.path import VirtualPath
from gateway.publishing import Failed, Item, Published, Publisher, Restriction
from gateway.session import Session
from gateway.tree import FileSystem
from policy import categories, membership
from policy.audit import query
from policy.audit.events import Event, EventKind
from policy.audit.query import Filter
from policy.membership import SERVICE_ROLE
from tests.support.clock import FakeClock
from tests.support.databases import opened
from tests.support.home import SETTINGS, empty_home, found_home
from tests.support.people import KEY, admit, enter_person, enter_school, enter_service
from tests.support.postgres import PostgresServer

ADDRESS = "192.0.2.7"
NETWORK = "192.0.2.0/24"
OFFICER = "o.officer"
HERE, THERE = "830-2001", "830-2002"


class World:
    """One home, and whoever lives in it. Everything is named as a person would: short names, DfE numbers, paths."""

    def __init__(self, home: Home, settings: Settings, clock: FakeClock) -> None:
        self.home = home
        self.settings = settings
        self.clock = clock
        self.core = cores.core(home, settings, clock=clock)
        self.services = compose.services(home, settings, machine=clock)
        self.schools: dict[str, int] = {}
        self.accounts: dict[str, int] = {}
        self._devices: dict[str, str] = {}
        with self.database.read() as connection:
            self.categories = {name: number for number, name in categories.names(connection).items()}
        self.officer(OFFICER)

    @property
    def database(self) -> Database:
        return self.services.database

    def close(self) -> None:
        compose.close(self.services)
        self.core.database.dispose()

    # Schools and people

    def school(self, dfe: str, name: str = "Example Primary") -> int:
        """A school; its id."""
        with self.changing() as connection:
            self.schools[dfe] = enter_school(connection, dfe, name, self.clock.now(), self.settings)
        return self.schools[dfe]

    def person(
        self,
        username: str,
        held: Mapping[str, Iterable[str]],
        role: str = "Office",
        *,
        layout: Layout = Layout.SINGLE,
    ) -> int:
        """Somebody with `role` in each school of `held` (by DfE number) and these categories there; the id."""
        return self._entered(
            username, held, role, lambda connection, at: enter_person(connection, username, at, layout=layout)
        )

    def service(self, username: str, owner: str, held: Mapping[str, Iterable[str]]) -> int:
        """A script of `owner`; the id."""
        owner_id = self.accounts[owner]
        return self._entered(
            username,
            held,
            SERVICE_ROLE,
            lambda connection, at: enter_service(connection, username, owner_id, at, [NETWORK]),
        )

    def officer(self, username: str) -> int:
        """Somebody of the authority; the id."""
        return self._entered(
            username,
            {},
            "",
            lambda connection, at: enter_person(connection, username, at, roles=[StaffRole.OFFICER]),
        )

    def grant(self, username: str, dfe: str, category: str, **options: Any) -> None:
        """Let somebody read a category of a school."""
        with self.changing() as connection:
            membership.grant(
                connection,
                self.accounts[username],
                self.schools[dfe],
                self.categories[category],
                self.clock.now(),
                **options,
            )

    def revoke(self, username: str, dfe: str, category: str) -> None:
        """End a grant."""
        with self.changing() as connection:
            membership.revoke(
                connection, self.accounts[username], self.schools[dfe], self.categories[category], self.clock.now()
            )

    def account(self, username: str) -> AccountRow:
        """Somebody as the database has them now."""
        with self.database.read() as connection:
            row = accounts.find(connection, username)
        assert row is not None
        return row

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """One change of access, as an operator makes it: recorded, and announced to every process."""
        with changing(self.core, self.services.log, None, "tester") as change:
            change.record(EventKind.ACCESS_GRANTED, "story")
            yield change.connection

    # Documents

    def publish(
        self,
        name: str,
        school: str | Iterable[str],
        category: str,
        data: bytes = b"A letter.\n",
        *,
        roles: Iterable[str] = (),
        people: Iterable[str] = (),
        not_headteacher: str | None = None,
    ) -> Published:
        """A document delivered to one school or several (by DfE number), now."""
        outcome = self.try_publishing(
            name, school, category, data, roles=roles, people=people, not_headteacher=not_headteacher
        )
        assert isinstance(outcome, Published), outcome
        return outcome

    def try_publishing(
        self,
        name: str,
        school: str | Iterable[str],
        category: str,
        data: bytes = b"A letter.\n",
        *,
        roles: Iterable[str] = (),
        people: Iterable[str] = (),
        not_headteacher: str | None = None,
        publisher: Publisher | None = None,
    ) -> Published | Failed:
        """As `publish`; what stands in the way is returned."""
        restriction = Restriction(
            roles=frozenset(roles),
            accounts=frozenset(self.accounts[username] for username in people),
            not_headteacher_reason=not_headteacher,
        )
        numbers = tuple(self.schools[dfe] for dfe in ([school] if isinstance(school, str) else school))
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "document"
            source.write_bytes(data)
            item = Item(
                source=source,
                schools=numbers,
                category_id=self.categories[category],
                name=name,
                restriction=restriction,
            )
            [outcome] = (publisher or self.services.publisher).publish([item], actor=self.accounts[OFFICER])
        return outcome

    # Signing in

    def principal(self, username: str) -> Principal:
        """Somebody signed in at the drive's door, by a device password made at the first time."""
        outcome = self.try_signing_in(username)
        assert isinstance(outcome, Principal), outcome
        return outcome

    def try_signing_in(self, username: str) -> object:
        """As `principal`; a refusal is returned."""
        if username not in self._devices:
            with self.changing() as connection:
                self._devices[username] = self.core.devices.create(
                    connection, self.accounts[username], "Office PC", at=self.clock.now()
                )
        candidate = self.services.authenticator.candidate(username, peer())
        proof = self.services.authenticator.check_device(candidate, self._devices[username])
        return self.services.authenticator.authenticate(candidate, [] if proof is None else [proof])

    def officers_principal(self, username: str = OFFICER) -> Principal:
        """An officer signed in at SFTP, by key and code."""
        return self.sign_in_by_key(username)

    def sign_in_by_key(self, username: str) -> Principal:
        """Somebody signed in at SFTP, by a new key and a code of a new secret."""
        account, secret = self.accounts[username], self.core.totp.new_secret()
        with self.changing() as connection:
            keys.add(connection, account, KEY, "laptop", at=self.clock.now())
            accounts.set_totp_sealed(connection, account, self.core.totp.seal(account, secret), self.clock.now())
        authenticator = self.services.authenticator
        candidate = authenticator.candidate(username, peer(Door.SFTP))
        shown = (
            authenticator.check_public_key(candidate, KEY),
            authenticator.check_code(candidate, code_at(secret, self.clock.now())),
        )
        outcome = authenticator.authenticate(candidate, [proof for proof in shown if isinstance(proof, Proof)])
        assert isinstance(outcome, Principal), outcome
        return outcome

    def session(self, username: str) -> Session:
        """A new session of somebody."""
        return self.services.sessions.open(self.principal(username), peer())

    def drive(self, username: str) -> Session:
        """The session that all connections of somebody's drive share."""
        return self.services.sessions.for_device(self.principal(username), peer())

    def fs(self, username: str) -> FileSystem:
        """The file system of a new session of somebody."""
        return self.session(username).fs

    # Time and record

    def pass_time(self, **parts: float) -> None:
        """Let time pass in a home that is served: the clock's mark goes with it."""
        self.clock.advance(**parts)
        with self.database.write() as connection:
            set_mark(connection, self.clock.now())
        compose.observe_clock(self.services)

    def pass_until(self, at: datetime) -> None:
        """As `pass_time`, to the moment `at` (aware)."""
        self.pass_time(seconds=(at - self.clock.now()).total_seconds())

    def recorded(self, *kinds: EventKind, session: Session | None = None) -> list[Event]:
        """What the record holds of these kinds, the oldest first."""
        self.services.log.flush()
        wanted = Filter(session=None if session is None else session.id)
        with opened(self.settings.record_url(self.home.path)) as record, record.read() as connection:
            entries = query.listing(connection, wanted, limit=100_000)
        events = [entry.event for entry in entries if entry.event is not None]
        return [event for event in events if not kinds or event.event in kinds]

    def _entered(
        self,
        username: str,
        held: Mapping[str, Iterable[str]],
        role: str,
        enter: Callable[[Connection, datetime], int],
    ) -> int:
        now = self.clock.now()
        with self.changing() as connection:
            account = self.accounts[username] = enter(connection, now)
            for dfe, granted in held.items():
                admit(connection, account, dfe, role, now, granted)
        return account


@contextmanager
def a_world(
    folder: Path, server: PostgresServer | None = None, *, settings: str = "", clock: FakeClock | None = None
) -> Iterator[World]:
    """A world below `folder`, on SQLite or in a new database of `server`; `settings` are more TOML."""
    clock, home = clock or FakeClock(), folder / "home"
    if settings or clock.now() != FakeClock().now():
        url = server.fresh_database() if server else None
        found = found_home(home, clock, settings=SETTINGS + settings, database=url)
    else:
        found = empty_home(home, server)
    world = World(*found, clock)
    try:
        yield world
    finally:
        world.close()


@contextmanager
def a_small_world(folder: Path, server: PostgresServer | None = None) -> Iterator[World]:
    """A world with two schools, and a headteacher and an office in the first."""
    with a_world(folder, server) as world:
        world.school(HERE, "Alder Primary")
        world.school(THERE, "Birch Primary")
        world.person("h.head", {HERE: ()}, "Headteacher")
        world.person("o.office", {HERE: ["General", "SEND"]})
        yield world


def peer(door: Door = Door.WEBDAV, client: str = "a test") -> Peer:
    """Where everybody comes from."""
    return Peer(address=ADDRESS, door=door, client=client)


def path(text: str) -> VirtualPath:
    return VirtualPath.parse(text)


def names(fs: FileSystem, folder: str) -> list[str]:
    """The names of a folder, in their order."""
    return [entry.name for entry in fs.scandir(path(folder))]


def read(fs: FileSystem, document: str) -> bytes:
    """The bytes of a document."""
    with fs.open(path(document)) as handle:
        return handle.pread(0, handle.attributes.size)


def tree(fs: FileSystem, folder: str = "/") -> list[str]:
    """Every path below `folder`, as a recursive client finds them."""
    found = []
    for entry in fs.scandir(path(folder)):
        place = str(path(folder).joinpath(entry.name))
        found += [place, *tree(fs, place)] if entry.attributes.is_folder else [place]
    return found


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements, with their parameters, that the block sends to `database`."""
    seen: list[tuple[str, Any]] = []

    def hear(_connection: object, _cursor: object, text: str, parameters: Any, *_: object) -> None:
        if text.split(maxsplit=1)[0] != "BEGIN":
            seen.append((text, parameters))

    event.listen(database.engine, "before_cursor_execute", hear)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", hear)


@contextmanager
def without_table(world: World, table: str) -> Iterator[None]:
    """The database refuses whatever wants `table` while the block runs."""
    with world.database.write() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {table}_away"))
    try:
        yield
    finally:
        with world.database.write() as connection:
            connection.execute(text(f"ALTER TABLE {table}_away RENAME TO {table}"))
