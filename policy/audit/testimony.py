"""Checkpoints as they lie in files: those that the home keeps, and those that somebody brings from outside.

Used by `Checkpointer` and `ladocs audit verify`. Raises OSError where a folder or file cannot be read or written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import SEEK_END
from pathlib import Path

from sqlalchemy import Connection, select

from config.clock import london_date
from config.files import make_private_folder, write_durably
from policy.audit.chain import Head
from policy.audit.checkpoint import BRIEF, MARK, Checkpoint, NotACheckpoint, PublicKeys
from policy.audit.models import AuditBatch

_LAST_BYTES = 4096


_BRIEF = re.compile(rf"{BRIEF}(0|[1-9][0-9]*):(0|[1-9][0-9]*):([0-9a-f]{{20}})(?![0-9a-f])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Brief:
    """A head as the foot of a mail tells it: it is not signed, and `link` are the first 10 bytes."""

    records: int
    b: int
    link: bytes


@dataclass(frozen=True, slots=True)
class Testimony:
    """One line of a file: where it stands, and the checkpoint or brief it is, or what is wrong with it."""

    where: str
    checkpoint: Checkpoint | None
    fault: str = ""
    brief: Brief | None = None


@dataclass(frozen=True, slots=True)
class CheckpointFolder:
    """The home's own: a file for each day in Europe/London, which holds the last checkpoint of it."""

    path: Path

    def keep(self, checkpoint: Checkpoint) -> None:
        """On the disk on return; that of the same day gives way."""
        make_private_folder(self.path)
        write_durably(self.path / f"{london_date(checkpoint.at)}.txt", f"{checkpoint}\n".encode("ascii"))

    def read(self) -> list[Testimony]:
        """All that are kept, in order of their days."""
        return list(read_all(sorted(self.path.glob("*.txt")))) if self.path.is_dir() else []

    def last(self) -> Checkpoint | None:
        """The last one that was kept; whether it is signed is not looked at."""
        files = sorted(self.path.glob("*.txt"))
        return last_of(files[-1]) if files else None

    def newest(self, keys: PublicKeys) -> Checkpoint | None:
        """The one of the most records among those that `keys` signed."""
        kept = (one.checkpoint for one in self.read() if one.checkpoint is not None)
        return max((one for one in kept if one.is_signed(keys)), key=lambda one: one.head.records, default=None)


def read_all(files: Iterable[Path]) -> Iterator[Testimony]:
    """Every line of `files`. A log's own words may stand before a checkpoint, and nothing after it.

    What is typed in place of a file may be a brief itself.
    """
    for file in files:
        if _BRIEF.fullmatch(str(file)):
            yield _testimony("what was typed", str(file))
            continue
        found = 0
        with file.open(encoding="ascii", errors="replace", newline=None) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    found += 1
                    yield _testimony(f"{file}, line {number}", line.removesuffix("\n"))
        if not found:
            yield Testimony(str(file), None, "it holds no checkpoint")


def last_of(file: Path) -> Checkpoint | None:
    """The checkpoint in the last line of `file`, which may be long; None where it is none, or no file is there."""
    try:
        with file.open("rb") as lines:
            lines.seek(max(0, lines.seek(0, SEEK_END) - _LAST_BYTES))
            tail = lines.read().decode("ascii", "replace").splitlines()
    except FileNotFoundError:
        return None
    return _testimony(str(file), tail[-1]).checkpoint if tail else None


def _testimony(where: str, line: str) -> Testimony:
    if MARK not in line and (short := _BRIEF.search(line)) is not None:
        return Testimony(where, None, brief=Brief(int(short[1]), int(short[2]), bytes.fromhex(short[3])))
    start = line.rfind(MARK)
    try:
        return Testimony(where, Checkpoint.parse(line[max(0, start) :]))
    except NotACheckpoint as exc:
        return Testimony(where, None, str(exc))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one: whether a key of the home signed it, and what is wrong, "" for nothing."""

    signed: bool
    fault: str


def judged(one: Testimony, keys: PublicKeys, connection: Connection) -> Verdict:
    """Its signature, and how it agrees with the record that `connection` sees; the fault says what differs."""
    if one.brief is not None:
        return Verdict(False, difference(one.brief, connection))
    if one.checkpoint is None:
        return Verdict(False, one.fault)
    differs = difference(one.checkpoint.head, connection)
    if one.checkpoint.is_signed(keys):
        return Verdict(True, differs)
    if one.checkpoint.key_id not in keys:
        why = f"it is signed by a key that is not this home's ({one.checkpoint.key_id})"
    else:
        why = "its signature does not hold"
    return Verdict(False, f"{why}; {differs or 'its head is the one of the record: origin, time or signature differ'}")


def difference(said: Head | Brief, connection: Connection) -> str:
    """How the record that `connection` sees differs from `said`, at its batch; "" where it does not.

    Reads one row: that the record holds together up to there is for `verify` to prove.
    """
    if said == Head():
        return ""
    row = connection.execute(
        select(AuditBatch.first, AuditBatch.n, AuditBatch.link).where(AuditBatch.b == said.b)
    ).one_or_none()
    if row is None:
        return f"the record has no batch {said.b}: it ends before this checkpoint"
    try:
        records = row.first + row.n - 1
    except TypeError:  # SQLite holds a text in any column, once somebody put it there
        return f"batch {said.b} of the record cannot be read"
    if records != said.records:
        return f"it says {said.records} records up to batch {said.b}, the record has {records}"
    if row.link[: len(said.link)] != said.link:
        return f"it says link {_short(said.link)} of batch {said.b}, the record has {_short(row.link)}"
    return ""


def _short(link: object) -> str:
    return f"{link.hex()[:20]}…" if isinstance(link, bytes) else "none"
