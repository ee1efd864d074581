"""A small world whose people are invited, activate, and sign in to the pages: what the tests of their acts stand on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from auth import accounts
from auth.authenticator import PageSignIn
from auth.links import Purpose
from auth.principal import AccountState, Principal, StaffRole
from auth.totp import code_at
from gateway.change import Change, changing
from gateway.mail.outbox import Mail
from gateway.staffing import invite
from policy.audit.events import EventKind
from tests.support.activation import AT_THE_PAGES, Activated, activate, mailed
from tests.support.people import admit, enter_person
from tests.support.postgres import PostgresServer
from tests.support.world import HERE, OFFICER, World, a_small_world


@dataclass(frozen=True, slots=True)
class Post:
    """A mail that waits: what a test looks at."""

    kind: str
    address: str
    facts: dict[str, object]


class People:
    """The people of a world, as they enrol and sign in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.services = world.services

    @contextmanager
    def act(self, by: str | None = OFFICER) -> Iterator[Change]:
        """A change as an operator makes it."""
        actor = None if by is None else self.world.accounts[by]
        with changing(self.world.core, self.services.log, actor, "an operator") as change:
            yield change

    def invite(self, username: str, role: str = "Office", dfe: str | None = HERE, staff: bool = False) -> None:
        """Somebody new, who is mailed an invitation."""
        with self.act() as change:
            roles = [StaffRole.OFFICER] if staff else []
            account = enter_person(change.connection, username, change.at, roles=roles, state=AccountState.INVITED)
            self.world.accounts[username] = account
            if dfe is not None and not staff:
                admit(change.connection, account, dfe, role, change.at, ["SEND"])
            entered = accounts.get(change.connection, account)
            assert entered is not None
            invite(self.world.core, change, entered)

    def token(self, username: str, purpose: Purpose = Purpose.ACTIVATION) -> str:
        """The link in somebody's mail."""
        return mailed(self.services, username, purpose)

    def activated(self, username: str, **options: object) -> Activated:
        """Somebody new who has activated."""
        self.invite(username, **options)  # type: ignore[arg-type]
        return activate(self.services, username)

    def code(self, secret: str) -> str:
        """A code that was not used before."""
        self.world.pass_time(seconds=90)
        return code_at(secret, self.world.clock.now())

    def signed_in(self, who: Activated, password: str | None = None, secret: str | None = None) -> Principal:
        """Somebody signed in to the pages."""
        outcome = self.try_signing_in(who, password, secret)
        assert isinstance(outcome, PageSignIn), outcome
        return outcome.principal

    def try_signing_in(self, who: Activated, password: str | None = None, secret: str | None = None) -> object:
        """As `signed_in`; a refusal is returned."""
        code = self.code(secret or who.secret)
        authenticator = self.services.authenticator
        candidate = authenticator.candidate(who.username, AT_THE_PAGES)
        shown = (
            authenticator.check_password(candidate, password or who.password),
            authenticator.check_code(candidate, code),
        )
        return authenticator.open_page(candidate, [proof for proof in shown if proof is not None])

    def mails(self) -> list[Post]:
        """What waits to be sent, the oldest first."""
        waiting = select(Mail).where(Mail.sent_at.is_(None), Mail.dropped_at.is_(None)).order_by(Mail.id)
        with self.world.database.read() as connection:
            return [Post(row.kind, row.address, json.loads(row.facts)) for row in connection.execute(waiting)]

    def kinds(self) -> list[str]:
        """The kinds of the mails that wait, the oldest first."""
        return [mail.kind for mail in self.mails()]

    def clear(self) -> None:
        """Look at later mails alone."""
        with self.world.database.write() as connection:
            connection.execute(Mail.__table__.delete())  # type: ignore[attr-defined]

    def reasons(self, *kinds: EventKind) -> list[str]:
        """Why, in the record."""
        return [event.reason for event in self.world.recorded(*kinds)]

    def hash_of(self, username: str) -> str | None:
        with self.world.database.read() as connection:
            return accounts.password_hash(connection, self.world.accounts[username])


@contextmanager
def people(folder: Path, server: PostgresServer | None = None) -> Iterator[People]:
    """A world with two schools, a headteacher, an office, an officer, and whoever a test enters."""
    with a_small_world(folder, server) as world:
        yield People(world)
