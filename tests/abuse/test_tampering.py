"""The tamper table: whoever owns the server changes the record, and the check that docs/audit-format.md names tells."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import compose
from gateway import core as cores
from policy.audit.checkpoint import Checkpoint
from tests.audit.test_verify import edit_with_leaf, rehash, swap_records
from tests.cli.county import County, ladocs, made

PAGE = Path(__file__).parents[2] / "docs/audit-format.md"
CHECKS = ("chain", "the home's checkpoints", "checkpoints from outside")


@dataclass(frozen=True)
class Server:
    """A home whose record goes on, somebody who noted a checkpoint outside, and an older copy of it all."""

    county: County

    @property
    def outside(self) -> Path:
        return self.county.root / "noted"

    @property
    def kept(self) -> Path:
        return self.county.home / "checkpoints"

    @property
    def backup(self) -> Path:
        return self.county.root / "backup"

    def sign(self) -> Checkpoint:
        """As the service does, with whatever key and record there are."""
        core = cores.core(*cores.open_home(self.county.home, os.environ))
        try:
            checkpointer = compose.checkpointer(core)
            checkpointer.end()
            return checkpointer.fresh()
        finally:
            core.database.dispose()

    def change(self, act: Callable[[sqlite3.Connection], object]) -> None:
        """As the owner of the file: triggers dropped first."""
        with closing(sqlite3.connect(self.county.home / "record.db")) as connection, connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            act(connection)

    def sql(self, *statements: str) -> None:
        self.change(lambda connection: [connection.execute(statement) for statement in statements])

    def cut(self, beyond: int) -> None:
        """Take off every batch after `beyond`."""
        self.sql(f"DELETE FROM audit_record WHERE batch > {beyond}", f"DELETE FROM audit_batch WHERE b > {beyond}")

    def restore(self, name: str) -> None:
        """Put back what the backup has."""
        there = self.county.home / name
        for file in (there, *self.county.home.glob(f"{name}-*")):
            if file.is_dir():
                shutil.rmtree(file)
            else:
                file.unlink(missing_ok=True)
        if (self.backup / name).exists():
            shutil.copy2(self.backup / name, there)

    @property
    def noted(self) -> Checkpoint:
        return Checkpoint.parse(self.outside.read_text().strip())

    @property
    def key(self) -> Path:
        return self.county.home / "secrets/record-signing.1"

    def found_by(self) -> set[str]:
        """Which checks tell."""
        with self._without(self.kept):
            chain = self._verified()
        whole = self._verified("--against", str(self.outside))
        refused = "\n".join(whole["refused"])
        told = (chain["fault"] is not None, str(self.kept) in refused, str(self.outside) in refused)
        assert whole["intact"] == (not any(told)), whole
        return {check for check, tells in zip(CHECKS, told, strict=True) if tells}

    def _verified(self, *arguments: str) -> Any:
        return json.loads(ladocs("--home", self.county.home, "audit", "verify", "--json", *arguments).out)

    @contextmanager
    def _without(self, folder: Path) -> Iterator[None]:
        away = folder.with_name("away")
        if folder.exists():
            folder.rename(away)
        try:
            yield
        finally:
            if away.exists():
                away.rename(folder)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> County:
    return made(tmp_path_factory.mktemp("tampering"))


@pytest.fixture
def server(template: County, tmp_path: Path) -> Server:
    one = Server(template.copied_to(tmp_path))
    one.backup.mkdir()
    shutil.copy2(one.county.home / "record.db", one.backup)
    one.county("school", "add", "830-2008", "--name", "Before the checkpoint")
    one.outside.write_text(f"{one.sign()}\n")
    one.county("school", "add", "830-2009", "--name", "After it")
    return one


def resigned(server: Server) -> None:
    server.change(rehash)
    shutil.rmtree(server.kept)
    server.sign()


def resigned_by_another(server: Server) -> None:
    server.key.write_bytes(bytes(reversed(range(32))))
    resigned(server)


def put_in_between(connection: sqlite3.Connection) -> None:
    last = connection.execute("SELECT max(seq) FROM audit_record").fetchone()[0]
    for seq in range(last, 4, -1):
        connection.execute("UPDATE audit_record SET seq = seq + 1 WHERE seq = ?", (seq,))
    connection.execute("INSERT INTO audit_record SELECT 5, batch, salt, payload, leaf FROM audit_record WHERE seq = 4")


def changed(file: Path) -> None:
    file.write_text(re.sub(r"batch=(\d+)", lambda found: f"batch={int(found[1]) - 1}", file.read_text()))


def forged(server: Server) -> None:
    said = server.noted
    other = Ed25519PrivateKey.from_private_bytes(bytes(reversed(range(32))))
    server.outside.write_text(f"{Checkpoint.sign(other, origin=said.origin, head=said.head, at=said.at)}\n")


def without_checkpoints(server: Server) -> None:
    server.cut(server.noted.head.b - 1)
    shutil.rmtree(server.kept)


def whole_home(server: Server) -> None:
    server.restore("record.db")
    server.restore("checkpoints")


DEEDS: dict[str, Callable[[Server], object]] = {
    "a record edited": lambda server: server.sql("UPDATE audit_record SET payload = x'7b7d' WHERE seq = 5"),
    "a record edited, its leaf made to fit": lambda server: server.change(edit_with_leaf),
    "a record emptied before its time": lambda server: server.sql(
        "UPDATE audit_record SET payload = NULL, salt = NULL WHERE seq = 5"
    ),
    "a record deleted": lambda server: server.sql("DELETE FROM audit_record WHERE seq = 5"),
    "a record put in between": lambda server: server.change(put_in_between),
    "two records exchanged": lambda server: server.change(swap_records),
    "a batch deleted whole": lambda server: server.sql(
        "DELETE FROM audit_record WHERE batch = 3", "DELETE FROM audit_batch WHERE b = 3"
    ),
    "a record edited and all hashed anew": lambda server: server.change(rehash),
    "the same, the home's checkpoints signed anew with its key": resigned,
    "the same, signed anew with another key in place of it": resigned_by_another,
    "the tail cut off": lambda server: server.cut(server.noted.head.b - 1),
    "the tail cut off, the home's checkpoints removed": without_checkpoints,
    "the record's file put back from an older copy": lambda server: server.restore("record.db"),
    "the whole home put back from an older copy": whole_home,
    "a checkpoint of the home changed": lambda server: changed(next(server.kept.iterdir())),
    "a checkpoint from outside changed": lambda server: changed(server.outside),
    "a checkpoint from outside forged with another key": forged,
    "what came after the newest checkpoint cut off": lambda server: server.cut(server.noted.head.b),
}


def table() -> dict[str, set[str]]:
    """What the page promises: for each deed, the checks that tell."""
    section = PAGE.read_text().partition("## Who finds what")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    assert rows[0] == ["what was done", *CHECKS]
    return {
        deed: {check for check, cell in zip(CHECKS, cells, strict=True) if cell == "found"} for deed, *cells in rows[2:]
    }


def test_the_table_has_a_row_for_each_deed_and_no_other() -> None:
    assert list(table()) == list(DEEDS)


@pytest.mark.parametrize("deed", DEEDS)
def test_what_was_done_is_found_by_the_checks_that_the_page_names(server: Server, deed: str) -> None:
    DEEDS[deed](server)
    assert server.found_by() == table()[deed]


def test_a_record_that_nobody_touched_is_found_by_no_check(server: Server) -> None:
    assert server.found_by() == set()
