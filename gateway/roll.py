"""The roll: what a CSV file says of a county's people, against those who are there [R11].

Called by `ladocs account import`. Reading says every fault by row and column and changes nothing; entering
is left to the caller. Raises OperatorError for a file that cannot be read at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from auth.accounts import check_username
from auth.addresses import AddressRules, check_address
from auth.labels import LONGEST, cleaned
from auth.principal import AccountState, StaffRole
from config.errors import OperatorError
from gateway.rollfile import CATEGORIES, COLUMNS, EMAIL, NAME, ROLE, SCHOOL, STAFF, STATE, USERNAME, rows_of, text_of
from policy.access import HEADTEACHER, ROLES
from policy.schools import dfe_number


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a row, and in which column."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        return f"row {self.line}, {self.column}: {self.message}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A role of a person in a school, by its DfE number, and the categories there."""

    dfe: str
    role: str
    categories: tuple[str, ...]


@dataclass(kw_only=True, slots=True)
class RollPerson:
    """One person of the file; several schools stand in several rows."""

    lines: list[int]
    username: str
    name: str
    email: str
    staff: tuple[StaffRole, ...]
    places: list[Place] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What a file is checked against: accounts by short name and by address, schools, categories, headteachers."""

    emails: Mapping[str, str]  # short name -> address, "" for a script's
    left: frozenset[str]
    schools: Mapping[str, str]  # DfE number or URN -> DfE number
    categories: Mapping[str, str]  # casefolded -> as it is called
    headed: Mapping[str, str]  # DfE number -> short name of its headteacher
    addresses: AddressRules


@dataclass(frozen=True, kw_only=True, slots=True)
class Roll:
    """What a file says: people to enter, how many are there already, faults in order, and how it was encoded."""

    people: tuple[RollPerson, ...]
    already: int
    faults: tuple[Fault, ...]
    encoding: str


def read(file: Path, known: Known) -> Roll:
    """The people of `file`. One with a fault in any row is not among them."""
    text, encoding = text_of(file)
    people: dict[str, RollPerson] = {}
    faults: list[Fault] = []
    there: set[str] = set()
    for line, values in rows_of(file, text):
        if _is_there(values, known):
            there.add(values[USERNAME])
        else:
            faults += _take(line, values, people, known)
    faults += _between(people.values(), known)
    wrong = {fault.line for fault in faults}
    good = tuple(one for one in people.values() if not wrong.intersection(one.lines))
    return Roll(people=good, already=len(there), faults=tuple(sorted(faults, key=_place)), encoding=encoding)


def _is_there(values: Mapping[str, str], known: Known) -> bool:
    """Is this an account that goes on as it is, as an export has them: scripts and leavers among them?"""
    username = values[USERNAME]
    same = known.emails.get(username) == values[EMAIL].lower()
    return same and (username not in known.left or values[STATE] == AccountState.LEFT)


def _take(line: int, values: Mapping[str, str], people: dict[str, RollPerson], known: Known) -> list[Fault]:
    """Enter a row into `people`; its faults."""
    reader = _RowReader(line, values, known)
    person, place = reader.person(), reader.place()
    earlier = people.get(person.username)
    if earlier is None:
        people[person.username] = person
    else:
        earlier.lines.append(line)
        for column, same in ((NAME, earlier.name == person.name), (EMAIL, earlier.email == person.email)):
            if not same:
                reader.fault(column, f"differs from row {earlier.lines[0]}, which has the same short name")
        if place is None or not earlier.places:
            reader.fault(USERNAME, f"stands in row {earlier.lines[0]} already: a person has a row for each school")
    into = people[person.username]
    if place is not None:
        if any(place.dfe == other.dfe for other in into.places):
            reader.fault(SCHOOL, f"{place.dfe} stands in an earlier row of {person.username}: give one role for it")
        into.places.append(place)
    return reader.faults


class _RowReader:
    """One row: its values as they are kept, and what is wrong with them."""

    def __init__(self, line: int, values: Mapping[str, str], known: Known) -> None:
        self.faults: list[Fault] = []
        self._line = line
        self._values = values
        self._known = known

    def fault(self, column: str, message: str) -> None:
        self.faults.append(Fault(self._line, column, message))

    def person(self) -> RollPerson:
        values, known = self._values, self._known
        username, name = values[USERNAME], cleaned(values[NAME])
        email = values[EMAIL].lower()
        self._try(USERNAME, lambda: check_username(username))
        unseen = not "".join(values[NAME].split()).isprintable()  # of a file it is a fault: it says something is broken
        if not name or len(name) > LONGEST or unseen or "\ufffd" in name:
            self.fault(NAME, "an account carries a person's name, in characters that can be read")
        self._try(EMAIL, lambda: check_address(email, known.addresses))
        if username in known.left:
            self.fault(USERNAME, f"{username} has left: 'ladocs account invite {username}' lets a person come back")
        elif known.emails.get(username, email) != email:
            self.fault(USERNAME, f"{username} was given before, to another address, and never is again: take another")
        return RollPerson(lines=[self._line], username=username, name=name, email=email, staff=self._staff())

    def place(self) -> Place | None:
        values = self._values
        if self._values[STAFF]:
            for column in (SCHOOL, ROLE, CATEGORIES):
                if values[column]:
                    self.fault(column, "somebody of the authority belongs to no school: leave it empty")
            return None
        dfe, role = self._school(), self._role()
        wanted = [self._category(name) for name in _split(values[CATEGORIES])]
        if dfe is None or role is None:
            return None
        return Place(dfe=dfe, role=role, categories=tuple(dict.fromkeys(filter(None, wanted))))

    def _school(self) -> str | None:
        typed = self._values[SCHOOL]
        try:
            number = dfe_number(typed)
        except OperatorError:
            number = typed
        if number in self._known.schools:
            return self._known.schools[number]
        self.fault(SCHOOL, f"no school has the number '{typed}'" if typed else "give a school, or a role in staff")
        return None

    def _role(self) -> str | None:
        typed = self._values[ROLE]
        found = next((role for role in ROLES if role.casefold() == typed.casefold()), None)
        if found is None:
            self.fault(ROLE, f"'{typed}' is not a role in a school: there are {', '.join(ROLES)}")
        return found

    def _category(self, typed: str) -> str | None:
        found = self._known.categories.get(typed.casefold())
        if found is None:
            self.fault(CATEGORIES, f"'{typed}' is no category: there are {', '.join(self._known.categories.values())}")
        return found

    def _staff(self) -> tuple[StaffRole, ...]:
        roles = []
        for typed in _split(self._values[STAFF]):
            try:
                roles.append(StaffRole(typed.lower()))
            except ValueError:
                self.fault(STAFF, f"'{typed}' is not a role in the authority: there are {', '.join(StaffRole)}")
        return tuple(dict.fromkeys(roles))

    def _try(self, column: str, check: Callable[[], object]) -> None:
        try:
            check()
        except OperatorError as exc:
            self.fault(column, str(exc).rstrip("."))


def _between(people: Iterable[RollPerson], known: Known) -> Iterator[Fault]:
    """Faults that two rows, or a row and the database, make between them."""
    holders = {email: username for username, email in known.emails.items() if email}
    heads = dict(known.headed)
    for person in people:
        holder = holders.setdefault(person.email, person.username)
        if person.email and holder != person.username:
            yield Fault(person.lines[0], EMAIL, f"{person.email} belongs to {holder}: an address is one person's own")
        for place in person.places:
            head = heads.get(place.dfe)
            if place.role == HEADTEACHER and head is not None:
                yield Fault(person.lines[0], ROLE, f"{place.dfe} has a headteacher already ({head})")
            elif place.role == HEADTEACHER:
                heads[place.dfe] = person.username


def _split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def _place(fault: Fault) -> tuple[int, int]:
    return fault.line, COLUMNS.index(fault.column)
