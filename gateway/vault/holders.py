"""The folders that hold the keys beside the one in use, each of which takes part in every rotation [R9].

Called by the key box in the rotator's turn; read by whoever tells people. Which folders there are stands in the file
`holders` of each of them, never in the database: that can be put back to a day before one was added, which nobody would
rotate then (docs/decisions/0099-holders-are-known-by-the-keys.md). Keys are carried from the folder in use to the
others alone. A folder that cannot be reached is logged as an alarm and stays behind until it can. Raises OperatorError
and OSError for the folder in use.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from config.clock import Clock
from config.entropy import Entropy
from config.errors import OperatorError
from config.files import make_private_folder, write_durably
from config.outages import in_one_line
from gateway.vault.format import ID_BYTES
from gateway.vault.keyfolder import KeyFolder

log = logging.getLogger(__name__)

_FILE = "holders"
_VERSION = 1


class Standing(StrEnum):
    """How a folder stands to the one in use."""

    IN_USE = "in use"
    IN_STEP = "in step"
    BEHIND = "behind"
    GIVEN_UP = "given up"


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A folder with keys: `generation` is the last that it is known to have taken over, at `reached_at` (aware UTC).

    One that was given up at `given_up_at` is not looked for any more, and may hold the keys of that generation.
    """

    id: str
    folder: Path
    generation: int
    reached_at: datetime
    added_at: datetime
    given_up_at: datetime | None = None
    given_up_because: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What a key folder knows: its `own` id, the id of the one in use (`first`), and how often that became another."""

    own: str
    first: str
    turn: int
    holders: tuple[Holder, ...]

    def the(self, holder_id: str) -> Holder:
        """The holder of this id."""
        return next(one for one in self.holders if one.id == holder_id)

    @property
    def others(self) -> tuple[Holder, ...]:
        """All but the folder itself."""
        return tuple(one for one in self.holders if one.id != self.own)

    def standing(self, one: Holder, generation: int) -> Standing:
        """How `one` stands where the folder in use is at `generation`."""
        if one.id == self.own:
            return Standing.IN_USE
        if one.given_up_at is not None:
            return Standing.GIVEN_UP
        return Standing.IN_STEP if one.generation >= generation else Standing.BEHIND

    def behind(self, generation: int) -> list[Holder]:
        """Whoever has not yet reached `generation`, and is waited for."""
        return [one for one in self.others if self.standing(one, generation) is Standing.BEHIND]


def known_at(folder: Path) -> Known | None:
    """What the key folder knows of others; None where there never was one. Raises OperatorError, OSError."""
    file = folder / _FILE
    try:
        return _parsed(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as exc:
        raise OperatorError(
            f"{file} is damaged: put the whole file back from another holder of the keys.", exit_status=2
        ) from exc


def _parsed(text: str) -> Known:
    said = json.loads(text)
    if said.pop("version") != _VERSION:
        raise ValueError("another version")
    known = Known(**{**said, "holders": tuple(_holder(one) for one in said["holders"])})
    known.the(known.own)
    return known


def _holder(said: dict[str, Any]) -> Holder:
    given_up = said["given_up_at"]
    return Holder(
        **{
            **said,
            "folder": Path(said["folder"]),
            "reached_at": datetime.fromisoformat(said["reached_at"]),
            "added_at": datetime.fromisoformat(said["added_at"]),
            "given_up_at": datetime.fromisoformat(given_up) if given_up else None,
        }
    )


def _write(folder: Path, known: Known) -> None:
    said = {"version": _VERSION, **asdict(known)}
    data = json.dumps(said, default=lambda value: value.isoformat() if isinstance(value, datetime) else str(value))
    write_durably(folder / _FILE, data.encode())


class Holders:
    """The other holders of the keys in `folder`. Whoever changes them has the rotator's turn."""

    def __init__(self, folder: KeyFolder, clock: Clock, entropy: Entropy) -> None:
        self._folder = folder
        self._clock = clock
        self._entropy = entropy

    def follow(self) -> None:
        """Bring every other folder to where the one in use is; what cannot be is logged, and stays behind."""
        known = self._settled()
        if known is None:
            return
        at = self._folder.generation()
        own = replace(known.the(known.own), generation=at, reached_at=self._clock.now())
        known = _with(known, own)
        for one in known.others:
            if one.given_up_at is None:
                known = _with(known, self._brought(one, known, at))
        _write(self._folder.path, known)

    def add(self, folder: Path) -> Holder:
        """Make the empty `folder` a holder; on return it has all keys. Raises OperatorError where it holds anything."""
        path = folder.resolve()
        if path.exists() and (not path.is_dir() or any(child.name != "lost+found" for child in path.iterdir())):
            raise OperatorError(f"{path} is not empty: name a folder that is, or one that does not exist.")
        known = self._settled() or self._first()
        made = self._new(path)
        make_private_folder(path)
        KeyFolder(path).copy_from(self._folder, self._entropy)
        known = replace(known, holders=(*known.holders, made))
        for at in (path, self._folder.path):  # there first: a folder that is on the list is what the list says
            _write(at, replace(known, own=made.id if at == path else known.own))
        self.follow()
        return made

    def forget(self, folder: Path, because: str) -> Holder:
        """Destroy the keys in a holder, and look for it no more. One out of reach is given up, `because` of something.

        Raises OperatorError where it is no holder, or is out of reach without a reason.
        """
        known, path = self._settled(), folder.resolve()
        found = [one for one in known.others if one.folder == path] if known is not None else []
        one = next((one for one in found if one.given_up_at is None), None)
        if known is None or one is None:
            raise OperatorError(f"{path} is no other holder of the keys: see 'ladocs keys list'.")
        try:
            self._require(one, known)
        except (OSError, OperatorError) as exc:
            if not because:
                raise OperatorError(
                    f"{path} cannot be reached ({in_one_line(exc)}), and may hold keys: bring it back, or say with"
                    " --because what became of it."
                ) from exc
            given_up = replace(one, given_up_at=self._clock.now(), given_up_because=because)
            _write(self._folder.path, _with(known, given_up))
            return given_up
        KeyFolder(path).destroy_all_but(None, self._entropy)
        for name in ("box", _FILE, "lock"):
            (path / name).unlink(missing_ok=True)
        _write(self._folder.path, replace(known, holders=tuple(two for two in known.holders if two.id != one.id)))
        self.follow()
        return one

    def _settled(self) -> Known | None:
        """What the folder in use knows, once it is the first: a holder that was put in its place takes its turn.

        A folder that lies elsewhere than it says is a copy, or was moved: what lies where it says may hold keys too.
        """
        known = known_at(self._folder.path)
        if known is None:
            return None
        own = known.the(known.own)
        if own.folder != self._folder.path.resolve():
            own = self._new(self._folder.path.resolve())
            known = replace(known, own=own.id, holders=(*known.holders, own))
        if known.first != own.id:
            log.warning("the keys are in use in %s from now on", own.folder)
            known = replace(known, first=own.id, turn=known.turn + 1)
            known = _with(known, replace(own, given_up_at=None, given_up_because=""))
            _write(self._folder.path, known)
        return known

    def _first(self) -> Known:
        own = self._new(self._folder.path.resolve())
        return Known(own=own.id, first=own.id, turn=1, holders=(own,))

    def _new(self, folder: Path) -> Holder:
        now, generation = self._clock.now(), self._folder.generation()
        return Holder(
            id=self._entropy(ID_BYTES).hex(), folder=folder, generation=generation, reached_at=now, added_at=now
        )

    def _brought(self, one: Holder, known: Known, generation: int) -> Holder:
        """`one` as it is after it was brought to `generation`, or as it was."""
        try:
            there = self._require(one, known)
            if not self._is_there(there, generation):
                there.copy_from(self._folder, self._entropy)
            there.destroy_all_but(generation, self._entropy)
            reached = replace(one, generation=generation, reached_at=self._clock.now())
            _write(there.path, replace(_with(known, reached), own=one.id))
            return reached
        except (OSError, OperatorError) as exc:
            if one.generation < generation:
                log.critical(
                    "%s still holds keys that were destroyed here, as far as anybody knows: %s", one.folder, exc
                )
            return one

    def _is_there(self, there: KeyFolder, generation: int) -> bool:
        box, ours = there.box, self._folder.box
        root = there.root(generation)
        return box.exists() and box.read_bytes() == ours.read_bytes() and root.exists()

    def _require(self, one: Holder, known: Known) -> KeyFolder:
        """The folder of `one`, where it is there, is the one that was added, and was not used since without us."""
        theirs = known_at(one.folder)
        if theirs is None:
            raise OperatorError("it is not there: mount it.")
        if theirs.own != one.id:
            raise OperatorError("another key folder lies there: mount the right one.")
        there = KeyFolder(one.folder)
        newer = theirs.turn == known.turn and there.box.exists() and there.generation() > self._folder.generation()
        if theirs.turn > known.turn or newer:
            raise OperatorError(f"it was rotated without {self._folder.path} and is newer: set keys.dir to it.")
        return there


def _with(known: Known, changed: Holder) -> Known:
    """`known` with what is known now of one holder."""
    return replace(known, holders=tuple(changed if one.id == changed.id else one for one in known.holders))
