"""Signing in, whole: trust, links, recovery codes, sessions of the pages, mails that wait. Times are BIGINT."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_LAST = (("last_address", "device"), ("last_client", "device"), ("last_address", "ssh_key"), ("last_client", "ssh_key"))


def upgrade() -> None:
    """Add columns, then tables."""
    op.add_column("account", sa.Column("totp_pending", sa.LargeBinary(), nullable=True))
    for name in ("totp_pending_at", "sessions_from", "terms_accepted_at"):
        op.add_column("account", sa.Column(name, sa.BigInteger(), nullable=True))
    for name, table in _LAST:
        op.add_column(table, sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.create_table(
        "trust",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("first_factor", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_trust_account_id_account"),
        sa.PrimaryKeyConstraint("account_id", "place", "first_factor", name="pk_trust"),
    )
    op.create_table(
        "link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_link_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_link"),
        sa.UniqueConstraint("hash", name="uq_link_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_link_account_id", "link", ["account_id"])
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_recovery_code_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_recovery_code"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_recovery_code_account_id", "recovery_code", ["account_id"])
    op.create_table(
        "page_session",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("factors", sa.String(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_page_session_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_page_session"),
    )
    op.create_index("ix_page_session_account_id", "page_session", ["account_id"])
    op.create_table(
        "mail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("dropped_at", sa.BigInteger(), nullable=True),
        sa.Column("given_up_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_mail_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_mail"),
        sa.UniqueConstraint("message_id", name="uq_mail_message_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mail_due", "mail", ["sent_at", "given_up_at", "due_at"])


def downgrade() -> None:
    """The older tables know nothing of what these hold."""
    raise NotImplementedError("restore an older home instead")
