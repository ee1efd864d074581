"""Why somebody can or cannot see a document or a folder, rule by rule: the answer to most calls to the web team.

Called by `ladocs account explain`. Nothing is judged here: the rules are those of `policy.doors.judged` and
`policy.access.judged`, by which doors and file system decide, in their order. It opens no document, and names one by
nothing but the path or reference that was typed. Not thread-safe. Raises OperatorError for a reference that no document
has, sqlalchemy.exc.SQLAlchemyError, and OSError where the key box cannot be read.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, and_, select

from auth import accounts
from auth.accounts import AccountRow
from auth.principal import Kind, Layout, StaffRole
from config.errors import OperatorError
from gateway import plain
from gateway.catalogue import Catalogue, Folder, delivered, in_folder
from gateway.clockguard import GuardedClock
from gateway.errors import NotFound
from gateway.models import Delivery, Document
from gateway.path import VirtualPath
from gateway.places import (
    DOCUMENTS,
    AboutPlace,
    CategoryPlace,
    DocumentPlace,
    MonthPlace,
    locate,
    school_at,
    single_school,
)
from policy import doors, schools
from policy.access import Action, Effect, Reason, Resource, Rule, decide, judged
from policy.doors import DoorRule
from policy.holdings import held_by
from policy.roster import given

CLOCK, PATH, CONTENTS, VERDICT = "clock", "path", "contents", "verdict"
_DOORS = (CLOCK, *DoorRule)
_DOCUMENT = tuple(rule for rule in Rule if rule is not Rule.ACCOUNT)  # what the doors say of the account is said there


class Outcome(StrEnum):
    """How a rule came out."""

    OK = "ok"
    IN_THE_WAY = "stands in the way"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Line:
    """One rule, how it came out, and why in plain words."""

    rule: str
    outcome: Outcome
    because: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The rules in the order in which they are judged, and what they come to; `school`: the DfE number, if one."""

    school: str | None
    sees: bool
    lines: tuple[Line, ...]
    verdict: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Somebody:
    """An account about which somebody asks: what a principal would be to policy, but nothing opens for it."""

    account_id: int
    kind: Kind
    layout: Layout
    roles: frozenset[StaffRole]
    valid_until: datetime | None


class Explaining:
    """One question about `account`; `refusals` and `about` as in `gateway.filesystem.Rooms`."""

    def __init__(
        self,
        connection: Connection,
        catalogue: Catalogue,
        clock: GuardedClock,
        account: AccountRow,
        *,
        refusals: Mapping[Reason, str],
        about: bool,
    ) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._clock = clock
        self._account = account
        self._refusals = refusals
        self._about = about
        self._at = clock.now()
        self._numbers = {school.id: school.dfe for school in schools.listing(connection)}
        somebody = Somebody(
            account_id=account.id,
            kind=account.kind,
            layout=account.layout,
            roles=account.roles,
            valid_until=account.expires_at,
        )
        self._scope = held_by(connection, somebody, self._at)
        self._lines: list[Line] = []
        self._order: list[str] = []
        self._school: str | None = None

    def path(self, typed: str) -> Explanation:
        """Why the account can or cannot see what stands at `typed`, a path of its own tree."""
        self._order = [*_DOORS, PATH]
        obstacle = self._at_the_doors()
        if obstacle is not None:
            return self._told(obstacle)
        try:
            path = VirtualPath.parse(typed)
        except NotFound:
            return self._absent(PATH, "nothing can be called so")
        school = school_at(path, self._scope)
        if school is not None:
            self._school = self._numbers[school.school_id]
            obstacle = school.obstacle_at(self._at)
            if obstacle is not None:
                self._line(PATH, None, f"lies in the folders of {self._school}")
                self._line(Rule.SCHOOL, obstacle, plain.of_school(self._school, obstacle))
                return self._told(obstacle)
        place = locate(path, self._scope)
        if place is None or (isinstance(place, AboutPlace) and not self._about):
            return self._absent(PATH, f"there is no such place in this tree, which begins with {self._tree()}")
        if isinstance(place, DocumentPlace):
            return self._named(place)
        self._line(PATH, None, "is a place of this tree")
        if isinstance(place, MonthPlace | CategoryPlace):
            return self._folder(place)
        return self._seen("can see it: it is there also when it is empty")

    def document(self, reference: str) -> list[Explanation]:
        """Why the account can or cannot see this document, once for each of its schools that it was delivered to."""
        number = self._connection.execute(select(Document.id).where(Document.reference == reference)).scalar()
        if number is None:
            raise OperatorError(f"No document has the reference '{reference}': see 'ladocs document list'.")
        self._order = [*_DOORS, *_DOCUMENT]
        obstacle = self._at_the_doors()
        if obstacle is not None:
            return [self._told(obstacle)]
        found = delivered(self._connection, Delivery.document_id == number)
        found.sort(key=lambda one: self._numbers[one[0].school_id])
        to = ", ".join(self._numbers[folder.school_id] for folder, _ in found)
        theirs = [(folder, resource) for folder, resource in found if folder.school_id in self._scope.schools]
        at_the_doors, explained = list(self._lines), []
        for folder, resource in theirs or found[:1]:
            self._lines = list(at_the_doors)
            self._school = self._numbers[folder.school_id]
            explained.append(self._judged(folder, resource, to))
        return explained

    def _at_the_doors(self) -> Reason | None:
        """What keeps the account from documents at every door, a line for each rule."""
        if not self._clock.confirmed:
            self._line(CLOCK, Reason.CLOCK_UNCONFIRMED, "nobody sees anything before 'ladocs clock confirm'")
            return Reason.CLOCK_UNCONFIRMED
        self._line(CLOCK, None, "is confirmed")
        account, reason = self._account, None
        own = ", ".join(self._numbers[number] for number in self._scope.schools)
        # Whether it came from one of its networks only its sign-ins can tell: here it is taken to.
        address = str(ipaddress.ip_network(account.networks[0])[0]) if account.networks else ""
        for rule, reason in doors.judged(self._connection, account, address, self._at):
            self._line(rule, reason, plain.at_the_door(rule, account, own, reason))
        return reason

    def _named(self, place: DocumentPlace) -> Explanation:
        self._order += _DOCUMENT
        found = self._catalogue.find(self._connection, place.folder, place.name)
        if found is None:
            return self._absent(PATH, "no document has this name there, or it was destroyed: ask by its reference")
        self._line(PATH, None, "a document has this name there")
        return self._judged(place.folder, found.resource, self._numbers[place.folder.school_id])

    def _judged(self, folder: Folder, resource: Resource, to: str) -> Explanation:
        facts = plain.Facts(
            account=self._account,
            scope=self._scope,
            resource=resource,
            at=self._at,
            numbers=self._numbers,
            to=to,
            audience=self._audience(resource),
            begins=self._begins(folder),
        )
        for rule, reason in judged(self._scope, resource, self._at):
            if rule in _DOCUMENT or reason is not None:
                self._line(rule, reason, plain.of_document(rule, facts, reason))
            if reason is not None:
                return self._told(reason)
        until = decide(self._scope, Action.READ, resource, self._at).valid_until
        category = self._scope.categories[folder.category_id]
        return self._seen(f"can see and read it in {folder.month.folder}/{category}, up to {plain.last_day(until)}")

    def _folder(self, place: MonthPlace | CategoryPlace) -> Explanation:
        """A folder is there while something in it may be read [R3]: what is judged of each is counted."""
        self._order.append(CONTENTS)
        decisions = [
            decide(self._scope, Action.READ, resource, self._at)
            for _, resource in delivered(self._connection, _below(place))
        ]
        counts = sorted(Counter(decision.reason for decision in decisions).items())
        said = ", ".join(f"{reason}: {number:,}" for reason, number in counts)
        if any(decision.effect is Effect.PERMIT for decision in decisions):
            self._line(CONTENTS, None, f"{len(decisions):,} delivered ({said})")
            return self._seen("can see it: something in it is theirs to read")
        because = f"{len(decisions):,} delivered ({said})" if decisions else "nothing was delivered there"
        return self._absent(CONTENTS, because, "it is hidden because nothing in it is theirs to read")

    def _tree(self) -> str:
        if single_school(self._scope) is not None:
            return f"/{DOCUMENTS}"
        return ", ".join(f"/{school.folder}" for school in self._scope.schools.values())

    def _begins(self, folder: Folder) -> datetime | None:
        """When a grant of the folder's category begins that is still to come."""
        what = f"category {self._scope.categories[folder.category_id]}"
        to_come = (one for one in given(self._connection, self._account.id, self._at) if one.since > self._at)
        mine = (one.since for one in to_come if (one.dfe, one.what) == (self._numbers[folder.school_id], what))
        return min(mine, default=None)

    def _audience(self, resource: Resource) -> str:
        if resource.audience is None:
            return ""
        people = [accounts.get(self._connection, number) for number in sorted(resource.audience.accounts)]
        names = [person.username for person in people if person is not None]
        return ", ".join([*sorted(resource.audience.roles), *names]) or "nobody"

    def _line(self, rule: str, reason: Reason | None, because: str) -> None:
        self._lines.append(Line(str(rule), Outcome.OK if reason is None else Outcome.IN_THE_WAY, because))

    def _absent(self, rule: str, because: str, why: str = "") -> Explanation:
        self._line(rule, Reason.NO_SUCH_PATH, because)
        return self._told(Reason.NO_SUCH_PATH, why)

    def _seen(self, what: str) -> Explanation:
        return Explanation(self._school, True, tuple(self._lines), f"{self._account.username} {what}.")

    def _told(self, reason: Reason, why: str = "") -> Explanation:
        """The end at the first rule in the way: an obstacle is told, everything else is told as absence [R32]."""
        name = self._account.username
        if reason in self._refusals:
            verdict = f'{name}, having shown all that is asked for, is told: "{self._refusals[reason]}"'
        elif reason is Reason.CLOCK_UNCONFIRMED:
            verdict = f"{name} is told that the service cannot answer at present."
        else:
            verdict = f"For {name} it does not exist: {why or reason}."
        return Explanation(self._school, False, (*self._lines, *self._not_reached()), verdict)

    def _not_reached(self) -> Iterable[Line]:
        reached = {line.rule for line in self._lines}
        return (Line(rule, Outcome.NOT_REACHED, "") for rule in map(str, self._order) if rule not in reached)


def _below(place: MonthPlace | CategoryPlace) -> ColumnElement[bool]:
    if isinstance(place, CategoryPlace):
        return in_folder(place.folder)
    return and_(Delivery.school_id == place.school.school_id, Delivery.month == place.month.key)
