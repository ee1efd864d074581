"""Who may change the access of whom: the headteacher's rules and the authority's as one table [R21].

Called by every act on the people of a school, at the pages and by command, with what `policy.roster.party` says of
both sides. Pure and thread-safe; raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Act(StrEnum):
    """What is done to somebody in a school; the string is its form in the record."""

    GIVE_ROLE = "give a role"
    REMOVE = "remove from the school"
    GRANT = "grant a category"
    REVOKE = "revoke a category"
    RESET_CODES = "reset one-time codes"
    END_CREDENTIAL = "end a key or device password"
    REVIEW = "confirm an access review"  # of everybody in the school
    CHANGE_HEADTEACHER = "change the headteacher"  # or who stands in for one


class Refusal(StrEnum):
    """Why an act is refused, for the record; `TOLD` has it for people."""

    ONESELF = "one's own access"
    OF_AUTHORITY = "somebody of the authority"
    AUTHORITY_ALONE = "for the authority alone"
    OTHER_SCHOOL = "not the headteacher of this school"
    NOT_STAFF = "not of this school's staff"
    HEADTEACHER = "a headteacher"
    SCRIPT = "a script"
    NOT_REVIEWER = "not the headteacher, acting or not, of this school"


TOLD: Mapping[Refusal, str] = MappingProxyType(
    {
        Refusal.ONESELF: "Nobody changes their own access: ask the council.",
        Refusal.OF_AUTHORITY: "Accounts of the authority belong to no school: enter the person anew, for the school.",
        Refusal.AUTHORITY_ALONE: "Only the council changes who the headteacher is, or stands in: ask the council.",
        Refusal.OTHER_SCHOOL: "A headteacher changes the own school's people alone: ask that school's headteacher.",
        Refusal.NOT_STAFF: "Nobody of this school is called so: see the list of your staff.",
        Refusal.HEADTEACHER: "The access of a headteacher is changed by the council alone: ask the council.",
        Refusal.NOT_REVIEWER: "A school's access is reviewed by its headteacher, or an acting one: name that person.",
        Refusal.SCRIPT: "A script has no one-time codes: only people have.",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """An account, as far as the rules look at it: `belongs` to and `heads` these schools now, an acting head too."""

    account_id: int | None
    person: bool
    of_authority: bool
    administrator: bool
    belongs: frozenset[int]
    heads: frozenset[int]


def refusal(actor: Party, act: Act, subject: Party, school_id: int) -> Refusal | None:
    """Why `actor` may not do `act` to `subject` in the school; None: it may. The first row that applies speaks.

    One-time codes are the account's, not a school's: whoever heads any school keeps theirs.
    """
    headed = bool(subject.heads) if act is Act.RESET_CODES else school_id in subject.heads
    rows = (
        (subject.of_authority, Refusal.OF_AUTHORITY),
        (actor.account_id == subject.account_id, Refusal.ONESELF),
        (act is Act.RESET_CODES and not subject.person, Refusal.SCRIPT),
        (actor.administrator, None),
        (act is Act.CHANGE_HEADTEACHER, Refusal.AUTHORITY_ALONE),
        (school_id not in actor.heads, Refusal.OTHER_SCHOOL),
        (act is not Act.GIVE_ROLE and school_id not in subject.belongs, Refusal.NOT_STAFF),
        (headed, Refusal.HEADTEACHER),
    )
    return next((reason for applies, reason in rows if applies), None)
