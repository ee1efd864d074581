"""What the record says of one account, by it and about it: what `ladocs report person` answers from the record [R37].

Reading is told by `policy.audit.readers`, summed up; all else stands here, act by act. Reads all rows once, in order;
raises sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from policy.audit.events import EventKind, Result
from policy.audit.payload import needle
from policy.audit.query import Entry, Filter, stream

_READING = frozenset({EventKind.FOLDER_BROWSE, EventKind.FILE_OPEN, EventKind.FILE_CLOSE})
_SIGNING_IN = frozenset({EventKind.SIGN_IN, EventKind.SIGN_OUT})
_MAILS = frozenset({EventKind.MAIL_SENT, EventKind.MAIL_FAILED})


class Section(StrEnum):
    """What an act is to the account that is asked about."""

    SIGN_INS = "sign_ins"
    REFUSALS = "refusals"
    MAILS = "mails_recorded"
    DONE_TO = "done_to_the_account"
    DONE_BY = "done_by_the_account"


@dataclass(frozen=True, slots=True)
class Acts:
    """The acts by section, the oldest first. `unreadable`: records that were pruned, or cannot be read."""

    by_section: Mapping[Section, list[Entry]]
    unreadable: int


def of_person(connection: Connection, account_id: int) -> Acts:
    """Everything but reading that the account did, or that was done to it."""
    found: dict[Section, list[Entry]] = {section: [] for section in Section}
    unreadable = 0
    either = (needle("actor", account_id), needle("object", f"account:{account_id}"))
    for entry in stream(connection, Filter(), either):
        if entry.event is None:
            unreadable += 1
        elif entry.event.event not in _READING:
            found[_section(entry, account_id)].append(entry)
    return Acts(found, unreadable)


def _section(entry: Entry, account_id: int) -> Section:
    event = entry.event
    assert event is not None
    if event.event in _MAILS:
        return Section.MAILS
    if event.actor != account_id:
        return Section.DONE_TO
    if event.event in _SIGNING_IN:
        return Section.SIGN_INS
    return Section.DONE_BY if event.result is Result.PERMIT else Section.REFUSALS
