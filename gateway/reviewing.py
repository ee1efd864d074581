"""The headteacher's access review, confirmed, and the authority's extension of it [R22].

Called by the commands and the pages, within a change; everything is recorded. Thread-safe. Raises OperatorError where
something was asked wrongly, NotAllowed for whoever may not, and then the change is to be given up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from auth import accounts, devices
from auth.accounts import AccountRow
from config.clock import end_of_day, london_date
from config.errors import OperatorError
from gateway import statement
from gateway.admission import part
from gateway.change import Change
from gateway.core import Core
from gateway.giving import end_device, end_key
from policy import review, reviewed, roster
from policy.audit.checkpoints import signing_key
from policy.audit.events import EventKind
from policy.review import Calendar, ReviewRow
from policy.reviewed import Item, What
from policy.schools import SchoolRow
from policy.staffing import Act, Refusal, refusal

FORM = "ladocs-review/1"
_GRACE = timedelta(days=30)
"""How long after the next review is due a confirmed device password runs [R16]."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What is reviewed: the reviews that wait in a school, and all its access. `seen` names what was shown."""

    school: SchoolRow
    reviews: Sequence[ReviewRow]
    items: Sequence[Item]

    @property
    def seen(self) -> str:
        return reviewed.seen(self.items)


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmed:
    """A review that is done: its terms, how many items were confirmed and which were removed, and the signed result."""

    terms: tuple[str, ...]
    confirmed: int
    removed: tuple[str, ...]
    signed: str


def calendar(core: Core) -> Calendar:
    """When reviews open and are due in this installation."""
    return Calendar(core.settings.terms, core.settings.review)


def shown(connection: Connection, school: SchoolRow, at: datetime) -> Shown:
    """What a school's headteacher is to be shown at `at`. Raises OperatorError where no review is open."""
    reviews = review.open_reviews(connection, school.id)
    if not reviews:
        raise OperatorError(f"No access review of {school.dfe} is open: 'ladocs review list' says what was confirmed.")
    return Shown(school=school, reviews=reviews, items=reviewed.items(connection, school.id, at))


def confirm(
    core: Core,
    change: Change,
    school: SchoolRow,
    *,
    by: AccountRow,
    seen: str,
    removed: Collection[str],
    because: str = "",
) -> Confirmed:
    """Remove what `removed` names (by `Item.ref`) and confirm everything else that was shown as `seen`.

    `by` is the headteacher of the school, or whoever acts as one: the actor, or, where an administrator records what
    was sent in, the one who sent it, with `because` saying how. What was suspended comes back, and device passwords run
    to 30 days after the next review is due. All open reviews of the school are done with it.
    """
    _refuse_others(change, school, by, because)
    found = shown(change.connection, school, change.at)
    if seen != found.seen:
        raise OperatorError(
            f"The access of {school.dfe} has changed since it was shown: show it again, and confirm what is there now."
        )
    missing = set(removed) - {item.ref for item in found.items}
    if missing:
        raise OperatorError(f"'{min(missing)}' is nothing that this review shows: see 'ladocs review show'.")
    # Who is removed and belongs nowhere else has no use for keys and device passwords: they end too.
    left = {item.account_id for item in found.items if item.ref in removed and _is_all(item)}
    removed = {item.ref for item in found.items if item.ref in removed or item.account_id in left}
    gone = [item for item in found.items if item.ref in removed]
    kept = [item for item in found.items if item.ref not in removed]
    for item in sorted(gone, key=lambda item: item.what is What.ACCOUNT):  # an account's credentials before itself
        _remove(change, school, by, item)
    ends = {item.ref: _keep(core, change, school, item) for item in kept}
    said = _said(core, change, found, by, because, removed, ends)
    signed = statement.signed(FORM, said, signing_key(core.secrets))
    review.settle(change.connection, [one.id for one in found.reviews], change.at, by.id, signed)
    for one in found.reviews:
        reason = (
            f"{one.name}: {len(kept)} confirmed, {len(gone)} removed, SHA-256 {sha256(signed.encode()).hexdigest()}"
        )
        for_whom = f", for account:{by.id}: {because.strip()}" if change.actor != by.id else ""
        _record(change, EventKind.REVIEW_CONFIRMED, one, reason + for_whom)
    return Confirmed(
        terms=tuple(one.name for one in found.reviews),
        confirmed=len(kept),
        removed=tuple(item.ref for item in gone),
        signed=signed,
    )


def _is_all(item: Item) -> bool:
    """Whether it is all that an account has."""
    return item.what is What.ACCOUNT and not item.elsewhere


def extend(core: Core, change: Change, school: SchoolRow, until: date, because: str) -> Sequence[ReviewRow]:
    """Let the open reviews of a school be due on `until`, for the authority; what was suspended comes back."""
    if not because.strip():
        raise OperatorError("A review is extended for a reason: give --because.")
    found = shown(change.connection, school, change.at)
    latest = max(london_date(change.at), *(one.due_on for one in found.reviews))
    if until <= latest:
        raise OperatorError(f"The review of {school.dfe} is extended to a later day than {latest}: give one.")
    resume(change, school, found.items)
    ids = [one.id for one in found.reviews]
    review.extend(change.connection, ids, until, calendar(core).suspends_on(until))
    for one in found.reviews:
        _record(change, EventKind.REVIEW_EXTENDED, one, f"{one.name}: due {until}: {because.strip()}")
    return review.open_reviews(change.connection, school.id)


def resume(change: Change, school: SchoolRow, items: Iterable[Item]) -> None:
    """End the suspension of those of `items` that are suspended."""
    for item in items:
        if item.suspended_at is not None:
            reviewed.resume(change.connection, item, school.id)
            change.record(EventKind.REVIEW_RESUMED, f"account:{item.account_id}", school=school.id, reason=called(item))


def called(item: Item) -> str:
    """An item as the record names it beside its account: `role SENCO`, `key 7`."""
    return f"role {', '.join(item.roles)}" if item.what is What.ACCOUNT else f"{_KINDS[item.what]} {item.id}"


_KINDS: Mapping[What, str] = {What.KEY: "key", What.DEVICE: "device password"}


def _refuse_others(change: Change, school: SchoolRow, by: AccountRow, because: str) -> None:
    reviewer = roster.party(change.connection, by.id, change.at)
    recording = change.actor != by.id
    may_record = roster.party(change.connection, change.actor, change.at).administrator
    if school.id not in reviewer.heads or (recording and not may_record):
        raise change.refused(Act.REVIEW, Refusal.NOT_REVIEWER, f"school:{school.id}", school.id)
    if recording and not because.strip():
        raise OperatorError(
            "Say how the headteacher's review reached you: give --because, like 'letter of 3 December'."
        )


def _remove(change: Change, school: SchoolRow, by: AccountRow, item: Item) -> None:
    """By the existing acts; what the headteacher may not do is not done for the headteacher either."""
    act = Act.REMOVE if item.what is What.ACCOUNT else Act.END_CREDENTIAL
    own_credential = act is Act.END_CREDENTIAL and item.account_id == by.id
    if not own_credential:
        reviewer, subject = (roster.party(change.connection, who, change.at) for who in (by.id, item.account_id))
        reason = refusal(reviewer, act, subject, school.id)
        if reason is not None:
            raise change.refused(act, reason, f"account:{item.account_id}", school.id)
        if act is Act.END_CREDENTIAL and item.elsewhere:
            raise OperatorError(
                f"{item.ref} is of {item.username}, who has other schools too: remove {item.username} from this one,"
                " or keep it."
            )
    if item.what is What.KEY:
        end_key(change, item.account_id, item.id)
    elif item.what is What.DEVICE:
        end_device(change, item.account_id, item.id)
    else:
        account = accounts.get(change.connection, item.account_id)
        assert account is not None, "it was shown"
        part(change, account, school)


def _keep(core: Core, change: Change, school: SchoolRow, item: Item) -> datetime | None:
    """Confirm an item; when it ends by itself from now on."""
    resume(change, school, [item])
    if item.what is not What.DEVICE:
        return item.ends
    runs = end_of_day(calendar(core).next_due(london_date(change.at)) + _GRACE)
    return devices.set_end(change.connection, item.id, runs, change.at)


def _said(
    core: Core,
    change: Change,
    found: Shown,
    by: AccountRow,
    because: str,
    removed: Collection[str],
    ends: Mapping[str, datetime | None],
) -> dict[str, Any]:
    head = next(item for item in found.items if item.what is What.ACCOUNT and item.account_id == by.id)
    recorder = accounts.get(change.connection, change.actor or 0) if change.actor != by.id else None
    decided = {ref: "removed" if ref in removed else "confirmed" for ref in (item.ref for item in found.items)}
    items = [
        {**one, "decision": decided[item.ref], "ends": _time(ends.get(item.ref, item.ends))}
        for one, item in zip(waiting(core, found)["items"], found.items, strict=True)
    ]
    return {
        **waiting(core, found),
        "confirmed_at": _time(change.at),
        "confirmed_by": {"username": by.username, "name": by.name, "roles": list(head.roles)},
        "recorded_by": recorder and {"username": recorder.username, "name": recorder.name, "because": because.strip()},
        "items": items,
    }


def waiting(core: Core, found: Shown) -> dict[str, Any]:
    """What is to be reviewed as plain JSON, in the form of a result that nobody has confirmed yet."""
    return {
        "service": core.settings.service.name,
        "school": {"dfe": found.school.dfe, "name": found.school.name},
        "terms": [one.name for one in found.reviews],
        "due": [one.due_on.isoformat() for one in found.reviews],
        "confirmed_at": None,
        "confirmed_by": None,
        "recorded_by": None,
        "items": [as_said(item) for item in found.items],
    }


def as_said(item: Item) -> dict[str, Any]:
    """An item as plain JSON, before somebody decided on it."""
    return {
        "decision": None,
        "item": item.ref,
        "what": item.what.value,
        "username": item.username,
        "name": item.name,
        "kind": item.kind.value,
        "state": item.state.value,
        "owner": item.owner,
        "roles": list(item.roles),
        "categories": list(item.categories),
        "networks": list(item.networks),
        "fingerprint": item.detail,
        "last_used_at": _time(item.last_used_at),
        "suspended_at": _time(item.suspended_at),
        "ends": _time(item.ends),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _record(change: Change, kind: EventKind, one: ReviewRow, reason: str) -> None:
    change.record(kind, f"review:{one.id}", school=one.school_id, reason=reason)
