"""The first tables: accounts and credentials, schools and grants, keys, documents and deliveries. Times are BIGINT."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them all."""
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("layout", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["account.id"], name="fk_account_owner_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("email", name="uq_account_email"),
        sa.UniqueConstraint("username", name="uq_account_username"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "category",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_category"),
        sa.UniqueConstraint("name", name="uq_category_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "clock_mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_clock_mark"),
    )
    op.create_table(
        "generation",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_generation"),
    )
    op.create_table(
        "kek",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_kek"),
    )
    op.create_index("ix_kek_use", "kek", ["purpose", "day", "state"])
    op.create_table(
        "school",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dfe", sa.String(), nullable=False),
        sa.Column("urn", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("earlier_name", sa.String(), nullable=True),
        sa.Column("renamed_on", sa.Date(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_school"),
        sa.UniqueConstraint("dfe", name="uq_school_dfe"),
        sa.UniqueConstraint("urn", name="uq_school_urn"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "throttle_count",
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("window", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lane", "window", name="pk_throttle_count"),
    )
    op.create_index("ix_throttle_count_window", "throttle_count", ["window"])
    op.create_table(
        "account_network",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_account_network_account_id_account"),
        sa.PrimaryKeyConstraint("account_id", "network", name="pk_account_network"),
    )
    op.create_table(
        "account_role",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_account_role_account_id_account"),
        sa.PrimaryKeyConstraint("account_id", "role", name="pk_account_role"),
    )
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_batch_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_batch"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "device",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("networks", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_device_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_device"),
        sa.UniqueConstraint("hash", name="uq_device_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_device_account_id", "device", ["account_id"])
    op.create_table(
        "grant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_grant_account_id_account"),
        sa.ForeignKeyConstraint(["category_id"], ["category.id"], name="fk_grant_category_id_category"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name="fk_grant_school_id_school"),
        sa.PrimaryKeyConstraint("id", name="pk_grant"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_grant_account_id", "grant", ["account_id"])
    op.create_table(
        "known_place",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_known_place_account_id_account"),
        sa.PrimaryKeyConstraint("account_id", "prefix", name="pk_known_place"),
    )
    op.create_table(
        "membership",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_membership_account_id_account"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name="fk_membership_school_id_school"),
        sa.PrimaryKeyConstraint("id", name="pk_membership"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_membership_account_id", "membership", ["account_id"])
    op.create_index("ix_membership_school_id", "membership", ["school_id"])
    op.create_table(
        "object",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("kek_id", sa.LargeBinary(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("wrap", sa.LargeBinary(), nullable=True),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("segment_size", sa.Integer(), nullable=False),
        sa.Column("ciphertext_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["category_id"], ["category.id"], name="fk_object_category_id_category"),
        sa.ForeignKeyConstraint(["kek_id"], ["kek.id"], name="fk_object_kek_id_kek"),
        sa.PrimaryKeyConstraint("id", name="pk_object"),
    )
    op.create_index("ix_object_kek_id", "object", ["kek_id"])
    op.create_table(
        "school_network",
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name="fk_school_network_school_id_school"),
        sa.PrimaryKeyConstraint("school_id", "network", name="pk_school_network"),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_session_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
    )
    op.create_index("ix_session_account_id", "session", ["account_id"])
    op.create_table(
        "ssh_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("networks", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_ssh_key_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_ssh_key"),
        sa.UniqueConstraint("account_id", "fingerprint", name="uq_ssh_key_account_id_fingerprint"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "totp_use",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_totp_use_account_id_account"),
        sa.PrimaryKeyConstraint("account_id", "step", name="pk_totp_use"),
    )
    op.create_table(
        "document",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("visible_until", sa.BigInteger(), nullable=False),
        sa.Column("destroy_day", sa.Date(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("not_headteacher", sa.Boolean(), nullable=False),
        sa.Column("not_headteacher_reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_document_batch_id_batch"),
        sa.ForeignKeyConstraint(["category_id"], ["category.id"], name="fk_document_category_id_category"),
        sa.ForeignKeyConstraint(["object_id"], ["object.id"], name="fk_document_object_id_object"),
        sa.PrimaryKeyConstraint("id", name="pk_document"),
        sa.UniqueConstraint("reference", name="uq_document_reference"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_document_batch_id", "document", ["batch_id"])
    op.create_index("ix_document_object_id", "document", ["object_id"])
    op.create_table(
        "audience",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_audience_account_id_account"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name="fk_audience_document_id_document"),
        sa.PrimaryKeyConstraint("id", name="pk_audience"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audience_document_id", "audience", ["document_id"])
    op.create_table(
        "delivery",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("kek_id", sa.LargeBinary(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("visible_until", sa.BigInteger(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("not_headteacher", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["category_id"], ["category.id"], name="fk_delivery_category_id_category"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name="fk_delivery_document_id_document"),
        sa.ForeignKeyConstraint(["kek_id"], ["kek.id"], name="fk_delivery_kek_id_kek"),
        sa.ForeignKeyConstraint(["object_id"], ["object.id"], name="fk_delivery_object_id_object"),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name="fk_delivery_school_id_school"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint(
            "school_id", "month", "category_id", "token", name="uq_delivery_school_id_month_category_id_token"
        ),
    )
    op.create_index("ix_delivery_document_id", "delivery", ["document_id"])
    op.create_index("ix_delivery_folder", "delivery", ["school_id", "month", "category_id", "visible_until"])
    op.create_index(
        "ix_delivery_months",
        "delivery",
        ["school_id", "visible_until", "month", "category_id", "published_at"],
    )


def downgrade() -> None:
    """There is nothing before these tables."""
    raise NotImplementedError("restore an older home instead")
