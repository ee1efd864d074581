"""The tables of the record: `audit_record` (one row an event) and `audit_batch` (one row a commit, linked to the last).

Rows are only ever inserted; the triggers that say so stand in `config/migrations/audit`. No foreign key joins the two:
the chain proves more, and a key would cost a lookup per row. A checkpoint names (batch, last record, link), all of
which stand here. Times in `audit_batch` are microseconds since 1970, as they are hashed.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from config.database import AuditBase

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER is SQLite's own row number


class AuditRecord(AuditBase):
    """One sealed event. `salt` and `payload` become NULL together when the record is pruned; `leaf` stays."""

    __tablename__ = "audit_record"
    seq: Mapped[int] = mapped_column(_NUMBER, primary_key=True, autoincrement=False)
    batch: Mapped[int] = mapped_column(BigInteger)
    salt: Mapped[bytes | None] = mapped_column(LargeBinary)
    payload: Mapped[bytes | None] = mapped_column(LargeBinary)
    leaf: Mapped[bytes] = mapped_column(LargeBinary)


class AuditBatch(AuditBase):
    """One commit: records `first` to `first + n - 1`, their Merkle `root`, and the `link` that holds all before it."""

    __tablename__ = "audit_batch"
    b: Mapped[int] = mapped_column(_NUMBER, primary_key=True, autoincrement=False)
    first: Mapped[int] = mapped_column(BigInteger)
    n: Mapped[int] = mapped_column(Integer)
    ts: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    prev: Mapped[bytes] = mapped_column(LargeBinary)
    link: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
