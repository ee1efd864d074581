"""The databases' tables: brought up to date by `ladocs db upgrade`, checked before anything is served.

Two Alembic environments are shipped in the package, `main` and `audit`; each keeps its revision in a table of its own,
so both may share one PostgreSQL database. An upgrade is one transaction: it happened or it did not. Raises only
OperatorError (status 2).
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from config.database import Database
from config.errors import OperatorError

_ENVIRONMENTS = Path(__file__).parent / "migrations"


class Which(StrEnum):
    """One of the two databases; the value is the folder of its environment."""

    MAIN = "main"
    AUDIT = "audit"

    @property
    def version_table(self) -> str:
        return f"schema_version_{self.value}"


def upgrade(url: str, which: Which) -> tuple[str | None, str]:
    """Bring the database to the newest revision; the revisions before (None for an empty one) and after."""
    database = Database(url)
    try:
        with database.write() as connection:
            before = _revision(connection, which)
            _refuse_newer(before, which)
            command.upgrade(_config(which, connection), "head")
            return before, _head(which)
    except (SQLAlchemyError, OSError) as exc:
        raise _unreachable(which, exc) from exc
    finally:
        database.dispose()


def check(url: str, which: Which) -> None:
    """Raises OperatorError where the database is older or newer than this version, missing or out of reach."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        raise _stop(f"The {which} database {parsed.database} is missing: put it back from the backup.")
    database = Database(url)
    try:
        with database.read() as connection:
            revision = _revision(connection, which)
    except (SQLAlchemyError, OSError) as exc:
        raise _unreachable(which, exc) from exc
    finally:
        database.dispose()
    _refuse_newer(revision, which)
    if revision != _head(which):
        raise _stop(f"The {which} database is older than this ladocs: stop the service and run 'ladocs db upgrade'.")


def _revision(connection: Connection, which: Which) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": which.version_table})
    return context.get_current_revision()


def _refuse_newer(revision: str | None, which: Which) -> None:
    if revision is None:
        return
    try:
        _scripts(which).get_revision(revision)
    except CommandError as exc:
        raise _stop(
            f"The {which} database was made by a newer ladocs (revision {revision}): install that version."
        ) from exc


def _head(which: Which) -> str:
    head = _scripts(which).get_current_head()
    assert head is not None, "the package ships its migrations"
    return head


def _scripts(which: Which) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(which))


def _config(which: Which, connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection, "which": which})
    config.set_main_option("script_location", str(_ENVIRONMENTS / which).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config


def _unreachable(which: Which, exc: Exception) -> OperatorError:
    cause = str(getattr(exc, "orig", None) or exc).strip().splitlines() or [type(exc).__name__]
    return _stop(f"The {which} database cannot be used ({cause[0]}): check [database] in ladocs.toml.")


def _stop(message: str) -> OperatorError:
    return OperatorError(message, exit_status=2)
