"""FileZilla on a screen that nobody sees: its windows are counted and answered, and its queue brings documents.

Driven as a person drives it: a site is opened, each window is typed into, and Ctrl+P works the queue off. Written for
Debian 12's FileZilla 3.63, whose queue is a database of SQLite.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape

from tests.interop.running import Done
from tests.support.county import HOST, County
from tests.support.story import Letter, Person
from tests.support.waiting import until

TRANSFERS = 5
_SFTP = 1
_DOWNLOAD = 0x10
_TABLES = """\
CREATE TABLE servers (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, host TEXT NOT NULL, port INTEGER, user TEXT,
 password TEXT, account TEXT, keyfile TEXT, protocol INTEGER, type INTEGER, logontype INTEGER, timezone_offset INTEGER,
 transfer_mode TEXT, max_connections INTEGER, encoding TEXT, bypass_proxy INTEGER, post_login_commands TEXT, name TEXT,
 parameters TEXT, site_path TEXT DEFAULT NULL);
CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, server INTEGER NOT NULL, source_file TEXT,
 target_file TEXT, local_path INTEGER, remote_path INTEGER, size INTEGER, error_count INTEGER, priority INTEGER,
 flags INTEGER, default_exists_action INTEGER, extra_flags TEXT);
CREATE INDEX server_index ON files (server);
CREATE TABLE local_paths (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, path TEXT NOT NULL);
CREATE TABLE remote_paths (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, path TEXT NOT NULL);
PRAGMA user_version=7;
"""


class Logon(IntEnum):
    """What a site's "Logon Type" is."""

    NORMAL = 1
    INTERACTIVE = 3
    KEY_FILE = 5


@dataclass
class FileZilla:
    """A FileZilla with a queue, which is running. `windows` counts those that asked for a password or a code."""

    folder: Path
    environ: Mapping[str, str]
    wanted: Mapping[str, bytes]
    windows: int = 0
    _begun: bool = field(default=False)

    @property
    def log(self) -> str:
        """What it says it did."""
        file = self.folder / "log"
        return file.read_text() if file.exists() else ""

    def work(self, answers: Iterable[str], seconds: float = 60.0) -> bool:
        """Whether all that is queued has arrived, its windows being answered by `answers` in their turn."""
        left = iter(answers)

        def done() -> bool:
            for window, title in self._windows():
                self._see_to(window, title, left)
            return self.arrived

        return until(done, seconds)

    @property
    def arrived(self) -> bool:
        """Whether the copies are the documents."""
        copies = {file.name: file.read_bytes() for file in (self.folder / "copy").iterdir()}
        return copies == self.wanted

    def _see_to(self, window: str, title: str, answers: Iterator[str]) -> None:
        if title == "Unknown host key":
            self._type(window, "")
        elif title == "Enter password":
            self.windows += 1
            self._type(window, next(answers, ""))
        elif not self._begun and title.startswith("ladocs") and 'listing of "/" successful' in self.log:
            self._begun = True
            self._do("windowfocus", window, "key", "--window", window, "ctrl+p")

    def _type(self, window: str, text: str) -> None:
        """Type into a window and wait until it has gone."""
        if text:
            self._do("windowfocus", window, "type", "--window", window, text)
        self._do("windowfocus", window, "key", "--window", window, "Return")
        assert until(lambda: window not in dict(self._windows())), self.log

    def _windows(self) -> list[tuple[str, str]]:
        numbers = self._do("search", "--onlyvisible", "--name", ".").stdout.split()
        return [(number, self._do("getwindowname", number).stdout.strip()) for number in numbers]

    def _do(self, *arguments: str) -> Done:
        return subprocess.run(
            ["xdotool", *arguments], env=self.environ, capture_output=True, text=True, timeout=20, check=False
        )


@contextmanager
def filezilla(
    county: County, folder: Path, person: Person, logon: Logon, letters: Sequence[Letter], *, key: bool = False
) -> Iterator[FileZilla]:
    """FileZilla as `person`, who has queued `letters`; with `key`, the key stands in its settings of SFTP."""
    _settings(folder, {"SFTP keyfiles": str(person.key)} if key else {})
    site = _site(county, person, logon)
    (folder / ".config/filezilla/sitemanager.xml").write_text(
        f"<FileZilla3><Servers><Server>{_tags(site)}<Name>ladocs</Name></Server></Servers></FileZilla3>"
    )
    _queue(folder, site, person, letters)
    with ExitStack() as stack:
        out = stack.enter_context((folder / "out").open("wb"))
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "DISPLAY": _screen(stack, out)}
        process = subprocess.Popen(["filezilla", "-c", "0/ladocs"], env=environ, cwd=folder, stdout=out, stderr=out)
        stack.enter_context(process)
        stack.callback(process.terminate)
        yield FileZilla(folder, environ, {letter.name: letter.data for letter in letters})


def _screen(stack: ExitStack, out: IO[bytes]) -> str:
    """A screen that lasts as long as `stack`; its name."""
    ours, theirs = os.pipe()
    name = stack.enter_context(os.fdopen(ours))
    screen = ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "1280x900x24", "-nolisten", "tcp", "-noreset"]
    process = subprocess.Popen(screen, pass_fds=[theirs], stdout=out, stderr=out)
    os.close(theirs)
    stack.enter_context(process)
    stack.callback(process.terminate)
    return f":{name.readline().strip()}"


def _settings(folder: Path, more: Mapping[str, str]) -> None:
    config = folder / ".config/filezilla"
    config.mkdir(parents=True)
    (folder / "copy").mkdir()
    values = {
        "Number of Transfers": str(TRANSFERS),
        "Greeting version": "99.0",
        "Disable update check": "1",
        "Update Check": "0",
        "Prompt password save": "0",
        "Logging file": str(folder / "log"),
        **more,
    }
    lines = [f'<Setting name="{name}">{escape(value)}</Setting>' for name, value in values.items()]
    (config / "filezilla.xml").write_text(f"<FileZilla3><Settings>{''.join(lines)}</Settings></FileZilla3>")


def _site(county: County, person: Person, logon: Logon) -> dict[str, str]:
    return {
        "Host": HOST,
        "Port": str(county.sftp_port),
        "Protocol": str(_SFTP),
        "User": person.username,
        "Logontype": str(int(logon)),
        **({"Pass": person.password} if logon is Logon.NORMAL else {}),
        **({"Keyfile": str(person.key)} if logon is Logon.KEY_FILE else {}),
    }


def _tags(values: Mapping[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def _queue(folder: Path, site: Mapping[str, str], person: Person, letters: Sequence[Letter]) -> None:
    """Downloads of `letters`, which all lie in one folder, into the folder `copy`."""
    database = sqlite3.connect(folder / ".config/filezilla/queue.sqlite3")
    database.executescript(_TABLES)
    database.execute(
        "INSERT INTO servers (host, port, user, password, keyfile, protocol, type, logontype, timezone_offset,"
        " transfer_mode, max_connections, encoding, bypass_proxy, name, site_path) VALUES"
        " (:Host, :Port, :User, :Pass, :Keyfile, :Protocol, 0, :Logontype, 0, 'default', 0, 'Auto', 0, 'ladocs', '')",
        {"Pass": None, "Keyfile": None, **site},
    )
    parents = {letter.path(person).rpartition("/")[0] for letter in letters}
    [parent] = parents
    segments = " ".join(f"{len(name)} {name}" for name in parent.strip("/").split("/"))
    database.execute("INSERT INTO local_paths (path) VALUES (?)", (f"{folder}/copy/",))
    database.execute("INSERT INTO remote_paths (path) VALUES (?)", (f"1 0 {segments}",))
    database.executemany(
        "INSERT INTO files (server, source_file, local_path, remote_path, size, error_count, priority, flags)"
        " VALUES (1, ?, 1, 1, ?, 0, 2, ?)",
        [(letter.name, len(letter.data), _DOWNLOAD) for letter in letters],
    )
    database.commit()
    database.close()
