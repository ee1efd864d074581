"""Agreements, access reviews, holds, withdrawals, deletion requests, key holders, runs of jobs. Times: BIGINT."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns, then tables."""
    _number_destructions()
    op.add_column("school", sa.Column("agreement", sa.String(), nullable=True))
    op.add_column("school", sa.Column("agreement_until", sa.BigInteger(), nullable=True))
    for table in ("membership", "ssh_key", "device"):
        op.add_column(table, sa.Column("suspended_at", sa.BigInteger(), nullable=True))
    op.add_column("delivery", sa.Column("withdrawn_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "agreement_version",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_agreement_version"),
    )
    op.create_table(
        "agreement_signed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("signed_by", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.Integer(), nullable=True),
        _refers("agreement_signed", "school_id", "school"),
        _refers("agreement_signed", "recorded_by", "account"),
        sa.PrimaryKeyConstraint("id", name="pk_agreement_signed"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_agreement_signed_school_id", "agreement_signed", ["school_id"])
    op.create_table(
        "access_review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("term", sa.Date(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("suspends_on", sa.Date(), nullable=False),
        sa.Column("suspended_at", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_by", sa.Integer(), nullable=True),
        sa.Column("signed", sa.String(), nullable=False),
        _refers("access_review", "school_id", "school"),
        _refers("access_review", "confirmed_by", "account"),
        sa.PrimaryKeyConstraint("id", name="pk_access_review"),
        sa.UniqueConstraint("school_id", "term", name="uq_access_review_school_id_term"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "hold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("placed_by", sa.Integer(), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_by", sa.Integer(), nullable=True),
        sa.Column("approved_by", sa.Integer(), nullable=True),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_why", sa.String(), nullable=False),
        _refers("hold", "document_id", "document"),
        _refers("hold", "placed_by", "account"),
        _refers("hold", "lifted_by", "account"),
        _refers("hold", "approved_by", "account"),
        sa.PrimaryKeyConstraint("id", name="pk_hold"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_hold_document_id", "hold", ["document_id"])
    op.create_table(
        "withdrawal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("withdrawn_by", sa.Integer(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=False),
        sa.Column("searched_at", sa.BigInteger(), nullable=True),
        sa.Column("read_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("reminded_at", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_by", sa.Integer(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        _refers("withdrawal", "document_id", "document"),
        _refers("withdrawal", "school_id", "school"),
        _refers("withdrawal", "withdrawn_by", "account"),
        _refers("withdrawal", "confirmed_by", "account"),
        sa.PrimaryKeyConstraint("id", name="pk_withdrawal"),
        sa.UniqueConstraint("document_id", "school_id", name="uq_withdrawal_document_id_school_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "deletion_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_why", sa.String(), nullable=False),
        _refers("deletion_request", "document_id", "document"),
        _refers("deletion_request", "school_id", "school"),
        _refers("deletion_request", "asked_by", "account"),
        _refers("deletion_request", "decided_by", "account"),
        sa.PrimaryKeyConstraint("id", name="pk_deletion_request"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deletion_request_document_id", "deletion_request", ["document_id"])
    op.create_table(
        "job_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("retry_at", sa.BigInteger(), nullable=True),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_job_run"),
        sa.UniqueConstraint("job", "due_at", name="uq_job_run_job_due_at"),
        sqlite_autoincrement=True,
    )


def _number_destructions() -> None:
    """An act of destruction has a number, which its keys and objects name: a day may have several."""
    for table in ("kek", "object"):
        op.add_column(table, sa.Column("destruction_id", sa.Integer(), nullable=True))
        op.create_index(f"ix_{table}_destruction_id", table, ["destruction_id"])
    op.create_index("ix_delivery_kek_id", "delivery", ["kek_id"])
    rows = op.get_bind().execute(sa.text("SELECT * FROM destruction ORDER BY day")).mappings().all()
    op.drop_table("destruction")
    made = op.create_table(
        "destruction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("canaries", sa.LargeBinary(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=True),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.Column("swept_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_destruction"),
        sqlite_autoincrement=True,
    )
    for row in rows:
        # SQLite gives a day as its text; the column wants a date.
        values = {**row, "day": date.fromisoformat(str(row["day"])), "cause": "day"}
        op.get_bind().execute(sa.insert(made).values(values))
    op.execute(
        "UPDATE kek SET destruction_id = (SELECT id FROM destruction WHERE destruction.day = kek.day)"
        " WHERE state != 'active'"
    )
    op.execute("UPDATE object SET destruction_id = (SELECT destruction_id FROM kek WHERE kek.id = object.kek_id)")


def downgrade() -> None:
    """The older tables know nothing of what these hold."""
    raise NotImplementedError("restore an older home instead")


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")
