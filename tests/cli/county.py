"""A home for the tests of commands: made by the commands themselves, and run in this process."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import update

from config.settings import SPECIMEN
from gateway import compose
from gateway import core as cores
from gateway.cli.entry import main
from gateway.cli.operators import os_user
from gateway.mail.outbox import Mail
from gateway.services import Services
from tests.support.activation import activate

LADOCS = Path(sys.executable).with_name("ladocs")
ME = os_user({})
PRIMARY, SECONDARY = "830-2001", "830-4003"
INIT = (
    *("--username", "ada", "--name", "Ada Byron", "--email", "ada.byron@derbyshire.example"),
    *("--support-name", "Web team", "--support-phone", "01629 536797", "--support-mail", "web@derbyshire.example"),
)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command gave back."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output, which is one line of JSON."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """Its error, which is one line and all it said."""
        assert self.out == ""
        assert self.err.startswith("ladocs: ")
        assert self.err.count("\n") == 1
        return self.err.removeprefix("ladocs: ").rstrip("\n")


def ladocs(*arguments: str | Path) -> Ran:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main([str(argument) for argument in arguments])
    return Ran(status, out.getvalue(), err.getvalue())


@dataclass(frozen=True, slots=True)
class County:
    """A home in the folder `root`, with its keys beside it."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def settings(self) -> Path:
        return self.home / "ladocs.toml"

    def __call__(self, *arguments: str | Path, status: int = 0) -> Ran:
        """Run a command on this home; it ends with `status`."""
        ran = ladocs("--home", self.home, *arguments)
        assert ran.status == status, ran
        return ran

    def program(self, *arguments: str | Path, status: int = 0) -> Ran:
        """As a call, but by the installed program, in a process of its own."""
        words = [LADOCS, "--home", self.home, *arguments]
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done
        return Ran(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def services(self) -> Iterator[Services]:
        """What the pages of this home stand on."""
        made = compose.services(*cores.open_home(self.home, os.environ))
        try:
            yield made
        finally:
            compose.close(made)

    def copied_to(self, root: Path) -> County:
        """The same home in another folder."""
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        copy = County(root)
        copy.change_settings(str(self.keys), str(copy.keys))
        return copy

    def change_settings(self, old: str, new: str) -> None:
        """Put `new` where `old` stands in the settings file."""
        text = self.settings.read_text()
        assert old in text
        self.settings.write_text(text.replace(old, new))

    def act_as(self, username: str) -> None:
        """Map whoever runs the tests to another account."""
        self.change_settings('= "ada"', f'= "{username}"')

    def execute(self, database: str, statement: str) -> None:
        """Change a database behind the program's back."""
        with closing(sqlite3.connect(self.home / database)) as connection, connection:
            connection.execute(statement)

    def state(self) -> dict[str, object]:
        """All that a command could change: rows of both databases, and every other file."""
        files = [file for folder in (self.home, self.keys) for file in folder.rglob("*") if file.is_file()]
        kept = {str(file): file.read_bytes() for file in files if not file.name.startswith(("ladocs.db", "record.db"))}
        return {**kept, **{name: self._rows(name) for name in ("ladocs.db", "record.db")}}

    def mails(self) -> list[tuple[str, str]]:
        """Kind and address of each mail that waits, the oldest first; those of making the county were sent."""
        with closing(sqlite3.connect(self.home / "ladocs.db")) as connection:
            waiting = "SELECT kind, address FROM mail WHERE COALESCE(sent_at, dropped_at, given_up_at) IS NULL"
            return [(kind, address) for kind, address in connection.execute(f"{waiting} ORDER BY id")]

    def _rows(self, name: str) -> list[str]:
        with closing(sqlite3.connect(f"file:{self.home / name}?mode=ro", uri=True)) as connection:
            return list(connection.iterdump())


def made(root: Path) -> County:
    """A home with an administrator (ada), an officer, an auditor, two schools, a headteacher and a SENCO."""
    assert ladocs("--home", root / "home", "init", "--keys-dir", root / "keys", *INIT).status == 0
    county = County(root)
    county("school", "add", PRIMARY, "--name", "Example Primary School", "--urn", "112501")
    county("school", "add", SECONDARY, "--name", "Example Secondary School")
    for number in (PRIMARY, SECONDARY):
        signed = ("--version", SPECIMEN.version, "--signed-on", "2025-09-03", "--signed-by", "Mary Head")
        county("agreement", "record", number, *signed)
    for username, role in (("olive", "officer"), ("audrey", "auditor")):
        mail = f"{username}.smith@derbyshire.example"
        county("account", "add", username, "--name", username.title(), "--email", mail, "--staff", role)
    county(*person("m.head", "Mary Head"), "--school", PRIMARY, "--role", "headteacher")
    county(*person("s.senco", "Sam Senco"), "--school", PRIMARY, "--role", "SENCO", "--category", "send")
    with county.services() as services:
        for username in ("olive", "audrey", "m.head", "s.senco"):
            activate(services, username)
        with services.database.write() as connection:
            connection.execute(update(Mail).values(sent_at=services.clock.now()))
    return county


def person(username: str, name: str) -> tuple[str, ...]:
    """The beginning of a command that enters somebody of a school."""
    return ("account", "add", username, "--name", name, "--email", f"{username}@primary.example")


def lists_an_agreement(county: County, text: str, *, day: str = "2025-09-01") -> Path:
    """A version 2026-1 in the settings, in place of the specimen, with this text; its file."""
    file = county.home / "agreement.md"
    file.write_text(text)
    listed = f'versions = [{{ version = "2026-1", from = {day}, file = "agreement.md" }}]'
    county.settings.write_text(f"{county.settings.read_text()}\n[agreement]\n{listed}\n")
    return file
