"""Run by Alembic for `config.schema.upgrade`, inside the transaction that it hands in."""

from __future__ import annotations

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table=attributes["which"].version_table,
    render_as_batch=True,
)
context.run_migrations()
