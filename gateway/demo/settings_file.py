"""The settings file of a demo home with the texts it names, and the line by which one is known.

Called by the build and by `ladocs demo`, which throws away what bears that line and nothing else. Thread-safe.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from config.files import make_private_folder, write_durably
from config.home import settings_file
from config.settings import SPECIMEN

NEW_AGREEMENT = "specimen-2"

_AGREEMENTS = "agreements"
_MARK = "# A demonstration home: 'ladocs demo' may throw it away and build it again."
_TEXT = """\
{mark}

[service]
name = "LA Documents"

[support]
name = "Children's Services web team"
phone = "01629 536797"
mail = "cs.web@derbyshire.gov.uk"
hours = "Monday to Friday, 9:00 to 17:00"

[keys]
dir = "keys"

[serve]
http_port = 8080

[agreement] # the second version was brought in a few days ago, and one school has not signed it yet
versions = [
    {{ version = "{first.version}", from = {first.in_force_on}, file = "{folder}/{first.version}.md" }},
    {{ version = "{second}", from = {begins}, file = "{folder}/{second}.md" }},
]

[operators] # whoever built this home gives commands as its first officer
{user} = "h.calladine"
"""


def settings_text(user: str, begins: date) -> str:
    """The file, for the user of this machine who built the home; the new agreement is in force from `begins`."""
    return _TEXT.format(
        mark=_MARK, user=json.dumps(user), first=SPECIMEN, second=NEW_AGREEMENT, folder=_AGREEMENTS, begins=begins
    )


def write_agreements(path: Path) -> None:
    """The texts that the file names, in the home at `path`."""
    folder, text = path / _AGREEMENTS, SPECIMEN.file.read_text(encoding="utf-8")
    make_private_folder(folder)
    write_durably(folder / f"{SPECIMEN.version}.md", text.encode())
    title, _, rest = text.partition("\n")
    write_durably(folder / f"{NEW_AGREEMENT}.md", f"{title}, SECOND VERSION\n{rest}".encode())


def is_demo(path: Path) -> bool:
    """Whether `path` holds a demo home, or the beginnings of one."""
    try:
        with settings_file(path).open(encoding="utf-8") as file:
            return file.readline().rstrip("\n") == _MARK
    except (OSError, UnicodeDecodeError):
        return False
