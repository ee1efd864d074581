"""The record: two tables that only grow, and the triggers that say so.

Whoever owns the database can drop a trigger: then the chain tells.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# REPLACE would delete without firing a DELETE trigger; demanding the next number shuts that way too.
# The long number is `policy.audit.verify.KEPT` in microseconds, before the last batch: asking the clock would trust
# whoever sets it.
_SQLITE = (
    """CREATE TRIGGER audit_record_insert BEFORE INSERT ON audit_record
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit_record)
BEGIN SELECT RAISE(ABORT, 'the record only grows at its end'); END""",
    """CREATE TRIGGER audit_record_update BEFORE UPDATE ON audit_record
WHEN NEW.payload IS NOT NULL OR NEW.salt IS NOT NULL
  OR NEW.seq IS NOT OLD.seq OR NEW.batch IS NOT OLD.batch OR NEW.leaf IS NOT OLD.leaf
  OR ((SELECT ts FROM audit_batch WHERE b = OLD.batch) + 63072000000000
    < (SELECT ts FROM audit_batch ORDER BY b DESC LIMIT 1)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'the record is never changed'); END""",
    """CREATE TRIGGER audit_record_delete BEFORE DELETE ON audit_record
BEGIN SELECT RAISE(ABORT, 'the record is never deleted'); END""",
    """CREATE TRIGGER audit_batch_insert BEFORE INSERT ON audit_batch
WHEN NEW.b IS NOT (SELECT coalesce(max(b), 0) + 1 FROM audit_batch)
  OR EXISTS (SELECT 1 FROM audit_batch WHERE link = NEW.link)
BEGIN SELECT RAISE(ABORT, 'the record only grows at its end'); END""",
    """CREATE TRIGGER audit_batch_update BEFORE UPDATE ON audit_batch
BEGIN SELECT RAISE(ABORT, 'the record is never changed'); END""",
    """CREATE TRIGGER audit_batch_delete BEFORE DELETE ON audit_batch
BEGIN SELECT RAISE(ABORT, 'the record is never deleted'); END""",
)

_POSTGRESQL = (
    """CREATE FUNCTION audit_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'audit_record' THEN
    IF NEW.payload IS NULL AND NEW.salt IS NULL
       AND NEW.seq = OLD.seq AND NEW.batch = OLD.batch AND NEW.leaf = OLD.leaf
       AND (SELECT ts FROM audit_batch WHERE b = OLD.batch) + 63072000000000
         < (SELECT ts FROM audit_batch ORDER BY b DESC LIMIT 1) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'the record is never changed' USING ERRCODE = 'insufficient_privilege';
END $$""",
    """CREATE TRIGGER audit_record_guard BEFORE UPDATE OR DELETE ON audit_record
FOR EACH ROW EXECUTE FUNCTION audit_guard()""",
    """CREATE TRIGGER audit_record_truncate BEFORE TRUNCATE ON audit_record
FOR EACH STATEMENT EXECUTE FUNCTION audit_guard()""",
    """CREATE TRIGGER audit_batch_guard BEFORE UPDATE OR DELETE ON audit_batch
FOR EACH ROW EXECUTE FUNCTION audit_guard()""",
    """CREATE TRIGGER audit_batch_truncate BEFORE TRUNCATE ON audit_batch
FOR EACH STATEMENT EXECUTE FUNCTION audit_guard()""",
)


def upgrade() -> None:
    """Create `audit_record` and `audit_batch` with their guards."""
    op.create_table(
        "audit_record",
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_record"),
    )
    op.create_table(
        "audit_batch",
        sa.Column("b", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("ts", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("link", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("b", name="pk_audit_batch"),
        sa.UniqueConstraint("link", name="uq_audit_batch_link"),
    )
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    """The record is never taken down."""
    raise NotImplementedError("the record only grows: restore an older home instead")
