"""The tables of key-encryption keys and of their destruction. The keys themselves are only in the key box."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base


class Purpose(StrEnum):
    """What a key wraps."""

    PUBLISH = "publish"
    STAGING = "staging"
    HOLD = "hold"


class KekState(StrEnum):
    """ACTIVE keys take new wraps; CLOSING ones only open; DESTROYED ones are gone."""

    ACTIVE = "active"
    CLOSING = "closing"
    DESTROYED = "destroyed"


class Kek(Base):
    """One key of the key box. `day` is the London date on which it is destroyed; of a held document it was that.

    `destruction_id` is the act that destroys it, from the moment that it takes no more wraps.
    """

    __tablename__ = "kek"
    __table_args__ = (Index("ix_kek_use", "purpose", "day", "state"),)
    id: Mapped[bytes] = mapped_column(primary_key=True)
    day: Mapped[date]
    purpose: Mapped[str]
    state: Mapped[str]
    generation: Mapped[int]
    destruction_id: Mapped[int | None] = mapped_column(index=True)


class Cause(StrEnum):
    """Why documents are destroyed."""

    DAY = "day"  # their destroy day has ended
    WITHDRAWN = "withdrawn"  # they were withdrawn from every school: before their day
    LIFTED = "lifted"  # their day had ended, and then the last hold on them was lifted


class Stage(StrEnum):
    """How far an act of destruction has come; each is durable before the next begins."""

    INTENT = "intent"
    KEYGONE = "keygone"
    SWEPT = "swept"
    PENDING = "pending"  # certified, but another holder of the keys may still have them
    CERTIFIED = "certified"


class Destroyed(Base):
    """One act of destruction, of documents of one destroy day.

    Its keys and its objects name it. `canaries`: for each key a wrap that only this key opens.
    """

    __tablename__ = "destruction"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date]
    cause: Mapped[str]
    state: Mapped[str]
    canaries: Mapped[bytes]
    begun_at: Mapped[datetime]
    generation: Mapped[int | None]
    gone_at: Mapped[datetime | None]
    swept_at: Mapped[datetime | None]
