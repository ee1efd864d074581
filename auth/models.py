"""The tables of `auth`: accounts and their credentials. Statements on them stand in the module that owns each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base

_NUMBERED = {"sqlite_autoincrement": True}  # an id is never given again: the record names people by it


class Account(Base):
    """A named person or a service account. Knows no school: belonging to one is a row of `policy`.

    `totp_pending` is a sealed secret that waits for its confirming code. Sessions from before `sessions_from` have
    ended.
    """

    __tablename__ = "account"
    __table_args__ = (_NUMBERED,)
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    username: Mapped[str] = mapped_column(unique=True)
    email: Mapped[str | None] = mapped_column(unique=True)
    name: Mapped[str]
    layout: Mapped[str]
    state: Mapped[str]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    password_hash: Mapped[str | None]
    totp_sealed: Mapped[bytes | None]
    totp_pending: Mapped[bytes | None]
    totp_pending_at: Mapped[datetime | None]
    sessions_from: Mapped[datetime | None]
    terms_accepted_at: Mapped[datetime | None]


class AccountRole(Base):
    """A role in the authority itself."""

    __tablename__ = "account_role"
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)


class AccountNetwork(Base):
    """A network (CIDR) that a service account is bound to."""

    __tablename__ = "account_network"
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    network: Mapped[str] = mapped_column(primary_key=True)


class SshKey(Base):
    """A public key. `networks` is a comma-separated list of CIDR, empty for anywhere.

    `suspended_at`: since when it is not good, until the access review of its school is done.
    """

    __tablename__ = "ssh_key"
    __table_args__ = (UniqueConstraint("account_id", "fingerprint"), _NUMBERED)
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    fingerprint: Mapped[str]
    public_key: Mapped[str]
    name: Mapped[str]
    networks: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    last_address: Mapped[str] = mapped_column(default="")
    last_client: Mapped[str] = mapped_column(default="")
    revoked_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]


class Device(Base):
    """A device password, kept as a keyed hash [R16]. `networks` and `suspended_at` as in `SshKey`."""

    __tablename__ = "device"
    __table_args__ = (_NUMBERED,)
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str]
    key_id: Mapped[str]
    hash: Mapped[bytes] = mapped_column(unique=True)
    networks: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    last_address: Mapped[str] = mapped_column(default="")
    last_client: Mapped[str] = mapped_column(default="")
    revoked_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]


class TotpUse(Base):
    """A TOTP step that was spent: its row is the proof that no second use can win, in any process."""

    __tablename__ = "totp_use"
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)


class KnownPlace(Base):
    """An address prefix from which an account signed in [R18]."""

    __tablename__ = "known_place"
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    prefix: Mapped[str] = mapped_column(primary_key=True)
    last_at: Mapped[datetime]


class ThrottleCount(Base):
    """Wrong guesses in a lane during one window: a second since 1970."""

    __tablename__ = "throttle_count"
    __table_args__ = (Index(None, "window"),)
    lane: Mapped[str] = mapped_column(primary_key=True)
    window: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]


class SessionRow(Base):
    """A session that is open somewhere; `process` and `seen_at` let the dead ones be swept."""

    __tablename__ = "session"
    __table_args__ = (Index(None, "account_id"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    door: Mapped[str]
    process: Mapped[str]
    opened_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class Trust(Base):
    """A place from which a code was given lately [R15]. `first_factor` tells one password or key from the next."""

    __tablename__ = "trust"
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    place: Mapped[str] = mapped_column(primary_key=True)
    first_factor: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    until: Mapped[datetime]


class Link(Base):
    """A link that was mailed, kept as a hash [R20]. `ended_at`: when it was spent or revoked."""

    __tablename__ = "link"
    __table_args__ = (Index(None, "account_id"), _NUMBERED)
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    purpose: Mapped[str]
    hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """A code for whoever has lost the authenticator, kept as a keyed hash [R13]. Good once."""

    __tablename__ = "recovery_code"
    __table_args__ = (Index(None, "account_id"), _NUMBERED)
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    key_id: Mapped[str]
    hash: Mapped[bytes]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class PageSession(Base):
    """A browser that is signed in to the pages: the hash of what its cookie holds."""

    __tablename__ = "page_session"
    __table_args__ = (Index(None, "account_id"),)
    id: Mapped[bytes] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    factors: Mapped[str]
    opened_at: Mapped[datetime]
    seen_at: Mapped[datetime]
