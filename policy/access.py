"""Who may read what: `scope_for` reads what somebody holds, `decide` judges one document by it [R3] [R5] [R32].

One rule, two readings: the catalogue renders a `SchoolScope` to SQL for listings, `decide` judges a `Resource` for an
open; a property test holds them equal. `decide` is pure and never raises. `scope_for` is the only policy query and
raises sqlalchemy.exc.SQLAlchemyError alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Connection, select

from auth.principal import Kind, Principal
from auth.standing import Standing, standing
from policy import categories
from policy.models import Grant, Membership, School
from policy.schools import SchoolState, folder_name

HEADTEACHER = "Headteacher"
ROLES = (HEADTEACHER, "SENCO", "Business manager", "DSL", "Governor", "Office")


class Action(StrEnum):
    """What may be done to a document here: reading is all there is [R4]."""

    READ = "read"


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
    SCHOOL_SUSPENDED = "school suspended"
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

_STANDING = {
    Standing.SUSPENDED: Reason.ACCOUNT_SUSPENDED,
    Standing.EXPIRED: Reason.ACCOUNT_EXPIRED,
    Standing.ENDED: Reason.ACCOUNT_ENDED,
    Standing.OTHER_NETWORK: Reason.OTHER_NETWORK,
    Standing.CREDENTIAL_ENDED: Reason.CREDENTIAL_ENDED,
}


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


@dataclass(frozen=True, kw_only=True, slots=True)
class SchoolScope:
    """What somebody holds in one school. `categories` maps a category to when its grant ends (None: it does not)."""

    school_id: int
    folder: str
    since: datetime
    roles: frozenset[str]
    categories: Mapping[int, datetime | None]
    obstacle: Reason | None

    @property
    def is_headteacher(self) -> bool:
        return HEADTEACHER in self.roles

    def categories_at(self, at: datetime) -> frozenset[int]:
        """The categories whose grant holds at `at`."""
        return frozenset(c for c, end in self.categories.items() if end is None or at < end)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What holds for a principal at this moment, as plain data. `obstacle` stands in the way of everything.

    `categories` names every category by its number, held or not.
    """

    principal: Principal
    categories: Mapping[int, str]
    schools: Mapping[int, SchoolScope]
    obstacle: Reason | None

    def obstacle_at(self, at: datetime) -> Reason | None:
        """What stands in the way of everything at `at`: also that the credential's own time is over."""
        end = self.principal.valid_until
        return self.obstacle or (Reason.CREDENTIAL_ENDED if end is not None and at >= end else None)


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with its true reason. `valid_until` is when a PERMIT ends by itself."""

    effect: Effect
    reason: Reason
    valid_until: datetime | None = None


def decide(scope: Scope, action: Action, resource: Resource, at: datetime) -> Decision:
    """May this principal do `action` to `resource` at `at`? The first row that applies speaks; the last denies."""
    school = scope.schools.get(resource.school_id)
    if school is None:
        reason = Reason.STAFF if scope.principal.roles else Reason.OTHER_SCHOOL
        return Decision(Effect.DENY, scope.obstacle_at(at) or reason)
    audience = resource.audience
    addressed = (
        audience is None
        or school.is_headteacher
        or bool(audience.roles & school.roles)
        or scope.principal.account_id in audience.accounts
    )
    rows = (
        (action is not Action.READ, Reason.UNKNOWN),
        (scope.obstacle_at(at) is not None, scope.obstacle_at(at)),
        (school.obstacle is not None, school.obstacle),
        (at < resource.published_at, Reason.NOT_YET),
        (at >= resource.visible_until, Reason.EXPIRED),
        (resource.category_id not in school.categories_at(at), Reason.NO_GRANT),
        (resource.not_headteacher and school.is_headteacher, Reason.NOT_FOR_HEADTEACHER),
        (not addressed, Reason.NOT_IN_AUDIENCE),
    )
    for applies, reason_or_none in rows:
        if applies:
            return Decision(Effect.DENY, reason_or_none or Reason.UNKNOWN)
    ends = (resource.visible_until, school.categories[resource.category_id], scope.principal.valid_until)
    return Decision(Effect.PERMIT, Reason.GRANTED, min(end for end in ends if end is not None))


def scope_for(connection: Connection, principal: Principal, at: datetime) -> Scope:
    """What `principal` holds at `at`."""
    obstacle = _STANDING.get(standing(connection, principal, at))
    named = categories.names(connection)
    if principal.roles or obstacle is not None:
        return Scope(principal=principal, categories=named, schools=MappingProxyType({}), obstacle=obstacle)
    schools = _schools_of(connection, principal, frozenset(named), at)
    return Scope(
        principal=principal,
        categories=named,
        schools=MappingProxyType(schools),
        obstacle=None if schools else Reason.NO_SCHOOL,
    )


def _schools_of(
    connection: Connection, principal: Principal, every_category: frozenset[int], at: datetime
) -> dict[int, SchoolScope]:
    """What `principal` holds in each school that it belongs to; a headteacher holds every category."""
    memberships = connection.execute(
        select(Membership.role, Membership.since, *School.__table__.columns)
        .join(School, School.id == Membership.school_id)
        .where(Membership.account_id == principal.account_id, Membership.ended_at.is_(None))
        .order_by(Membership.since, Membership.id)
    ).all()
    grants = connection.execute(
        select(Grant.school_id, Grant.category_id, Grant.expires_at).where(
            Grant.account_id == principal.account_id, Grant.revoked_at.is_(None)
        )
    ).all()
    schools: dict[int, SchoolScope] = {}
    for row in memberships:
        known = schools.get(row.id)
        roles = (known.roles if known else frozenset()) | {row.role}
        held: dict[int, datetime | None] = {g.category_id: g.expires_at for g in grants if g.school_id == row.id}
        if HEADTEACHER in roles and principal.kind is Kind.PERSON:
            held = dict.fromkeys(every_category)
        schools[row.id] = SchoolScope(
            school_id=row.id,
            folder=folder_name(row.dfe, row.name, row.earlier_name, row.renamed_on, at),
            since=known.since if known else row.since,
            roles=roles,
            categories=MappingProxyType(held),
            obstacle=None if row.state == SchoolState.ACTIVE else Reason.SCHOOL_SUSPENDED,
        )
    return schools
