"""The record's guard inside the database: triggers that let rows be added at the end and nothing else.

`create` makes tables and triggers in an empty database (tests, throw-away homes). A served home gets the same from the
migration `config/migrations/audit/versions/0001_record.py`, which repeats this text because `config` may not import
upward; a test holds the two equal. Whoever owns the database can drop a trigger: then the chain tells.
"""

from __future__ import annotations

from sqlalchemy import Connection

from config.database import AuditBase
from policy.audit.models import AuditBatch, AuditRecord

# REPLACE would delete without firing a DELETE trigger; demanding the next number shuts that way too.
# 63072000000000 µs are `verify.KEPT`, before the last batch: asking the clock would trust whoever sets it.
SQLITE_DDL: tuple[str, ...] = (
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

POSTGRESQL_DDL: tuple[str, ...] = (
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


def create(connection: Connection) -> None:
    """Tables and triggers in an empty database. Raises sqlalchemy.exc.SQLAlchemyError if they are there already."""
    tables = [AuditBase.metadata.tables[t.__tablename__] for t in (AuditRecord, AuditBatch)]
    AuditBase.metadata.create_all(connection, tables=tables, checkfirst=False)
    for statement in SQLITE_DDL if connection.dialect.name == "sqlite" else POSTGRESQL_DDL:
        connection.exec_driver_sql(statement)
