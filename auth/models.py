"""The tables of `auth`: accounts and their credentials. Statements on them stand in the module that owns each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base

_NUMBERED = {"sqlite_autoincrement": True}  # an id is never given again: the record names people by it


class Account(Base):
    """A named person or a service account. Knows no school: belonging to one is a row of `policy`."""

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
    """A public key. `networks` is a comma-separated list of CIDR, empty for anywhere."""

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
    revoked_at: Mapped[datetime | None]


class Device(Base):
    """A device password, kept as a keyed hash [R16]. `networks` as in `SshKey`."""

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
    revoked_at: Mapped[datetime | None]


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
