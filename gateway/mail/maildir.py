"""A folder in Maildir form that takes the mails of an installation without a mail server, for people to pass on.

Each mail is a file in `new`, its owner's alone, since some hold a live link. Raises OutOfReach where the disk fails.
"""

from __future__ import annotations

import re
from email.message import EmailMessage
from pathlib import Path

from config.files import make_private_folder, sync_folder, write_durably
from gateway.mail.transport import OutOfReach

_FOLDERS = ("tmp", "new", "cur")


class Maildir:
    """A transport. A mail that is sent again takes the place of itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: EmailMessage, address: str) -> None:
        name = f"{re.sub('[^0-9A-Za-z]', '-', str(message['Message-ID'])).strip('-')}.ladocs"
        tmp, new = self._folder / "tmp", self._folder / "new"
        try:
            for folder in (self._folder, *(self._folder / each for each in _FOLDERS)):
                make_private_folder(folder)
            write_durably(tmp / name, message.as_bytes())
            (tmp / name).rename(new / name)
            sync_folder(new)
        except OSError as exc:
            raise OutOfReach(
                f"{self._folder} takes no mail ({exc.strerror})", "make room, or set mail.folder to a folder of ours"
            ) from exc

    def close(self) -> None:
        """Nothing is held open."""
