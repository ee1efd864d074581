"""The homes of the tests: one text of settings, and the product's own founding with the test's clock.

Called by whatever needs a home: `world`, `story` and the tests of publishing. The measurements take the text.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from config.clock import Clock
from config.home import Home, settings_file
from config.settings import Settings
from gateway import core as cores
from gateway.founding import founding
from tests.support.clock import FakeClock
from tests.support.postgres import PostgresServer

SETTINGS = """\
[service]
name = "LA Documents"

[support]
name = "Children's Services web team"
phone = "01629 536797"
mail = "cs.web@derbyshire.gov.uk"
hours = "Monday to Friday, 9:00 to 17:00"

[keys]
dir = "keys"
"""


def found_home(
    path: Path, clock: Clock, *, settings: str = SETTINGS, database: str | None = None
) -> tuple[Home, Settings]:
    """A home at `path` in which nobody is, on SQLite or in the empty database at the URL `database`."""
    text = settings if database is None else f"{settings}\n{_section(database)}"
    with founding(path, settings_text=text, environ={}, clock=clock, entropy=os.urandom) as made:
        return made


def empty_home(path: Path, server: PostgresServer | None = None) -> tuple[Home, Settings]:
    """As `found_home`, at a `FakeClock`'s first moment; in a new database of `server`, where one is given.

    It is a copy of one that was founded once a process, because making keys takes a second.
    """
    template = _template(server)
    shutil.copytree(template.home, path)
    if server is not None and template.database is not None:
        file = settings_file(path)
        own = server.fresh_database(like=template.database)
        file.write_text(file.read_text().replace(_section(template.database), _section(own)))
    return cores.open_home(path, {})


def _section(database: str) -> str:
    return f'[database]\nurl = "{database}"\n'


@dataclass(frozen=True)
class _Template:
    home: Path
    database: str | None


@cache
def _template(server: PostgresServer | None) -> _Template:
    place = Path(tempfile.mkdtemp(prefix="ladocs-home-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    database = server.fresh_database() if server else None
    found_home(place / "home", FakeClock(), database=database)
    return _Template(place / "home", database)
