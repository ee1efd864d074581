"""Places of the tree [R1] [R6] [R34]: what a path means in the tree of one scope, before anything is looked up.

Called by the file system alone. Pure and thread-safe; raises nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Protocol

from auth.principal import Kind, Layout
from gateway.catalogue import Folder, same_name
from gateway.path import VirtualPath
from policy.access import SchoolScope, Scope
from policy.months import Month

DOCUMENTS = "Derbyshire Documents"
ABOUT = "About this drive.txt"
_EMPTY_SINCE = datetime(2026, 9, 1, tzinfo=UTC)


class FolderPlace(Protocol):
    """A place that holds names. Every document lies in one `Folder`; a folder place is said by those below it."""

    def schools(self, scope: Scope) -> Iterable[SchoolScope]:
        """The schools whose documents can lie below."""
        ...

    def covers(self, folder: Folder) -> bool:
        """Whether documents of `folder` lie below."""
        ...

    def child(self, folder: Folder, scope: Scope) -> str:
        """The name of the entry of this place below which `folder` lies."""
        ...

    def standing(self, scope: Scope) -> Mapping[str, datetime]:
        """The entries that exist also when empty [R3], each with its time while it is."""
        ...

    @property
    def key(self) -> str:
        """The place's name in the record."""
        ...

    @property
    def school_id(self) -> int | None:
        """The one school that it lies in, if it does."""
        ...

    @property
    def since(self) -> datetime:
        """Its time while nothing lies below."""
        ...


@dataclass(frozen=True, slots=True)
class Root:
    """`/` of somebody with a folder per school, or of somebody with no school."""

    key: ClassVar[str] = "/"
    school_id: ClassVar[None] = None
    since: datetime = _EMPTY_SINCE

    def schools(self, scope: Scope) -> Iterable[SchoolScope]:
        return scope.schools.values()

    def covers(self, folder: Folder) -> bool:
        return True

    def child(self, folder: Folder, scope: Scope) -> str:
        return scope.schools[folder.school_id].folder

    def standing(self, scope: Scope) -> Mapping[str, datetime]:
        return {school.folder: school.since for school in scope.schools.values()}


@dataclass(frozen=True, slots=True)
class _InSchool:
    """What the places inside one school have in common."""

    school: SchoolScope

    def schools(self, scope: Scope) -> Iterable[SchoolScope]:
        return (self.school,)

    def covers(self, folder: Folder) -> bool:
        return folder.school_id == self.school.school_id

    def standing(self, scope: Scope) -> Mapping[str, datetime]:
        return {}

    @property
    def key(self) -> str:
        return str(self.school.school_id)

    @property
    def school_id(self) -> int:
        return self.school.school_id

    @property
    def since(self) -> datetime:
        return self.school.since


@dataclass(frozen=True, slots=True)
class SchoolRoot(_InSchool):
    """A school's folder, or `/` of somebody with one school."""

    def child(self, folder: Folder, scope: Scope) -> str:
        return DOCUMENTS

    def standing(self, scope: Scope) -> Mapping[str, datetime]:
        return {DOCUMENTS: self.school.since}


@dataclass(frozen=True, slots=True)
class DocumentsRoot(_InSchool):
    """`Derbyshire Documents` of a school."""

    def child(self, folder: Folder, scope: Scope) -> str:
        return folder.month.folder


@dataclass(frozen=True, slots=True)
class MonthPlace(_InSchool):
    """A month's folder, which exists only while something in it may be read."""

    month: Month

    def covers(self, folder: Folder) -> bool:
        return (folder.school_id, folder.month) == (self.school.school_id, self.month)

    def child(self, folder: Folder, scope: Scope) -> str:
        return scope.categories[folder.category_id]

    @property
    def key(self) -> str:
        return f"{self.school.school_id}/{self.month.key}"


@dataclass(frozen=True, slots=True)
class CategoryPlace(_InSchool):
    """A category's folder, which exists only while something in it may be read."""

    folder: Folder

    def covers(self, folder: Folder) -> bool:
        return folder == self.folder

    def child(self, folder: Folder, scope: Scope) -> str:
        return ""

    @property
    def key(self) -> str:
        return self.folder.key


@dataclass(frozen=True, slots=True)
class DocumentPlace:
    """A name in a category's folder."""

    school: SchoolScope
    folder: Folder
    name: str


@dataclass(frozen=True, slots=True)
class AboutPlace:
    """`About this drive.txt` in the root."""


Place = Root | SchoolRoot | DocumentsRoot | MonthPlace | CategoryPlace | DocumentPlace | AboutPlace


def shows_about(scope: Scope) -> bool:
    """The text is for people of schools, not for scripts and not for the authority."""
    return scope.principal.kind is Kind.PERSON and not scope.principal.roles


def single_school(scope: Scope) -> SchoolScope | None:
    """The school whose folders stand at the root, for an account that was laid out so."""
    if scope.principal.layout is Layout.BY_SCHOOL or scope.principal.kind is Kind.SERVICE:
        return None
    return min(scope.schools.values(), key=lambda school: (school.since, school.school_id), default=None)


def school_at(path: VirtualPath, scope: Scope) -> SchoolScope | None:
    """The school in whose tree `path` lies, whether or not there is such a place; None above all schools."""
    single = single_school(scope)
    if single is not None or not path.names:
        return single
    return next((school for school in scope.schools.values() if same_name(school.folder, path.names[0])), None)


def locate(path: VirtualPath, scope: Scope) -> Place | None:
    """What `path` means in this scope's tree, or None where no such place can be. Names match whatever their case."""
    names = path.names
    if len(names) == 1 and shows_about(scope) and same_name(names[0], ABOUT):
        return AboutPlace()
    school = school_at(path, scope)
    if school is None:
        return None if names else Root()
    return _in_school(school, names if single_school(scope) else names[1:], scope.categories)


def _in_school(school: SchoolScope, names: tuple[str, ...], categories: Mapping[int, str]) -> Place | None:
    if not names:
        return SchoolRoot(school)
    if not same_name(names[0], DOCUMENTS) or len(names) > 4:
        return None
    if len(names) == 1:
        return DocumentsRoot(school)
    month = Month.from_folder(names[1].title())
    if month is None:
        return None
    if len(names) == 2:
        return MonthPlace(school, month)
    number = next((n for n, name in categories.items() if same_name(name, names[2])), None)
    if number is None:
        return None
    folder = Folder(school.school_id, month, number)
    return CategoryPlace(school, folder) if len(names) == 3 else DocumentPlace(school, folder, names[3])
