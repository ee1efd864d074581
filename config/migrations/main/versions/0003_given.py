"""By whom and why access was given, and roles that end by themselves. Times are BIGINT."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Who is referred to is said within the column: SQLite adds no constraint to a table that is there."""
    op.add_column("membership", sa.Column("expires_at", sa.BigInteger(), nullable=True))
    for table in ("membership", "grant"):
        op.add_column(table, sa.Column("why", sa.String(), nullable=False, server_default=""))
        op.execute(
            f'ALTER TABLE "{table}" ADD COLUMN given_by INTEGER'
            f" CONSTRAINT fk_{table}_given_by_account REFERENCES account (id)"
        )


def downgrade() -> None:
    """The older tables know nothing of what these hold."""
    raise NotImplementedError("restore an older home instead")
