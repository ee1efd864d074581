"""The tables of `gateway`: sealed objects, documents, deliveries and audiences. Keys stand in `gateway.vault.models`.

A delivery repeats what a listing needs of its document, so that a folder is one range of one index.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import Account
from config.database import Base
from gateway.vault.models import Kek
from policy.models import Category, School

_NUMBERED = {"sqlite_autoincrement": True}


class StoredObject(Base):
    """Sealed bytes in the vault. `wrap` is emptied when the key dies; `commitment` is a salted hash.

    `destruction_id` is the act that destroys it, from the moment that nothing can keep it any more.
    """

    __tablename__ = "object"
    id: Mapped[bytes] = mapped_column(primary_key=True)
    kek_id: Mapped[bytes] = mapped_column(ForeignKey(Kek.id), index=True)
    category_id: Mapped[int] = mapped_column(ForeignKey(Category.id))
    wrap: Mapped[bytes | None]
    length: Mapped[int]
    segment_size: Mapped[int]
    ciphertext_sha256: Mapped[bytes]
    commitment: Mapped[bytes]
    created_at: Mapped[datetime]
    destruction_id: Mapped[int | None] = mapped_column(index=True)


class Batch(Base):
    """One act of publishing."""

    __tablename__ = "batch"
    __table_args__ = (_NUMBERED,)
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(Account.id))
    published_at: Mapped[datetime]
    note: Mapped[str]


class Document(Base):
    """One document as it was published: to whom is said by its deliveries and audience."""

    __tablename__ = "document"
    __table_args__ = (_NUMBERED,)
    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    object_id: Mapped[bytes] = mapped_column(ForeignKey("object.id"), index=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    category_id: Mapped[int] = mapped_column(ForeignKey(Category.id))
    published_at: Mapped[datetime]
    last_day: Mapped[date]
    visible_until: Mapped[datetime]
    destroy_day: Mapped[date]
    restricted: Mapped[bool]
    not_headteacher: Mapped[bool]
    not_headteacher_reason: Mapped[str]


class Audience(Base):
    """A role or an account that a restricted document names."""

    __tablename__ = "audience"
    __table_args__ = (Index(None, "document_id"), _NUMBERED)
    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    role: Mapped[str | None]
    account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))


class Delivery(Base):
    """A document in one school's folder, under a sealed name. `month` is `YYYY-MM` of publication in Europe/London."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("school_id", "month", "category_id", "token"),
        Index("ix_delivery_folder", "school_id", "month", "category_id", "visible_until"),
        Index("ix_delivery_months", "school_id", "visible_until", "month", "category_id", "published_at"),
    )
    id: Mapped[bytes] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"), index=True)
    object_id: Mapped[bytes] = mapped_column(ForeignKey("object.id"))
    school_id: Mapped[int] = mapped_column(ForeignKey(School.id))
    month: Mapped[str]
    category_id: Mapped[int] = mapped_column(ForeignKey(Category.id))
    kek_id: Mapped[bytes] = mapped_column(ForeignKey(Kek.id), index=True)
    name_sealed: Mapped[bytes | None]
    token: Mapped[bytes | None]
    size: Mapped[int]
    published_at: Mapped[datetime]
    visible_until: Mapped[datetime]
    restricted: Mapped[bool]
    not_headteacher: Mapped[bool]
    withdrawn_at: Mapped[datetime | None]


class Hold(Base):
    """That a document's bytes are kept beyond its destroy day [R9]. `lifted_by` and `approved_by` are two persons."""

    __tablename__ = "hold"
    __table_args__ = (Index(None, "document_id"), _NUMBERED)
    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    why: Mapped[str]
    placed_by: Mapped[int] = mapped_column(ForeignKey(Account.id))
    placed_at: Mapped[datetime]
    lifted_by: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    approved_by: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    lifted_at: Mapped[datetime | None]
    lifted_why: Mapped[str] = mapped_column(default="")


class Withdrawal(Base):
    """That a document was taken back from a school [R26].

    `read_by`: the accounts of the school that had got bytes of it, by number, as the record said at `searched_at`.
    Where there are some, the headteacher is asked to destroy the copies, and to confirm that.
    """

    __tablename__ = "withdrawal"
    __table_args__ = (UniqueConstraint("document_id", "school_id"), _NUMBERED)
    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    school_id: Mapped[int] = mapped_column(ForeignKey(School.id))
    why: Mapped[str]
    withdrawn_by: Mapped[int] = mapped_column(ForeignKey(Account.id))
    withdrawn_at: Mapped[datetime]
    searched_at: Mapped[datetime | None]
    read_by: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    confirmed_at: Mapped[datetime | None]


class DeletionRequest(Base):
    """That somebody of a school asks for a document to be deleted, and what the authority decided [R26]."""

    __tablename__ = "deletion_request"
    __table_args__ = (Index(None, "document_id"), _NUMBERED)
    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    school_id: Mapped[int] = mapped_column(ForeignKey(School.id))
    why: Mapped[str]
    asked_by: Mapped[int] = mapped_column(ForeignKey(Account.id))
    asked_at: Mapped[datetime]
    decision: Mapped[str | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    decided_at: Mapped[datetime | None]
    decided_why: Mapped[str] = mapped_column(default="")


class JobRun(Base):
    """One run of a job, that was due at `due_at`: one process has it, and is heard of (`seen_at`) until it has ended.

    `trouble` is why it did not end well; it is tried again at `retry_at`, or a person has to see to it.
    """

    __tablename__ = "job_run"
    __table_args__ = (UniqueConstraint("job", "due_at"), _NUMBERED)
    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str]
    due_at: Mapped[datetime]
    process: Mapped[str]
    attempts: Mapped[int]
    begun_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    done: Mapped[int]
    total: Mapped[int | None]
    ended_at: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    trouble: Mapped[str]
