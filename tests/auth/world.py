"""A whole sign-in room over a real database: what the tests of `auth` share. Doors and record are plain values here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, update

from auth import accounts, keys
from auth.accounts import AccountRow
from auth.argon import ArgonGate
from auth.authenticator import Authenticator
from auth.devices import Devices
from auth.models import Account
from auth.page_sessions import PageLimits
from auth.passwords import PasswordRules, Passwords
from auth.principal import AccountState, Candidate, Door, Factor, Peer, Principal, Proof
from auth.recovery import RecoveryCodes
from auth.throttle import GuessLimits, Throttle
from auth.totp import Totp, code_at
from auth.trust import TrustRules
from auth.verdicts import Effect, Verdict
from config.database import Database
from config.entropy import Entropy
from config.secrets import DEVICE_KEY, PASSWORD_PEPPER, TOTP_SEAL, Secrets
from tests.support.clock import FakeClock
from tests.support.people import KEY, enter_person, enter_service

PASSWORD = "seven quiet otters"
HOME = "192.0.2.7"
ELSEWHERE = "203.0.113.9"

_ENOUGH = (
    frozenset({Factor.PASSWORD, Factor.TOTP}),
    frozenset({Factor.PUBLIC_KEY, Factor.TOTP}),
    frozenset({Factor.PASSWORD, Factor.TRUST}),
    frozenset({Factor.PUBLIC_KEY, Factor.TRUST}),
    frozenset({Factor.PASSWORD, Factor.RECOVERY_CODE}),
    frozenset({Factor.DEVICE_PASSWORD}),
)


class TestDoors:
    """Any two factors that go together or a device password open; `verdict`, when set, is the answer to everything."""

    __test__ = False

    def __init__(self) -> None:
        self.verdict: Verdict | None = None
        self.networks: dict[int, list[str]] = {}
        self.held = 0

    def judge(
        self,
        connection: Connection,
        account: AccountRow,
        door: Door,
        factors: frozenset[Factor],
        address: str,
        at: datetime,
    ) -> Verdict:
        if self.verdict is not None:
            return self.verdict
        if not any(enough <= factors for enough in _ENOUGH):
            return Verdict(effect=Effect.MORE, reason="more factors", missing=frozenset({Factor.TOTP}))
        if account.state is not AccountState.ACTIVE:
            return Verdict(effect=Effect.DENY, reason=account.state, message="Please ask the council.")
        return Verdict(effect=Effect.PERMIT, reason="granted")

    def told(self, reason: str) -> str:
        return f"This key was refused: {reason}."

    def known_networks(self, connection: Connection, account_id: int, at: datetime) -> Sequence[str]:
        return self.networks.get(account_id, [])

    def hold(self, connection: Connection) -> None:
        """Count it: nobody changes anything while a test signs in."""
        self.held += 1


class Notebook:
    """A record in memory; `broken`, when set, is raised instead of writing."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []
        self.broken: Exception | None = None

    def signed_in(self, principal: Principal, peer: Peer) -> None:
        self._write("signed in", principal.username)

    def refused(self, candidate: Candidate, reason: str) -> None:
        self._write("refused", reason)

    def _write(self, what: str, detail: str) -> None:
        if self.broken is not None:
            raise self.broken
        self.entries.append((what, detail))

    @property
    def reasons(self) -> list[str]:
        """Why was refused, in order."""
        return [detail for what, detail in self.entries if what == "refused"]


class Pauses:
    """How long refusals were held back, without holding them back."""

    def __init__(self) -> None:
        self.lengths: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.lengths.append(seconds)


@dataclass(frozen=True, kw_only=True)
class Someone:
    """An account with all that its owner knows."""

    id: int
    username: str
    password: str
    secret: str
    key: str
    device: str


@dataclass(kw_only=True)
class World:
    """A room with its doors and record in sight."""

    database: Database
    secrets: Secrets
    limits: GuessLimits = field(default_factory=GuessLimits)
    clock: FakeClock = field(default_factory=FakeClock)
    doors: TestDoors = field(default_factory=TestDoors)
    recorder: Notebook = field(default_factory=Notebook)
    pauses: Pauses = field(default_factory=Pauses)
    entropy: Entropy = os.urandom
    trust: TrustRules = field(default_factory=TrustRules)
    pages: PageLimits = field(default_factory=PageLimits)

    def __post_init__(self) -> None:
        self.gate = ArgonGate()
        self.passwords = Passwords(self.secrets, self.entropy, self.gate, PasswordRules())
        self.totp = Totp(self.secrets, os.urandom)
        self.devices = Devices(self.secrets, os.urandom)
        self.recovery = RecoveryCodes(self.secrets, os.urandom)
        self.throttle = Throttle(self.database, self.limits)
        self.authenticator = Authenticator(
            database=self.database,
            clock=self.clock,
            entropy=os.urandom,
            passwords=self.passwords,
            totp=self.totp,
            recovery=self.recovery,
            devices=self.devices,
            throttle=self.throttle,
            trust=self.trust,
            pages=self.pages,
            doors=self.doors,
            recorder=self.recorder,
            pause=self.pauses,
        )

    def someone(self, username: str = "jo.bloggs", state: AccountState = AccountState.ACTIVE) -> Someone:
        """A person with password, TOTP, key and device password."""
        now = self.clock.now()
        stored = self.passwords.hash(PASSWORD)
        secret = self.totp.new_secret()
        with self.database.write() as connection:
            account_id = enter_person(connection, username, now)
            accounts.set_password_hash(connection, account_id, stored, now)
            accounts.set_totp_sealed(connection, account_id, self.totp.seal(account_id, secret), now)
            keys.add(connection, account_id, KEY, "laptop", at=now)
            device = self.devices.create(connection, account_id, "Office PC", at=now)
            connection.execute(update(Account).where(Account.id == account_id).values(state=state))
        return Someone(id=account_id, username=username, password=PASSWORD, secret=secret, key=KEY, device=device)

    def service(self, owner: Someone, networks: Iterable[str] = ("192.0.2.0/24",)) -> int:
        """A service account of `owner`."""
        with self.database.write() as connection:
            return enter_service(connection, "nightly", owner.id, self.clock.now(), networks)

    def candidate(self, username: str = "jo.bloggs", address: str = HOME, door: Door = Door.SFTP) -> Candidate:
        """Somebody at `address` who says this name."""
        return self.authenticator.candidate(username, Peer(address=address, door=door))

    def code(self, who: Someone) -> str:
        """What the person's app shows now."""
        return code_at(who.secret, self.clock.now())

    def proofs(self, who: Someone, address: str = HOME) -> list[Proof]:
        """Password and code, both right."""
        candidate = self.candidate(who.username, address)
        shown = (
            self.authenticator.check_password(candidate, who.password),
            self.authenticator.check_code(candidate, self.code(who)),
        )
        return [proof for proof in shown if proof is not None]

    def sign_in(self, who: Someone, address: str = HOME) -> Principal:
        """Come in with password and code, some time after the code used last."""
        self.clock.advance(seconds=90)
        outcome = self.authenticator.authenticate(self.candidate(who.username, address), self.proofs(who, address))
        assert isinstance(outcome, Principal)
        return outcome


def new_secrets(folder: Path) -> Secrets:
    """Fresh secrets in `folder`."""
    secrets = Secrets(folder)
    for name in (PASSWORD_PEPPER, TOTP_SEAL, DEVICE_KEY):
        secrets.create(name, os.urandom(32))
    return secrets
