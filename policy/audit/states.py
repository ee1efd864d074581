"""In which state accounts were at a moment that has passed, as far as the record tells [R37].

Tables hold the present state alone; each change of it stands in the record as `account:changed`, with words that only
`gateway.staffing`, `gateway.enrolment` and `gateway.admission` write. Reads all rows once, in order; raises
sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from auth.principal import AccountState
from config.clock import microseconds
from policy.audit.events import Event, EventKind
from policy.audit.models import AuditBatch
from policy.audit.query import Filter, stream

_WORDS: tuple[tuple[str, AccountState], ...] = (
    ("activated", AccountState.ACTIVE),
    ("first administrator", AccountState.ACTIVE),
    ("service", AccountState.ACTIVE),
    ("person added", AccountState.INVITED),
    ("suspended: ", AccountState.SUSPENDED),
    ("invited", AccountState.INVITED),
    ("left", AccountState.LEFT),
)
"""How the reason of a change begins, and the state that it leads to."""

_LET_IN_AGAIN = "let in again"
_FOUND_BEFORE: Mapping[str, AccountState] = {
    "activated": AccountState.INVITED,
    _LET_IN_AGAIN: AccountState.SUSPENDED,
}
"""The state that such a change can have begun in alone."""


@dataclass(slots=True)
class _Story:
    """What is known of one account: the state before the moment, and whether one was told of after it."""

    before: AccountState | None = None
    was_active: bool = False
    first_after: str = ""


def states_at(
    connection: Connection, at: datetime, present: Mapping[int, AccountState]
) -> dict[int, AccountState | None]:
    """The state of each account of `present` at `at`; None where the record of then, or since, is past reading.

    `present` are the states of now, which hold for every account that was not changed since.
    """
    stories: dict[int, _Story] = {}
    unread = 0
    for entry in stream(connection, Filter(event=EventKind.ACCOUNT_CHANGED)):
        if entry.event is None:
            unread = entry.batch
        elif entry.event.object.startswith("account:"):
            number = int(entry.event.object.partition(":")[2])
            _tell(stories.setdefault(number, _Story()), entry.event, at)
    sealed = connection.execute(select(AuditBatch.ts).where(AuditBatch.b == unread)).scalar()
    if sealed is not None and sealed > microseconds(at):
        return dict.fromkeys(present)
    return {number: _state(stories.get(number, _Story()), now) for number, now in present.items()}


def _tell(story: _Story, event: Event, at: datetime) -> None:
    again = event.reason == _LET_IN_AGAIN
    state = next((state for word, state in _WORDS if event.reason.startswith(word)), None)
    if state is None and not again:
        return
    if event.at > at:
        story.first_after = story.first_after or event.reason
        return
    if again:
        state = AccountState.ACTIVE if story.was_active else AccountState.INVITED
    story.was_active = story.was_active or state is AccountState.ACTIVE
    story.before = state


def _state(story: _Story, now: AccountState) -> AccountState | None:
    if not story.first_after:
        return now
    return story.before or _FOUND_BEFORE.get(story.first_after)
