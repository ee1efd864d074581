"""The rules of doors and documents in plain words, as the web team says them on the telephone.

Called by `gateway.explaining` with what a rule came to; nothing is judged here. Pure and thread-safe; raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from auth.accounts import AccountRow
from auth.principal import AccountState
from config.clock import london_date
from policy.access import HEADTEACHER, Reason, Resource, Rule, SchoolScope, Scope
from policy.doors import DoorRule

_MOMENT = timedelta(microseconds=1)
_STATES = {
    AccountState.INVITED: "is not activated yet",
    AccountState.SUSPENDED: "is suspended",
    AccountState.LEFT: "has left",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the words name: `numbers` are the DfE numbers of schools, `to` those that the document was delivered to.

    `audience`: the roles and short names to which it is restricted, empty where it is not. `begins`: when a grant of
    its category begins that is still to come, None where there is none.
    """

    account: AccountRow
    scope: Scope
    resource: Resource
    at: datetime
    numbers: Mapping[int, str]
    to: str
    audience: str
    begins: datetime | None


def at_the_door(rule: DoorRule, account: AccountRow, schools: str, reason: Reason | None) -> str:
    """What a rule of the doors came to for `account`, of `schools` (DfE numbers), `reason` standing in the way."""
    ends, networks = account.expires_at, ", ".join(account.networks)
    words: Mapping[DoorRule, tuple[str, str]] = {
        DoorRule.STATE: ("is active", _STATES.get(account.state, "is not there")),
        DoorRule.END: (f"ends after {last_day(ends)}" if ends else "has no end", f"ended after {last_day(ends)}"),
        DoorRule.NETWORK: (
            f"comes in from {networks} alone, and is taken to" if networks else "comes in from anywhere",
            f"does not come from {networks}",
        ),
        DoorRule.DRIVE: ("is not of the authority", "is of the authority, where nobody reads a document"),
        DoorRule.BELONGING: (f"belongs to {schools}" if schools else "needs none", "belongs to no school at present"),
        DoorRule.IN_ORDER: ("one of its schools at least is", f"{schools}: {reason}"),
    }
    return words[rule][0 if reason is None else 1]


def of_school(number: str, obstacle: Reason | None) -> str:
    """What stands in the way of the documents of the school with this DfE number."""
    words = {
        None: f"access for {number} is in order",
        Reason.NO_AGREEMENT: f"{number} has no agreement in force: 'ladocs agreement record' when it has signed",
        Reason.REVIEW_OVERDUE: f"its access to {number} is suspended until the access review there is confirmed",
    }
    return words.get(obstacle, f"access for {number} is suspended")


def of_document(rule: Rule, facts: Facts, reason: Reason | None) -> str:
    """What a rule of reading came to, `reason` standing in the way."""
    resource, at = facts.resource, facts.at
    school = facts.scope.schools.get(resource.school_id)
    number, category = facts.numbers[resource.school_id], facts.scope.categories[resource.category_id]
    published, last = london_date(resource.published_at), last_day(resource.visible_until)
    words: Mapping[Rule, tuple[str, str]] = {
        Rule.ACCOUNT: ("nothing keeps it out", f"{reason}"),
        Rule.MEMBERSHIP: (f"in {number} it is {_roles(school, at)}", f"was delivered to {facts.to}, and not to it"),
        Rule.SCHOOL: (of_school(number, None), of_school(number, reason)),
        Rule.PUBLISHED: (f"was published {published}", f"is published {published}, and not before"),
        Rule.WITHDRAWN: ("was not withdrawn", f"was withdrawn from {number}"),
        Rule.LAST_DAY: (f"its last day is {last}", f"its last day was {last}"),
        Rule.CATEGORY: (_held(school, resource, category), f"{category} is {_not_granted(facts, school)}"),
        Rule.HEADTEACHER: (
            "is kept from the headteacher, which it is not" if resource.not_headteacher else "is not kept from anybody",
            "is kept from the headteacher, an acting one too",
        ),
        Rule.AUDIENCE: (_addressed(facts, school), f"is for {facts.audience} alone, and it is none of them"),
    }
    return words[rule][0 if reason is None else 1]


def last_day(end: datetime | None) -> str:
    """The last day before the moment `end`, as it is written."""
    return "" if end is None else london_date(end - _MOMENT).isoformat()


def _roles(school: SchoolScope | None, at: datetime) -> str:
    held = {} if school is None else {role: school.roles[role] for role in sorted(school.roles_at(at))}
    return ", ".join(f"{role}{f' until {last_day(end)}' if end else ''}" for role, end in held.items())


def _held(school: SchoolScope | None, resource: Resource, category: str) -> str:
    end = None if school is None else school.categories.get(resource.category_id)
    return f"holds {category}{f' until {last_day(end)}' if end else ''}"


def _not_granted(facts: Facts, school: SchoolScope | None) -> str:
    if facts.begins is not None:
        return f"granted from {london_date(facts.begins)}, and not before"
    held = sorted(facts.scope.categories[one] for one in (school.categories_at(facts.at) if school else ()))
    return f"not granted; granted: {', '.join(held)}" if held else "not granted; nothing is granted there"


def _addressed(facts: Facts, school: SchoolScope | None) -> str:
    if facts.resource.audience is None:
        return "is for everybody who holds the category"
    heads = school is not None and school.is_headteacher_at(facts.at)
    return f"is for {facts.audience}" + (f", and a {HEADTEACHER.lower()} belongs to every audience" if heads else "")
