"""What these tests stand on: the pages of a small world, people who can sign in there, and a browser made of WSGI."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from auth import links
from auth.links import Purpose
from auth.principal import AccountState, Door, Principal
from auth.totp import code_at
from gateway.about import contact
from gateway.change import Change, changing
from gateway.issuing import issue_password, issue_totp, new_recovery_codes
from gateway.mail.outbox import Mail
from gateway.portal.pages import make_pages
from gateway.portal.signs import Signs
from gateway.portal.visitor import COOKIE, seal_of
from policy.audit.events import EventKind
from tests.support.people import admit, enter_person
from tests.support.postgres import PostgresServer
from tests.support.world import ADDRESS, HERE, World, a_small_world, peer, statements

HOST = "https://documents.example.gov.uk"
STEP = 30
_ANY = EventKind.ACCOUNT_CHANGED
OURS = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "steep-lantern-orchard"


@dataclass(frozen=True)
class Enrolled:
    """Somebody with all that signing in to the pages takes."""

    username: str
    password: str
    secret: str
    recovery: tuple[str, ...]


class Site:
    """The pages of a world, and its people as they sign in."""

    def __init__(self, world: World) -> None:
        self.world = world
        signs = Signs(contact=contact(world.settings), https_port=8443, sftp_port=2222)
        self.app = make_pages(signs, world.services)
        self._enrolled: dict[str, Enrolled] = {}

    @contextmanager
    def changing(self) -> Iterator[Change]:
        """An act of an operator."""
        with changing(self.world.core, self.world.services.log, None, "tester") as change:
            yield change

    def enrolled(self, username: str) -> Enrolled:
        """Somebody of the world, with password, authenticator and recovery codes from the first time on."""
        if username not in self._enrolled:
            account, core = self.world.account(username), self.world.core
            with self.changing() as change:
                self._enrolled[username] = Enrolled(
                    username,
                    issue_password(core, change, account),
                    issue_totp(core, change, account),
                    new_recovery_codes(core, change, account),
                )
        return self._enrolled[username]

    def code(self, username: str) -> str:
        """A code that was not used yet: time passes to the next one."""
        self.world.pass_time(seconds=STEP)
        return code_at(self.enrolled(username).secret, self.world.clock.now())

    def invited(self, username: str, role: str = "Office") -> str:
        """Somebody new of the school, who holds an invitation: its token."""
        with self.changing() as change:
            account = enter_person(change.connection, username, change.at, state=AccountState.INVITED)
            admit(change.connection, account, HERE, role, change.at)
            self.world.accounts[username] = account
            change.record(_ANY, "story")
            return links.make(change.connection, account, Purpose.ACTIVATION, change.at, self.world.core.entropy)

    def link(self, username: str, purpose: Purpose) -> str:
        """A link of somebody as it was mailed: its token."""
        with self.changing() as change:
            change.record(_ANY, "story")
            account = self.world.accounts[username]
            return links.make(change.connection, account, purpose, change.at, self.world.core.entropy)

    def principal(self, username: str) -> Principal:
        """Somebody as the pages know them, in a session of its own."""
        outcome = self.world.services.authenticator.resume(self.signed_in(username).token or "", peer(Door.PORTAL))
        assert isinstance(outcome, Principal), outcome
        return outcome

    def mails(self, username: str) -> list[tuple[str, dict[str, Any]]]:
        """What waits to be sent to somebody: kinds and facts."""
        self.world.services.enrolment.settle()
        account = self.world.accounts[username]
        with self.world.database.read() as connection:
            rows = connection.execute(select(Mail.kind, Mail.facts).where(Mail.account_id == account).order_by(Mail.id))
            return [(row.kind, json.loads(row.facts)) for row in rows]

    def statements_of(self, act: Callable[[], object]) -> list[str]:
        """What `act` asks of the database."""
        with statements(self.world.database) as seen:
            act()
        return [text for text, _ in seen]

    def browser(self, **environ: Any) -> Browser:
        """A browser that is not signed in."""
        return Browser(self, environ)

    def signed_in(self, username: str) -> Browser:
        """A browser that is."""
        browser = self.browser()
        answer = browser.sign_in(username)
        assert answer.status_code == 303, answer.text
        return browser


class Browser:
    """One that heeds cookies and says where its requests come from. Addresses are those below `/portal`."""

    def __init__(self, site: Site, environ: dict[str, Any]) -> None:
        self._site = site
        self.client: FlaskClient = site.app.test_client()
        self.environ = {"REMOTE_ADDR": ADDRESS, "ladocs.address": ADDRESS, "ladocs.private": True, **environ}

    @property
    def token(self) -> str | None:
        """What the cookie holds."""
        cookie = self.client.get_cookie(COOKIE, domain="documents.example.gov.uk")
        return None if cookie is None else cookie.value

    def get(self, path: str, headers: dict[str, str] | None = None) -> TestResponse:
        return self.open("GET", path, headers or {})

    def post(self, path: str, **fields: str) -> TestResponse:
        """Send a form of ours, sealed where this browser is signed in."""
        sealed = {"seal": seal_of(self.token)} if self.token else {}
        return self.open("POST", path, OURS, sealed | fields)

    def open(
        self, method: str, path: str, headers: dict[str, str], fields: dict[str, str] | None = None
    ) -> TestResponse:
        return self.client.open(
            path, method=method, base_url=f"{HOST}/portal", headers=headers, data=fields, environ_overrides=self.environ
        )

    def send(self, path: str, body: bytes, kind: str) -> TestResponse:
        """Send a body of any kind, as if from our own page."""
        return self.client.post(
            path,
            base_url=f"{HOST}/portal",
            headers=OURS,
            data=body,
            content_type=kind,
            environ_overrides=self.environ,
        )

    def sign_in(self, username: str, **shown: str) -> TestResponse:
        """With all that is right, but for what `shown` says otherwise."""
        right = {"name": username, "password": self._site.enrolled(username).password}
        if "code" not in shown:
            right["code"] = self._site.code(username)
        return self.post("/sign-in", **(right | shown))


@contextmanager
def a_site(folder: Path, server: PostgresServer | None = None) -> Iterator[Site]:
    """The pages of the small world below `folder`, on SQLite or in a new database of `server`."""
    with a_small_world(folder, server) as world:
        yield Site(world)
