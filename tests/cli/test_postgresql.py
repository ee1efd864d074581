"""A county on PostgreSQL: founded, filled, published to and proved by the same commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.county import PRIMARY, made
from tests.support.postgres import PostgresServer


def test_the_commands_work_on_postgresql(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LADOCS_DATABASE__URL", postgres.fresh_database())
    county = made(tmp_path)
    (tmp_path / "Letter.txt").write_text("Dear headteacher\n")
    county("publish", tmp_path / "Letter.txt", "--category", "SEND", "--school", PRIMARY)
    county("account", "revoke", "s.senco", "--school", PRIMARY)
    county("device", "add", "m.head", "--name", "PC")
    county("clock", "confirm")
    [row] = county("document", "list", "--json").json
    assert (row["name"], row["schools"], row["state"]) == ("Letter.txt", [PRIMARY], "visible")
    assert len(county("audit", "list", "--account", "ada", "--json").json) > 10
    assert county("audit", "verify", "--json").json["intact"]
    assert [row["changed"] for row in county("db", "upgrade", "--json").json] == [False, False]
    assert not list(county.home.glob("*.db"))
