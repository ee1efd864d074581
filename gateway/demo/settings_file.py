"""The settings file of a demo home, and the line by which one is known.

Called by the build and by `ladocs demo`, which throws away what bears that line and nothing else. Thread-safe.
"""

from __future__ import annotations

import json
from pathlib import Path

from config.home import settings_file

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

[operators] # whoever built this home gives commands as its first officer
{user} = "h.calladine"
"""


def settings_text(user: str) -> str:
    """The file, for the user of this machine who built the home."""
    return _TEXT.format(mark=_MARK, user=json.dumps(user))


def is_demo(path: Path) -> bool:
    """Whether `path` holds a demo home, or the beginnings of one."""
    try:
        with settings_file(path).open(encoding="utf-8") as file:
            return file.readline().rstrip("\n") == _MARK
    except (OSError, UnicodeDecodeError):
        return False
