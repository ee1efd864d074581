"""Who signs in during the tests of the door: an authenticator of four accounts, with the answers the real one gives."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncssh

from auth.principal import Candidate, Factor, Kind, Layout, Peer, Principal, Proof
from auth.verdicts import Refusal
from gateway.errors import Unavailable
from gateway.tree import FileSystem

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CODE = "492039"
KEY_ENDED = "This key has ended."
_PERSON = ({Factor.PASSWORD, Factor.TOTP}, {Factor.PUBLIC_KEY, Factor.TOTP})
_SERVICE: tuple[set[Factor], ...] = ({Factor.PUBLIC_KEY},)


@dataclass
class Account:
    """One account; `ended` is the reason that is told once all factors were shown, `old_key` a key that has ended.

    `known`: it comes from a known place.
    """

    id: int
    username: str
    password: str | None
    key: asyncssh.SSHKey
    kind: Kind = Kind.PERSON
    network: str = "127.0.0.0/8"
    ended: str | None = None
    known: bool = False
    old_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))

    def which(self, public: str) -> asyncssh.SSHKey | None:
        """The key of this account that was offered."""
        keys = (self.key, self.old_key)
        return next((key for key in keys if key.export_public_key().split()[:2] == public.encode().split()[:2]), None)


def accounts() -> list[Account]:
    return [
        Account(1, "jo.head", "correct horse battery", asyncssh.generate_private_key("ssh-ed25519")),
        Account(2, "sam.office", "another long password", asyncssh.generate_private_key("ssh-ed25519")),
        Account(3, "nightly", None, asyncssh.generate_private_key("ssh-ed25519"), Kind.SERVICE),
        Account(
            4,
            "lee.left",
            "once upon a time",
            asyncssh.generate_private_key("ssh-ed25519"),
            ended="Ask your headteacher.",
        ),
    ]


class People:
    """The authenticator. `faults` are raised by the verbs that they name; `holds` let the tests stop inside one.

    `held_for` says for whom `holds` stand: everybody, or one user name. `step` is called with each verb.
    """

    def __init__(self) -> None:
        self.accounts = {account.username: account for account in accounts()}
        self.asked: list[str] = []
        self.spent: set[str] = set()
        self.faults: dict[str, Exception] = {}
        self.holds: dict[str, threading.Event] = {}
        self.held = threading.Event()
        self.held_for: str | None = None
        self.step: Callable[[], object] = lambda: None

    def candidate(self, username: str, peer: Peer) -> Candidate:
        self._note("candidate")
        name = username.rpartition("\\")[2].casefold()
        account = self.accounts.get(name)
        known = account is not None and account.known
        return Candidate(username=name, account_id=account.id if account else None, peer=peer, known=known)

    def check_password(self, candidate: Candidate, text: str) -> Proof | None:
        self._note("check_password", candidate.username)
        account = self.accounts.get(candidate.username)
        held = account is not None and account.password is not None and account.password == text
        return self._proof(candidate, Factor.PASSWORD) if held else None

    def offers_key(self, candidate: Candidate, openssh_public: str) -> bool:
        self._note("offers_key")
        account = self.accounts.get(candidate.username)
        return account is not None and account.which(openssh_public) is not None

    def check_public_key(self, candidate: Candidate, openssh_public: str) -> Proof | Refusal | None:
        self._note("check_public_key")
        account = self.accounts.get(candidate.username)
        key = None if account is None else account.which(openssh_public)
        if account is None or key is None:
            return None
        near = ipaddress.ip_address(candidate.peer.address) in ipaddress.ip_network(account.network)
        if near and key is account.key:
            return self._proof(candidate, Factor.PUBLIC_KEY)
        alone = account.kind is Kind.SERVICE
        return Refusal(reason="key refused", message=KEY_ENDED if alone else None)

    def check_code(self, candidate: Candidate, code: str) -> Proof | None:
        self._note("check_code")
        if code != CODE or candidate.account_id is None:
            return None
        return self._proof(candidate, Factor.TOTP)

    def authenticate(self, candidate: Candidate, proofs: Collection[Proof]) -> Principal | Refusal:
        self._note("authenticate")
        account = self.accounts[candidate.username]
        if any(proof.account_id != account.id for proof in proofs):
            return Refusal(reason="proof of another account or address")
        shown = frozenset(proof.factor for proof in proofs)
        sufficient = _SERVICE if account.kind is Kind.SERVICE else _PERSON
        if not any(wanted <= shown for wanted in sufficient):
            return Refusal(reason="more", missing=frozenset({Factor.TOTP}) - shown)
        if account.ended:
            return Refusal(reason="account not active", message=account.ended)
        return _principal(account, shown, candidate.peer)

    def _note(self, verb: str, username: str | None = None) -> None:
        self.asked.append(verb)
        self.step()
        if verb in self.holds and self.held_for in (None, username):
            self.held.set()
            self.holds[verb].wait(10)
        if verb in self.faults:
            raise self.faults[verb]

    def _proof(self, candidate: Candidate, factor: Factor) -> Proof:
        assert candidate.account_id is not None
        return Proof(account_id=candidate.account_id, factor=factor, address=candidate.peer.address, at=AT)


def _principal(account: Account, factors: frozenset[Factor], peer: Peer) -> Principal:
    return Principal(
        account_id=account.id,
        username=account.username,
        name=account.username,
        kind=account.kind,
        layout=Layout.SINGLE,
        roles=frozenset(),
        factors=factors,
        credential_id=None,
        authenticated_at=AT,
        address=peer.address,
        door=peer.door,
        valid_until=None,
    )


@dataclass
class Visit:
    """A session that was opened."""

    principal: Principal
    peer: Peer
    fs: FileSystem
    closed: bool = False
    revoked: bool = False

    def ended(self) -> bool:
        return self.closed or self.revoked

    def close(self) -> None:
        self.closed = True


@dataclass
class Visits:
    """The sessions of one file system; refuses what goes beyond `most`. `step` is called with each opening.

    A review ends those of the accounts in `revoked`, or raises `fault`, or waits for `hold`.
    """

    fs: FileSystem
    most: int = 100
    all: list[Visit] = field(default_factory=list)
    step: Callable[[], object] = lambda: None
    revoked: set[str] = field(default_factory=set)
    fault: Exception | None = None
    hold: threading.Event | None = None
    lost: bool = False
    reviews: int = 0

    def open(self, principal: Principal, peer: Peer) -> Visit:
        self.step()
        if sum(not visit.closed for visit in self.all) >= self.most:
            raise Unavailable("Too many connections of this account.")
        visit = Visit(principal, peer, self.fs)
        self.all.append(visit)
        return visit

    def review(self) -> None:
        self.reviews += 1
        if self.hold is not None:
            self.hold.wait(10)
        if self.fault is not None:
            raise self.fault
        for visit in self.all:
            visit.revoked |= visit.principal.username in self.revoked
