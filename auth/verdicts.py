"""What passes between signing in and those above who judge and record it: verdicts, refusals and two Protocols.

`policy.doors` implements `Doors`, the composition root a `Recorder` over the audit log. Values are frozen and carry no
secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection

from auth.accounts import AccountRow
from auth.principal import Candidate, Door, Factor, Peer, Principal


class Effect(StrEnum):
    """Where a judgement falls."""

    PERMIT = "permit"
    MORE = "more"
    DENY = "deny"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """May this account come in by this door, with what it has shown?

    MORE: `missing` factors are still to be shown. DENY: `reason` goes to the record and `message`, one sentence that
    says what to do, to the person [R33].
    """

    effect: Effect
    reason: str
    message: str = ""
    missing: frozenset[Factor] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Nobody was signed in. `message` is None for whoever has not shown all factors: say "not accepted", no more.

    `missing` is not empty where the factors shown hold but do not suffice at this door.
    """

    reason: str
    message: str | None = None
    missing: frozenset[Factor] = frozenset()


class RefusalReason(StrEnum):
    """Why a factor or a sign-in was refused, as it stands in the record; `Doors` adds reasons of its own."""

    UNKNOWN_ACCOUNT = "no such account"
    WRONG_PASSWORD = "wrong password"
    NO_PASSWORD = "no password set"
    WRONG_CODE = "wrong code"
    WRONG_RECOVERY_CODE = "no such recovery code"
    CODE_SPENT = "code used before"
    WRONG_DEVICE = "no such device password"
    NOT_A_DEVICE = "not the shape of a device password"
    DEVICE_REVOKED = "device password revoked"
    DEVICE_EXPIRED = "device password expired"
    DEVICE_UNUSED = "device password unused for too long"
    KEY_REFUSED = "key not accepted"
    OTHER_NETWORK = "not from this network"
    TOO_MANY_GUESSES = "too many guesses"
    NOTHING_SHOWN = "nothing shown"
    STALE_PROOF = "proof out of date"
    FOREIGN_PROOF = "proof of another account or address"
    CREDENTIAL_ENDED = "credential ended"
    REVIEW_OVERDUE = "access review overdue"
    ACCOUNT_ENDED = "account not active"


class SignInUnavailable(Exception):
    """Database, record or the queue in front of Argon2 cannot serve: nobody is signed in, and it is no one's fault."""


class Doors(Protocol):
    """The policy of signing in. Thread-safe."""

    def judge(
        self,
        connection: Connection,
        account: AccountRow,
        door: Door,
        factors: frozenset[Factor],
        address: str,
        at: datetime,
    ) -> Verdict:
        """May `account` come in by `door` from `address` (IP address as text) with `factors` at `at` (aware UTC)?

        Looks at the account's kind, state, expiry, networks (`account.networks`) and schools. MORE goes before any
        obstacle, so that only who has shown every factor that the door wants is DENIED with a reason. Raises
        sqlalchemy.exc.SQLAlchemyError alone; anything raised signs nobody in.
        """
        ...

    def told(self, reason: str) -> str:
        """What whoever has shown all factors is told of a key that is refused for `reason` [R33]."""
        ...

    def known_networks(self, connection: Connection, account_id: int, at: datetime) -> Sequence[str]:
        """The networks (CIDR) of the schools that the account belongs to at `at`: known places [R18]."""
        ...

    def hold(self, connection: Connection) -> None:
        """Let nobody's access change until this transaction of writing has ended, and see what was changed before."""
        ...


class Recorder(Protocol):
    """Where sign-ins are written down. Durable on return; anything raised signs nobody in. Thread-safe."""

    def signed_in(self, principal: Principal, peer: Peer) -> None:
        """`principal` is about to be let in."""
        ...

    def refused(self, candidate: Candidate, reason: str) -> None:
        """A factor or a sign-in was refused. Bounded against strangers: many of one kind become a count.

        `candidate.username` may be anything that was typed, a password included, where `account_id` is None: it is not
        to be written in clear.
        """
        ...
