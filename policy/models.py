"""The tables of `policy`: schools, who belongs to them, what was granted, and the counters that announce a change."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, UniqueConstraint, and_, or_
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import Account
from config.database import Base

_NUMBERED = {"sqlite_autoincrement": True}


class School(Base):
    """A school. `earlier_name` is shown in folders until the 1 September after `renamed_on` [R6].

    `agreement` is the version of the agreement that is in force, None where none is; it ends at `agreement_until`,
    None: it does not [R23].
    """

    __tablename__ = "school"
    __table_args__ = (_NUMBERED,)
    id: Mapped[int] = mapped_column(primary_key=True)
    dfe: Mapped[str] = mapped_column(unique=True)
    urn: Mapped[str | None] = mapped_column(unique=True)
    name: Mapped[str]
    earlier_name: Mapped[str | None]
    renamed_on: Mapped[date | None]
    state: Mapped[str]
    created_at: Mapped[datetime]
    agreement: Mapped[str | None]
    agreement_until: Mapped[datetime | None]


class SchoolNetwork(Base):
    """A network (CIDR) of a school: sign-ins from it are in the known lane [R18]."""

    __tablename__ = "school_network"
    school_id: Mapped[int] = mapped_column(ForeignKey("school.id"), primary_key=True)
    network: Mapped[str] = mapped_column(primary_key=True)


class Category(Base):
    """A category's stable number. Rows are added as settings name them and never removed or renumbered."""

    __tablename__ = "category"
    __table_args__ = (_NUMBERED,)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Membership(Base):
    """Somebody's role in a school, e.g. Headteacher. A change of role ends the row and its grants.

    One that ends by itself has `expires_at`; a headteacher's then is an acting one's, who may hold another role beside
    it. `given_by` is the account that gave it, None where none did; `why` is in that person's own words. One that is
    `suspended_at` some time gives nothing until the school's access review is done [R22].
    """

    __tablename__ = "membership"
    __table_args__ = (Index(None, "account_id"), Index(None, "school_id"), _NUMBERED)
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(Account.id))
    school_id: Mapped[int] = mapped_column(ForeignKey("school.id"))
    role: Mapped[str]
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(server_default="")
    given_by: Mapped[int | None] = mapped_column(ForeignKey(Account.id))


class Grant(Base):
    """A category of a school that an account may read; `given_by` and `why` as in `Membership`."""

    __tablename__ = "grant"
    __table_args__ = (Index(None, "account_id"), _NUMBERED)
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(Account.id))
    school_id: Mapped[int] = mapped_column(ForeignKey("school.id"))
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    since: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(server_default="")
    given_by: Mapped[int | None] = mapped_column(ForeignKey(Account.id))


def role_lasts(at: datetime) -> ColumnElement[bool]:
    """Of a row of `Membership`: at `at` it was not ended and has not ended by itself; perhaps it begins later."""
    return and_(Membership.ended_at.is_(None), or_(Membership.expires_at.is_(None), Membership.expires_at > at))


def role_holds(at: datetime) -> ColumnElement[bool]:
    """Of a row of `Membership`: it has begun, and lasts."""
    return and_(Membership.since <= at, role_lasts(at))


def grant_lasts(at: datetime) -> ColumnElement[bool]:
    """Of a row of `Grant`: at `at` it was not revoked and has not ended by itself; perhaps it begins later."""
    return and_(Grant.revoked_at.is_(None), or_(Grant.expires_at.is_(None), Grant.expires_at > at))


def grant_holds(at: datetime) -> ColumnElement[bool]:
    """Of a row of `Grant`: it has begun, and lasts."""
    return and_(Grant.since <= at, grant_lasts(at))


class AgreementVersion(Base):
    """A version of the information sharing agreement as it was first seen; `sha256` is of its text."""

    __tablename__ = "agreement_version"
    version: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[bytes]
    entered_at: Mapped[datetime]


class AgreementSigned(Base):
    """That a school has signed a version. `signed_by`: the person's name; `recorded_by`: the account that says so."""

    __tablename__ = "agreement_signed"
    __table_args__ = (Index(None, "school_id"), _NUMBERED)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_id: Mapped[int] = mapped_column(ForeignKey("school.id"))
    version: Mapped[str]
    signed_on: Mapped[date]
    signed_by: Mapped[str]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey(Account.id))


class AccessReview(Base):
    """The access review of a school in a term of `policy.review` [R22]. `signed` is its result, empty before.

    Days are of Europe/London. `suspends_on`: the day from which it is so late that access is suspended; `suspended_at`:
    when that was first done.
    """

    __tablename__ = "access_review"
    __table_args__ = (UniqueConstraint("school_id", "term"), _NUMBERED)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_id: Mapped[int] = mapped_column(ForeignKey("school.id"))
    term: Mapped[date]
    opened_at: Mapped[datetime]
    due_on: Mapped[date]
    suspends_on: Mapped[date]
    suspended_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    signed: Mapped[str]


class Generation(Base):
    """Counters that every process watches: `access`, and `content:<school id>`."""

    __tablename__ = "generation"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]


class ClockMark(Base):
    """The high-water mark of the clock [R10]: one row."""

    __tablename__ = "clock_mark"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
