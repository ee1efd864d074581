"""Who is asking, as values: `Candidate` (nothing proved), `Proof` (one factor shown), `Principal` (signed in).

Only `auth.authenticator.Authenticator.authenticate` makes a `Principal`. All are frozen and carry no secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Factor(StrEnum):
    """One thing that was proved."""

    PASSWORD = "password"
    PUBLIC_KEY = "public-key"
    TOTP = "totp"
    RECOVERY_CODE = "recovery-code"
    DEVICE_PASSWORD = "device-password"
    TRUST = "trust"  # a good code was given from here lately [R15]: shown by nobody, looked up


class Door(StrEnum):
    """Where someone stands: which factors suffice differs from door to door."""

    SFTP = "sftp"
    WEBDAV = "webdav"
    PORTAL = "portal"


class Kind(StrEnum):
    """A person, or a script of one."""

    PERSON = "person"
    SERVICE = "service"


class Layout(StrEnum):
    """The shape of the tree [R6]."""

    SINGLE = "single"
    BY_SCHOOL = "by-school"


class AccountState(StrEnum):
    """The standing of an account. Only ACTIVE signs in."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    LEFT = "left"


class StaffRole(StrEnum):
    """A role in the authority itself. Whoever holds one reads no published document [R5]."""

    OFFICER = "officer"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """The other end of a connection: its address (text of an IPv4 or IPv6 address), door and client's own words."""

    address: str
    door: Door
    client: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """Somebody who says a name. `account_id` is None for a name that nobody has: callers treat both alike.

    `known`: the name is said from a known place of its account, which no stranger's guesses may delay [R18].
    """

    username: str
    account_id: int | None
    peer: Peer
    known: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """One factor that held for one account from one address.

    `credential_id` is the row of the key or device; `step` the TOTP step that the code belongs to. `held_against` is a
    digest of the password hash or sealed secret that was stored: of another one it proves nothing.
    """

    account_id: int
    factor: Factor
    address: str
    at: datetime
    credential_id: int | None = None
    step: int | None = None
    held_against: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Somebody who has signed in. `valid_until` is when account or credential ends by itself, if it does."""

    account_id: int
    username: str
    name: str
    kind: Kind
    layout: Layout
    roles: frozenset[StaffRole]
    factors: frozenset[Factor]
    credential_id: int | None
    authenticated_at: datetime
    address: str
    door: Door
    valid_until: datetime | None
