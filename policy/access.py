"""Who may read what: `decide` judges one document by what somebody holds, a `Scope` [R3] [R5] [R32].

One rule, two readings: the catalogue renders a `SchoolScope` to SQL for listings, `decide` judges a `Resource` for an
open; a property test holds them equal. `judged` shows the rules of `decide` one by one, for whoever has to explain
them. All are pure and never raise. A scope is read by `policy.holdings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from auth.principal import Kind, Layout, StaffRole

HEADTEACHER = "Headteacher"
ROLES = (HEADTEACHER, "SENCO", "Business manager", "DSL", "Governor", "Office")


class Action(StrEnum):
    """What may be done to a document here: reading is all there is [R4]."""

    READ = "read"


_DONE_HERE = frozenset({Action.READ})


class Effect(StrEnum):
    """The two ways a verdict can fall."""

    PERMIT = "permit"
    DENY = "deny"


class Reason(StrEnum):
    """Why: the true one, for the record. `OBSTACLES` settles which are told as an error rather than as absence."""

    GRANTED = "granted"
    NO_SUCH_PATH = "no such path"
    STAFF = "staff of the authority read no document"
    OTHER_SCHOOL = "no membership of this school"
    NO_GRANT = "no grant for this category"
    NOT_IN_AUDIENCE = "not in the audience"
    NOT_FOR_HEADTEACHER = "not for the headteacher"
    NOT_YET = "not yet published"
    EXPIRED = "past its last day"
    WITHDRAWN = "withdrawn"
    SCHOOL_SUSPENDED = "school suspended"
    NO_AGREEMENT = "no agreement in force"
    REVIEW_OVERDUE = "access review overdue"
    ACCOUNT_SUSPENDED = "account suspended"
    ACCOUNT_EXPIRED = "account expired"
    ACCOUNT_ENDED = "account ended"
    ACCOUNT_INVITED = "account not activated"
    NO_SCHOOL = "no school"
    OTHER_NETWORK = "not from a network of this account"
    WRONG_DOOR = "this kind of account does not come by this door"
    CREDENTIAL_ENDED = "key or device password ended"
    CLOCK_UNCONFIRMED = "clock not confirmed"
    STORE_FAILED = "stored bytes missing or damaged"
    UNKNOWN = "unknown"


OBSTACLES: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.SCHOOL_SUSPENDED: "Access for this school is suspended at present. Please ask the council.",
        Reason.NO_AGREEMENT: "This school has no information sharing agreement in force. Please ask your headteacher.",
        Reason.REVIEW_OVERDUE: "This access waits for your school's access review. Please ask your headteacher.",
        Reason.ACCOUNT_SUSPENDED: "This account is suspended. Please ask your headteacher or the council.",
        Reason.ACCOUNT_EXPIRED: "This account has run out. Please ask your headteacher or the council to renew it.",
        Reason.ACCOUNT_ENDED: "This account has ended. Please ask your headteacher or the council.",
        Reason.ACCOUNT_INVITED: "This account has not been activated. Please open the link in your invitation.",
        Reason.NO_SCHOOL: "This account belongs to no school at present. Please ask your headteacher or the council.",
        Reason.OTHER_NETWORK: "This account is not used from here. Please ask its owner about its networks.",
        Reason.WRONG_DOOR: "This kind of account is not used here. Please see the page on how to connect.",
        Reason.STAFF: "Accounts of the authority read no documents here.",
        Reason.CREDENTIAL_ENDED: "This key or device password has ended. Please make a new one.",
    }
)


@dataclass(frozen=True, slots=True)
class AudienceOf:
    """Whom a restricted document names."""

    roles: frozenset[str] = frozenset()
    accounts: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """All that policy knows of a document in a school's folder. `audience` is None for one without restriction."""

    school_id: int
    category_id: int
    audience: AudienceOf | None
    not_headteacher: bool
    published_at: datetime
    visible_until: datetime
    withdrawn: bool


class Holder(Protocol):
    """All that policy looks at of whoever holds something: a `Principal`, or an account about which somebody asks."""

    @property
    def account_id(self) -> int: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def layout(self) -> Layout: ...
    @property
    def roles(self) -> frozenset[StaffRole]: ...
    @property
    def valid_until(self) -> datetime | None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class SchoolScope:
    """What somebody holds in one school: roles and categories, each with when it ends (None: it does not).

    `obstacle` stands in the way of all of it; so does that the school's agreement has ended, at `agreement_until`.
    """

    school_id: int
    folder: str
    since: datetime
    roles: Mapping[str, datetime | None]
    categories: Mapping[int, datetime | None]
    obstacle: Reason | None
    agreement_until: datetime | None

    def obstacle_at(self, at: datetime) -> Reason | None:
        """What stands in the way of every document of the school at `at`."""
        ended = self.agreement_until is not None and at >= self.agreement_until
        return self.obstacle or (Reason.NO_AGREEMENT if ended else None)

    def roles_at(self, at: datetime) -> frozenset[str]:
        """The roles held at `at`; with none, nothing of the school is held."""
        return frozenset(role for role, end in self.roles.items() if end is None or at < end)

    def is_headteacher_at(self, at: datetime) -> bool:
        """Whether the headteacher's rights are held at `at`, by the holder of the post or an acting one."""
        return HEADTEACHER in self.roles_at(at)

    def categories_at(self, at: datetime) -> frozenset[int]:
        """The categories that may be read at `at`."""
        held = self.categories.items() if self.roles_at(at) else ()
        return frozenset(category for category, end in held if end is None or at < end)

    def until(self, at: datetime) -> datetime | None:
        """When the first of the roles held at `at` ends, or the agreement; until then they stay as they are."""
        ends = (*self.roles.values(), self.agreement_until)
        return min((end for end in ends if end is not None and at < end), default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What holds for somebody at this moment, as plain data. `obstacle` stands in the way of everything.

    `categories` names every category by its number, held or not.
    """

    principal: Holder
    categories: Mapping[int, str]
    schools: Mapping[int, SchoolScope]
    obstacle: Reason | None

    def obstacle_at(self, at: datetime) -> Reason | None:
        """What stands in the way of everything at `at`: also that the credential, or the last role, has ended."""
        if self.obstacle is not None:
            return self.obstacle
        end = self.principal.valid_until
        if end is not None and at >= end:
            return Reason.CREDENTIAL_ENDED
        in_a_school = self.principal.roles or any(school.roles_at(at) for school in self.schools.values())
        return None if in_a_school else Reason.NO_SCHOOL

    def until(self, at: datetime) -> datetime | None:
        """When the first of the roles held at `at` ends, or of the agreements, and perhaps a school's folder."""
        ends = (school.until(at) for school in self.schools.values())
        return min((end for end in ends if end is not None), default=None)


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with its true reason. A PERMIT holds to `valid_until`; then it is judged anew."""

    effect: Effect
    reason: Reason
    valid_until: datetime | None = None


class Rule(StrEnum):
    """What has to hold for a document to be read, in the order in which it is judged."""

    ACCOUNT = "account"
    MEMBERSHIP = "membership"
    SCHOOL = "school"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    LAST_DAY = "last day"
    CATEGORY = "category"
    HEADTEACHER = "not for the headteacher"
    AUDIENCE = "audience"


@dataclass(frozen=True, slots=True)
class _Case:
    """One question; `school` is what is held in the document's school, known to be there once MEMBERSHIP holds."""

    scope: Scope
    resource: Resource
    at: datetime

    @property
    def school(self) -> SchoolScope:
        return self.scope.schools[self.resource.school_id]


def _membership(case: _Case) -> Reason | None:
    school = case.scope.schools.get(case.resource.school_id)
    if school is not None and school.roles_at(case.at):
        return None
    return Reason.STAFF if case.scope.principal.roles else Reason.OTHER_SCHOOL


def _withheld(case: _Case) -> Reason | None:
    withheld = case.resource.not_headteacher and case.school.is_headteacher_at(case.at)
    return Reason.NOT_FOR_HEADTEACHER if withheld else None


def _audience(case: _Case) -> Reason | None:
    audience, roles = case.resource.audience, case.school.roles_at(case.at)
    addressed = (
        audience is None
        or HEADTEACHER in roles
        or bool(audience.roles & roles)
        or case.scope.principal.account_id in audience.accounts
    )
    return None if addressed else Reason.NOT_IN_AUDIENCE


# Each rule says what stands in the way by it, or None; it may rely on those before it.
_RULES: tuple[tuple[Rule, Callable[[_Case], Reason | None]], ...] = (
    (Rule.ACCOUNT, lambda case: case.scope.obstacle_at(case.at)),
    (Rule.MEMBERSHIP, _membership),
    (Rule.SCHOOL, lambda case: case.school.obstacle_at(case.at)),
    (Rule.PUBLISHED, lambda case: Reason.NOT_YET if case.at < case.resource.published_at else None),
    (Rule.WITHDRAWN, lambda case: Reason.WITHDRAWN if case.resource.withdrawn else None),
    (Rule.LAST_DAY, lambda case: Reason.EXPIRED if case.at >= case.resource.visible_until else None),
    (
        Rule.CATEGORY,
        lambda case: None if case.resource.category_id in case.school.categories_at(case.at) else Reason.NO_GRANT,
    ),
    (Rule.HEADTEACHER, _withheld),
    (Rule.AUDIENCE, _audience),
)


def judged(scope: Scope, resource: Resource, at: datetime) -> Iterator[tuple[Rule, Reason | None]]:
    """The rules of reading in their order, each with what stands in the way by it; the first such one is the last."""
    case = _Case(scope, resource, at)
    for rule, stands_in_the_way in _RULES:
        reason = stands_in_the_way(case)
        yield rule, reason
        if reason is not None:
            return


def decide(scope: Scope, action: Action, resource: Resource, at: datetime) -> Decision:
    """May this principal do `action` to `resource` at `at`? The first rule that does not hold speaks."""
    if action not in _DONE_HERE:
        return Decision(Effect.DENY, Reason.UNKNOWN)
    for _, reason in judged(scope, resource, at):
        if reason is not None:
            return Decision(Effect.DENY, reason)
    school = scope.schools[resource.school_id]
    held_until = school.categories[resource.category_id]
    ends = (resource.visible_until, held_until, school.until(at), scope.principal.valid_until)
    return Decision(Effect.PERMIT, Reason.GRANTED, min(end for end in ends if end is not None))
