"""Migrations: what they make equals what the code declares, on both databases; versions that differ are refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, insert, select, text

import auth.models
import gateway.mail.outbox
import gateway.models
import gateway.vault.models
import policy.audit.models
import policy.models
from config.database import AuditBase, Base
from config.errors import OperatorError
from config.schema import Which, _config, check, upgrade
from tests.support.databases import opened
from tests.support.postgres import PostgresServer

MODULES = (
    auth.models,
    gateway.mail.outbox,
    gateway.models,
    gateway.vault.models,
    policy.audit.models,
    policy.models,
)
MADE = datetime(2026, 11, 25, tzinfo=UTC)
DECLARED = {Which.MAIN: Base.metadata, Which.AUDIT: AuditBase.metadata}


def _differences(url: str, which: Which, declared: MetaData) -> list[object]:
    with opened(url) as database, database.read() as connection:
        options = {"version_table": which.version_table, "compare_type": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), declared))


@pytest.mark.parametrize("which", Which)
def test_a_migrated_database_is_what_the_code_declares(empty_url: str, which: Which) -> None:
    upgrade(empty_url, which)
    assert _differences(empty_url, which, DECLARED[which]) == []


def test_every_number_is_given_once_also_in_a_migrated_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    upgrade(url, Which.MAIN)
    numbered = {
        name for name, table in Base.metadata.tables.items() if table.dialect_options["sqlite"]["autoincrement"]
    }
    with opened(url) as database, database.read() as connection:
        made = connection.execute(text("SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")).scalars()
        assert set(made) == numbered


def test_both_environments_share_one_database_without_meeting(postgres: PostgresServer) -> None:
    url = postgres.fresh_database()
    for which in Which:
        upgrade(url, which)
    for which in Which:
        check(url, which)


@pytest.mark.parametrize("which", Which)
def test_a_second_upgrade_changes_nothing(empty_url: str, which: Which) -> None:
    first = upgrade(empty_url, which)
    assert (first[0], upgrade(empty_url, which)) == (None, (first[1], first[1]))


def test_an_upgrade_from_the_first_tables_keeps_every_row(empty_url: str) -> None:
    with opened(empty_url) as database, database.write() as connection:
        command.upgrade(_config(Which.MAIN, connection), "0001")
        connection.execute(
            text(
                "INSERT INTO account (kind, username, name, layout, state, created_at)"
                " VALUES ('person', 'jo', 'Jo', 'single', 'active', 1)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO ssh_key (account_id, fingerprint, public_key, name, networks, created_at)"
                " VALUES (1, 'SHA256:a', 'ssh-ed25519 A', 'PC', '', 1)"
            )
        )
    assert upgrade(empty_url, Which.MAIN)[0] == "0001"
    with opened(empty_url) as database:
        with database.read() as connection:
            assert connection.execute(select(auth.models.Account.username)).scalars().all() == ["jo"]
            key = connection.execute(select(auth.models.SshKey)).one()
        assert (key.name, key.last_address, key.last_client) == ("PC", "", "")
        with database.write() as connection:
            row = insert(auth.models.Account).values(
                kind="person", username="lu", name="Lu", layout="single", state="active", created_at=MADE
            )
            assert connection.execute(row.returning(auth.models.Account.id)).scalar_one() == 2


@pytest.mark.parametrize("which", Which)
def test_an_older_database_is_refused_with_the_command_that_mends_it(empty_url: str, which: Which) -> None:
    with opened(empty_url) as database, database.write() as connection:
        connection.execute(text("CREATE TABLE anything (a INTEGER)"))
    with pytest.raises(OperatorError, match="ladocs db upgrade") as caught:
        check(empty_url, which)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("act", [check, upgrade])
@pytest.mark.parametrize("which", Which)
def test_a_database_of_a_newer_version_is_refused(
    empty_url: str, which: Which, act: Callable[[str, Which], object]
) -> None:
    upgrade(empty_url, which)
    with opened(empty_url) as database, database.write() as connection:
        connection.execute(text(f"UPDATE {which.version_table} SET version_num = '9999'"))
    with pytest.raises(OperatorError, match="newer ladocs") as caught:
        act(empty_url, which)
    assert caught.value.exit_status == 2


def test_a_missing_database_is_not_made_by_looking_at_it(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="missing"):
        check(f"sqlite:///{tmp_path}/none.db", Which.MAIN)
    assert not (tmp_path / "none.db").exists()


def test_a_database_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(OperatorError, match=r"\[database\]") as caught:
        check(f"sqlite:///{tmp_path}/x.db", Which.MAIN)
    assert "\n" not in str(caught.value)


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    with opened(url) as database, database.write() as connection:
        connection.execute(text("CREATE TABLE generation (a INTEGER)"))
    with pytest.raises(OperatorError):
        upgrade(url, Which.MAIN)
    with opened(url) as database, database.read() as connection:
        assert connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all() == [
            "generation"
        ]
