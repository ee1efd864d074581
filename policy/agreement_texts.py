"""The texts of the agreement: files that the settings name, each the same for ever once it was seen [R23].

Called at the start, by commands and by `ladocs doctor`. Raises OperatorError (status 2) for a file that cannot be read
or has been changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from auth.upsert import insert_into
from config.errors import OperatorError
from config.settings import Agreement, AgreementText
from policy.models import AgreementVersion

_LARGEST = 1 << 20
_MARK = "specimen"


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A version as its file has it."""

    version: str
    in_force_on: date
    text: str
    sha256: bytes

    @property
    def is_specimen(self) -> bool:
        """Whether its first line says that it is one."""
        return _MARK in self.text.lstrip().partition("\n")[0].lower()


def texts(settings: Agreement) -> list[Text]:
    """Every version that is listed, the oldest first."""
    return [_read(listed) for listed in settings.versions]


def unseen(connection: Connection, read: Sequence[Text]) -> list[Text]:
    """Those of `read` that this home has not seen before. Raises OperatorError where one was another text then."""
    rows = connection.execute(select(AgreementVersion.version, AgreementVersion.sha256))
    seen = {row.version: row.sha256 for row in rows}
    for text in read:
        if seen.get(text.version, text.sha256) != text.sha256:
            raise OperatorError(
                f"The text of {text.version} is not the one that was there before: put that one back, and list the new"
                " text in agreement.versions as a version of its own.",
                exit_status=2,
            )
    return [text for text in read if text.version not in seen]


def enter(connection: Connection, read: Sequence[Text], at: datetime) -> None:
    """Remember what has not been seen before: from `at` on each of these versions is this text."""
    for text in unseen(connection, read):
        # Another process may enter it at the same moment.
        row = insert_into(connection, AgreementVersion).values(version=text.version, sha256=text.sha256, entered_at=at)
        connection.execute(row.on_conflict_do_nothing(index_elements=["version"]))


def _read(listed: AgreementText) -> Text:
    try:
        with listed.file.open("rb") as file:
            data = file.read(_LARGEST + 1)
        text = data.decode("utf-8-sig")
    except OSError as exc:
        raise _unreadable(listed, f"cannot be read ({exc.strerror})") from exc
    except UnicodeDecodeError as exc:
        raise _unreadable(listed, "is not UTF-8") from exc
    if not text.strip() or len(data) > _LARGEST:
        raise _unreadable(listed, "is empty" if not text.strip() else "is larger than any agreement")
    return Text(
        version=listed.version,
        in_force_on=listed.in_force_on,
        text=text,
        sha256=hashlib.sha256(data).digest(),
    )


def _unreadable(listed: AgreementText, why: str) -> OperatorError:
    return OperatorError(
        f"The text of {listed.version}, {listed.file}, {why}: put a text there, or name its file in"
        " agreement.versions.",
        exit_status=2,
    )
