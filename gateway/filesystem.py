"""The one file system behind every door: alone it brings policy, record and vault together.

Called by the SFTP and WebDAV adapters, each with a file system bound to one principal and one session. Every
operation reads the clock once, asks what the principal holds, decides, and has a durable grant of the record before a
name or a byte leaves. There is no verb that writes [R4]. Thread-safe. Raises only FSError.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from auth.principal import Principal
from config.database import Database
from gateway.catalogue import Catalogue, Folder, Found, Listed
from gateway.clockguard import GuardedClock
from gateway.errors import Damaged, IsADirectory, NotADirectory, NotFound, Unavailable
from gateway.faults import as_fs_errors
from gateway.handles import DocumentHandle, TextHandle
from gateway.path import VirtualPath
from gateway.places import (
    ABOUT,
    AboutPlace,
    CategoryPlace,
    DocumentPlace,
    FolderPlace,
    MonthPlace,
    Place,
    Root,
    SchoolRoot,
    locate,
    school_at,
    shows_about,
    single_school,
)
from gateway.scopes import Scopes
from gateway.tree import Attributes, Entry, Handle, NodeKind
from gateway.vault.blob import Blob
from gateway.vault.keybox import KeyGone
from gateway.vault.vault import Vault
from gateway.witness import Witness
from policy.access import Action, Effect, Reason, Scope, decide

_ABOUT_SINCE = datetime(2026, 9, 1, tzinfo=UTC)  # the text's own date, alike on every server and for everyone


@dataclass(frozen=True, kw_only=True, slots=True)
class Rooms:
    """What every file system of a process stands on. `about` is the text of the root, or None where it is off."""

    database: Database
    clock: GuardedClock
    scopes: Scopes
    catalogue: Catalogue
    vault: Vault
    category_order: tuple[str, ...]
    about: bytes | None
    refusals: Mapping[Reason, str]
    write_refusal: str
    whom_to_ask: str


@dataclass(frozen=True, slots=True)
class _Known:
    """An open document as it was found when the counter of access stood at `generation`, or later."""

    found: Found
    generation: int


class VirtualFileSystem:
    """What one principal may see; implements `gateway.tree.FileSystem`, which says what a caller may rely on."""

    def __init__(self, rooms: Rooms, principal: Principal, witness: Witness) -> None:
        self._rooms = rooms
        self._principal = principal
        self._witness = witness

    def stat(self, path: VirtualPath) -> Attributes:
        with as_fs_errors():
            at = self._rooms.clock.now()
            scope, place = self._locate(path, at)
            if isinstance(place, DocumentPlace):
                found, _ = self._found(scope, place, at)
                self._witness.browsed(place.folder.key, place.school.school_id, at)
                return _document(found.delivery_id, found.size, found.published_at)
            if isinstance(place, AboutPlace):
                return self._about_attributes()
            newest = self._newest(scope, place, at)
            self._witness.browsed(place.key, place.school_id, at)
            return _folder(max(newest.values(), default=place.since))

    def scandir(self, path: VirtualPath) -> Sequence[Entry]:
        with as_fs_errors():
            at = self._rooms.clock.now()
            scope, place = self._locate(path, at)
            if isinstance(place, DocumentPlace):
                self._found(scope, place, at)
                self._witness.browsed(place.folder.key, place.school.school_id, at)
                raise NotADirectory
            if isinstance(place, AboutPlace):
                raise NotADirectory
            entries = self._entries(scope, place, at)
            self._witness.browsed(place.key, place.school_id, at)
            return entries

    def open(self, path: VirtualPath) -> Handle:
        with as_fs_errors():
            at, asked_at = self._rooms.clock.now(), self._rooms.clock.monotonic()
            scope, place = self._locate(path, at)
            if isinstance(place, AboutPlace):
                return TextHandle(self._rooms.about or b"", self._about_attributes(), self._witness.opened_about(at))
            if not isinstance(place, DocumentPlace):
                self._newest(scope, place, at)
                self._witness.browsed(place.key, place.school_id, at)
                raise IsADirectory
            generation = self._rooms.scopes.generation()  # before the document is looked up
            found, permitted_until = self._found(scope, place, at)
            return self._open(place, _Known(found, generation), permitted_until, at, asked_at)

    def usage(self) -> int:
        with as_fs_errors():
            at = self._rooms.clock.now()
            scope = self._scope(at)
            with self._rooms.database.read() as connection:
                return sum(
                    self._rooms.catalogue.usage(connection, scope, school, at) for school in scope.schools.values()
                )

    def refuse_write(self, path: VirtualPath, operation: str) -> str:
        with as_fs_errors():
            self._witness.refused_write(path, operation, self._rooms.clock.now())
            return self._rooms.write_refusal

    def _scope(self, at: datetime) -> Scope:
        if not self._rooms.clock.confirmed:
            self._obstruct(Reason.CLOCK_UNCONFIRMED, at)
        scope = self._rooms.scopes.of(self._principal, at)
        in_the_way = scope.obstacle_at(at)
        obstacles = [school.obstacle_at(at) for school in scope.schools.values()]
        if in_the_way is None and obstacles and all(obstacles):
            in_the_way = obstacles[0]
        if in_the_way is not None:
            self._obstruct(in_the_way, at)
        return scope

    def _obstruct(self, obstacle: Reason, at: datetime) -> None:
        """An obstacle is recorded and told as an error, never as absence [R32]."""
        self._witness.refused(obstacle, at)
        refusal = self._rooms.refusals.get(obstacle)
        raise Unavailable(refusal, standing=refusal is not None)

    def _locate(self, path: VirtualPath, at: datetime) -> tuple[Scope, Place]:
        scope = self._scope(at)
        school = school_at(path, scope)
        if school is not None and (obstacle := school.obstacle_at(at)) is not None:
            self._obstruct(obstacle, at)
        place = locate(path, scope)
        if place is None or (isinstance(place, AboutPlace) and self._rooms.about is None):
            self._witness.refused(Reason.NO_SUCH_PATH, at, name=str(path))
            raise NotFound
        return scope, place

    def _found(self, scope: Scope, place: DocumentPlace, at: datetime) -> tuple[Found, datetime]:
        """The document at `place`, judged, and until when the verdict holds. A refusal is told as NotFound."""
        found = self._rooms.vault.settled(lambda: self._find(place))
        if found is None:
            self._witness.refused(Reason.NO_SUCH_PATH, at, folder=place.folder, name=place.name)
            raise NotFound
        permitted_until = self._judge(scope, found, at)
        if found.name is None:
            self._witness.damaged_name(place.folder, found.delivery_id, at)
            raise Damaged
        return found, permitted_until

    def _find(self, place: DocumentPlace) -> Found | None:
        with self._rooms.database.read() as connection:
            return self._rooms.catalogue.find(connection, place.folder, place.name)

    def _judge(self, scope: Scope, found: Found, at: datetime) -> datetime:
        """Until when `found` may be read, as things stand; raises what the client may know when it may not."""
        decision = decide(scope, Action.READ, found.resource, at)
        if decision.effect is Effect.PERMIT:
            return decision.valid_until or at
        self._witness.refused_document(found, decision.reason, at)
        if decision.reason in self._rooms.refusals:
            raise Unavailable(self._rooms.refusals[decision.reason], standing=True)
        raise NotFound

    def _open(
        self, place: DocumentPlace, known: _Known, permitted_until: datetime, at: datetime, asked_at: float
    ) -> Handle:
        found = known.found

        def permit(now: datetime) -> datetime:
            nonlocal known
            known = self._anew(known)
            return self._judge(self._scope(now), known.found, now)

        def damaged(error: Damaged) -> None:
            self._witness.damaged(found, error, self._rooms.clock.now())

        try:
            blob = self._blob(place, found)
        except Damaged as exc:
            damaged(exc)
            raise
        try:
            grant = self._witness.opened(found, at)
        except BaseException:
            blob.close()
            raise
        return DocumentHandle(
            attributes=_document(found.delivery_id, found.size, found.published_at),
            blob=blob,
            grant=grant,
            clock=self._rooms.clock,
            permitted_until=permitted_until,
            asked_at=asked_at,
            permit=permit,
            damaged=damaged,
        )

    def _anew(self, known: _Known) -> _Known:
        """An open document as it is now: looked up again where anything has changed since, and only then."""
        generation = self._rooms.scopes.generation()
        if generation == known.generation:
            return known
        with self._rooms.database.read() as connection:
            withdrawn = self._rooms.catalogue.is_withdrawn(connection, known.found.delivery_id)
        resource = replace(known.found.resource, withdrawn=withdrawn)
        return _Known(replace(known.found, resource=resource), generation)

    def _blob(self, place: DocumentPlace, found: Found) -> Blob:
        """The bytes of `found`, looked up once more where its key was moved since; raises Damaged."""
        try:
            return self._rooms.vault.open(found.object)
        except Damaged as exc:
            moved = self._find(place) if isinstance(exc.__cause__, KeyGone) else None
            if moved is None or moved.object.kek_id == found.object.kek_id:
                raise
            return self._rooms.vault.open(moved.object)

    def _newest(self, scope: Scope, place: FolderPlace, at: datetime) -> dict[Folder, datetime]:
        """The folders with something to read below `place`; raises NotFound where it exists only by those [R3]."""
        with self._rooms.database.read() as connection:
            found = self._rooms.catalogue.newest(connection, scope, place.schools(scope), at)
        newest = {folder: time for folder, time in found.items() if place.covers(folder)}
        if not newest and isinstance(place, MonthPlace | CategoryPlace):
            self._witness.refused(Reason.NO_SUCH_PATH, at, name=place.key)
            raise NotFound
        return newest

    def _entries(self, scope: Scope, place: FolderPlace, at: datetime) -> list[Entry]:
        if isinstance(place, CategoryPlace):
            return self._documents(scope, place, at)
        latest: dict[str, datetime] = {}
        for folder, time in self._newest(scope, place, at).items():
            name = place.child(folder, scope)
            latest[name] = max(time, latest.get(name, time))
        entries = [Entry(name, _folder(time)) for name, time in ({**place.standing(scope), **latest}).items()]
        if isinstance(place, MonthPlace):
            order = {name: position for position, name in enumerate(self._rooms.category_order)}
            return sorted(entries, key=lambda entry: (order.get(entry.name, len(order)), entry.name))
        return sorted(entries, key=lambda entry: entry.name) + self._about_entry(scope, place)

    def _documents(self, scope: Scope, place: CategoryPlace, at: datetime) -> list[Entry]:
        def ask() -> list[Listed]:
            with self._rooms.database.read() as connection:
                return self._rooms.catalogue.listing(connection, place.folder, scope, place.school, at)

        listed = self._rooms.vault.settled(ask)
        if not listed:
            self._witness.refused(Reason.NO_SUCH_PATH, at, name=place.key)
            raise NotFound
        for document in listed:
            if document.name is None:
                self._witness.damaged_name(place.folder, document.delivery_id, at)
        return [
            Entry(d.name or f"unreadable {d.delivery_id.hex()[:8]}", _document(d.delivery_id, d.size, d.published_at))
            for d in listed
        ]

    def _about_entry(self, scope: Scope, place: FolderPlace) -> list[Entry]:
        at_root = isinstance(place, Root) or (isinstance(place, SchoolRoot) and single_school(scope) is not None)
        shown = at_root and self._rooms.about is not None and shows_about(scope)
        return [Entry(ABOUT, self._about_attributes())] if shown else []

    def _about_attributes(self) -> Attributes:
        text = self._rooms.about or b""
        return Attributes(NodeKind.FILE, len(text), _ABOUT_SINCE, hashlib.sha256(text).hexdigest()[:32])


def _folder(newest: datetime) -> Attributes:
    return Attributes(NodeKind.FOLDER, 0, newest.replace(microsecond=0))


def _document(delivery_id: bytes, size: int, published_at: datetime) -> Attributes:
    return Attributes(NodeKind.FILE, size, published_at.replace(microsecond=0), delivery_id.hex())
