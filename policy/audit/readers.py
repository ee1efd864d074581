"""Who read a document, and who saw its folder: what `ladocs audit find` answers from the record [R24], [R26].

"Read" is what left: bytes of `file:close`, which is written after they were sent. "Unconfirmed" is what may have left:
a grant whose closing is missing, because the process died or the session goes on. "Listed" is a folder whose names were
given. A reader is an account by one program from one address: a preview or a scanner stands as itself. Reads all rows
since a moment once, in order; raises sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from policy.audit.events import Event, EventKind
from policy.audit.payload import decode, needle
from policy.audit.query import payloads
from policy.audit.ranges import Ranges


@dataclass(frozen=True, slots=True)
class Reader:
    """Who, through which school, and by what."""

    actor: int | None
    school: int | None
    protocol: str
    client: str
    address: str

    @classmethod
    def of(cls, event: Event) -> Reader:
        """Whose act `event` is."""
        return cls(event.actor, event.school, event.protocol, event.client, event.address)


@dataclass(frozen=True, slots=True)
class Read:
    """What one reader got of one document. `times`: handles; `sent` and `unconfirmed`: different bytes of it."""

    reader: Reader
    reference: str
    first: datetime
    last: datetime
    times: int
    sent: int
    unconfirmed: int


@dataclass(frozen=True, slots=True)
class Listing:
    """How often one reader was given the names of one folder, `7/2026-11/3`."""

    reader: Reader
    folder: str
    first: datetime
    last: datetime
    times: int


@dataclass(frozen=True, slots=True)
class Found:
    """The answer, in order of the first act; `unreadable` records of that time were pruned, or changed."""

    reads: tuple[Read, ...]
    listings: tuple[Listing, ...]
    unreadable: int


Spans = Mapping[str, tuple[datetime, datetime]]
"""Folders, and from when until when their being listed matters."""


def of_documents(connection: Connection, references: Collection[str], folders: Spans, since: datetime) -> Found:
    """Who read one of `references`, and who listed one of `folders` in its time, in records from `since` on."""
    wanted = [needle("reference", one) for one in references] + [needle("object", one) for one in folders]
    tally = _Tally(folders)
    for payload in tally.heard(connection, since):
        if any(part in payload for part in wanted):
            tally.add(payload)
    return tally.found()


def of_account(connection: Connection, account_id: int, since: datetime | None) -> Found:
    """What the account read and listed, in records from `since` on."""
    its = needle("actor", account_id)
    tally = _Tally(None)
    for payload in tally.heard(connection, since):
        if its in payload:
            tally.add(payload)
    return tally.found()


_KINDS = {kind: needle("event", kind.value) for kind in (EventKind.FILE_OPEN, EventKind.FILE_CLOSE)}
_BROWSE = needle("event", EventKind.FOLDER_BROWSE.value)
_SIGN_OUT = needle("event", EventKind.SIGN_OUT.value)
_SESSION = re.compile(rb'"session":"([^"\\]*)"')
_DOCUMENT_FOLDER = re.compile(r"[0-9]+/[0-9]{4}-[0-9]{2}/[0-9]+")


@dataclass(slots=True)
class _Thread:
    """One session's way through one object: what was granted, and whether a closing followed the last grant."""

    session: str
    granted: Ranges = field(default_factory=Ranges)
    closed: bool = True


@dataclass(slots=True)
class _Reading:
    first: datetime
    last: datetime
    opened: int = 0
    closings: int = 0
    sent: Ranges = field(default_factory=Ranges)
    threads: dict[tuple[str, str], _Thread] = field(default_factory=dict)


@dataclass(slots=True)
class _Seen:
    first: datetime
    last: datetime
    times: int = 0


class _Tally:
    def __init__(self, folders: Spans | None) -> None:
        self._folders = folders
        self._reads: dict[tuple[Reader, str], _Reading] = {}
        self._seen: dict[tuple[Reader, str], _Seen] = {}
        self._ended: set[str] = set()
        self._unreadable = 0

    def heard(self, connection: Connection, since: datetime | None) -> Iterator[bytes]:
        """The payloads that may count; sessions that ended are noted on the way."""
        for payload in payloads(connection, since):
            if not isinstance(payload, bytes):  # pruned; or somebody put a text there, which SQLite takes
                self._unreadable += 1
            elif _SIGN_OUT in payload:
                if (session := _SESSION.search(payload)) is not None:
                    self._ended.add(session[1].decode())
            elif _BROWSE in payload or any(kind in payload for kind in _KINDS.values()):
                yield payload

    def add(self, payload: bytes) -> None:
        try:
            event = decode(payload)
        except ValueError:
            self._unreadable += 1
            return
        if event.event is EventKind.FOLDER_BROWSE:
            self._listed(event)
        elif event.reference:
            self._read(event)

    def _listed(self, event: Event) -> None:
        folder = event.object
        if self._folders is None:
            if not _DOCUMENT_FOLDER.fullmatch(folder):
                return
        else:
            since, until = self._folders[folder]
            if not since <= event.at < until:
                return
        seen = self._seen.setdefault((Reader.of(event), folder), _Seen(event.at, event.at))
        seen.last = event.at
        seen.times += event.count

    def _read(self, event: Event) -> None:
        reading = self._reads.setdefault((Reader.of(event), event.reference), _Reading(event.at, event.at))
        reading.last = event.at
        thread = reading.threads.setdefault((event.session, event.object), _Thread(event.session))
        thread.closed = event.event is EventKind.FILE_CLOSE
        if thread.closed:
            reading.closings += event.count
        else:
            reading.opened += event.count
        for start, end in event.ranges:
            (reading.sent if thread.closed else thread.granted).add(start, end)

    def found(self) -> Found:
        return Found(
            tuple(self._summed(reader, reference, one) for (reader, reference), one in self._reads.items()),
            tuple(Listing(who, folder, one.first, one.last, one.times) for (who, folder), one in self._seen.items()),
            self._unreadable,
        )

    def _summed(self, reader: Reader, reference: str, one: _Reading) -> Read:
        sent = one.sent.take()
        perhaps = Ranges()
        for thread in one.threads.values():
            if not (thread.closed and thread.session in self._ended):
                for start, end in thread.granted.take():
                    perhaps.add(start, end)
        for start, end in sent:
            perhaps.add(start, end)
        return Read(
            reader=reader,
            reference=reference,
            first=one.first,
            last=one.last,
            times=max(one.opened, one.closings),
            sent=_length(sent),
            unconfirmed=_length(perhaps.take()) - _length(sent),
        )


def _length(ranges: tuple[tuple[int, int], ...]) -> int:
    return sum(end - start for start, end in ranges)
