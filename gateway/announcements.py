"""What runs out is announced to its owner, 14 and 3 school days before and on its last day [R33].

A job of every day at 07:00. What was announced stands in the outbox itself, so nothing is announced twice over restarts
and processes, and a service that stood still on one of those days announces when it runs again. Of a script its owner
is told, or, where the owner is not there any more, the headteachers of its schools [R17]. Thread-safe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from auth import accounts
from auth.accounts import AccountRow
from auth.expiring import Ending, What, endings
from auth.principal import AccountState, Kind
from config.clock import london_date
from config.database import Database
from config.entropy import Entropy
from config.settings import Term
from gateway.mail import outbox
from gateway.mail.outbox import Letter, MailKind
from policy import generations, roster
from policy.endings import endings as in_schools
from policy.school_days import SCHOOL_DAYS_BEFORE, school_days_before

_TURN = "announcements"  # the counter whose row lets one process announce at a time
_AHEAD = timedelta(days=100)  # 14 school days and the longest holidays
_BEHIND = timedelta(days=7)  # what ended while the service stood still is still worth a mail
_REMEMBERED = _AHEAD + _BEHIND
_MOMENT = timedelta(microseconds=1)


class Announcements:
    """The announcements of one home."""

    def __init__(self, database: Database, terms: Sequence[Term], entropy: Entropy) -> None:
        self._database = database
        self._terms = terms
        self._entropy = entropy

    def turn(self, at: datetime) -> None:
        """Announce what is due and was not announced yet. Raises SQLAlchemyError, OSError."""
        with self._database.write() as connection:
            generations.bump(connection, _TURN)
            told = {
                (account, item["mark"])
                for account, facts in outbox.posted(connection, MailKind.RUNNING_OUT, at - _REMEMBERED)
                for item in facts["items"]
            }
            for person, items in self._due(connection, at).values():
                fresh = [item for item in items if (person.id, item["mark"]) not in told]
                if fresh:
                    self._post(connection, person, fresh, at)

    def _due(self, connection: Connection, at: datetime) -> Mapping[int, tuple[AccountRow, list[dict[str, Any]]]]:
        """Whom to tell of what today, whether they were told or not."""
        due: dict[int, tuple[AccountRow, list[dict[str, Any]]]] = {}
        since, until = at - _BEHIND, at + _AHEAD
        for ending in (*endings(connection, since, until), *in_schools(connection, since, until)):
            days = self._days_before(ending, london_date(at))
            if days is None:
                continue
            holder = accounts.get(connection, ending.account_id)
            assert holder is not None, "a credential belongs to an account"
            for person in _whom_to_tell(connection, holder, at):
                due.setdefault(person.id, (person, []))[1].append(_item(ending, holder, days))
        return due

    def _days_before(self, ending: Ending, today: date) -> int | None:
        """The last of the days of announcement that has come, as school days before the end; None before the first.

        One that came before its time began to run is none: whoever makes a key for three days knows it.
        """
        last, begun = _last_day(ending), london_date(ending.begun)
        for count in (0, *sorted(SCHOOL_DAYS_BEFORE)):
            day = school_days_before(last, count, self._terms)
            if day <= today:
                return count if begun < day else None
        return None

    def _post(self, connection: Connection, person: AccountRow, items: list[dict[str, Any]], at: datetime) -> None:
        assert person.email is not None, "whoever is told has an address"
        letter = Letter(kind=MailKind.RUNNING_OUT, address=person.email, account_id=person.id, facts={"items": items})
        outbox.post(connection, letter, at, self._entropy)


def _whom_to_tell(connection: Connection, holder: AccountRow, at: datetime) -> Iterator[AccountRow]:
    if holder.kind is Kind.PERSON:
        yield from _reachable(connection, holder.id)
        return
    owner = list(_reachable(connection, holder.owner_id))
    if owner:
        yield from owner
        return
    held = roster.belongings(connection, holder.id, at)
    for head in sorted({head for b in held for head in roster.heads_of(connection, b.school_id, at)}):
        yield from _reachable(connection, head)


def _reachable(connection: Connection, account_id: int | None) -> Iterator[AccountRow]:
    account = None if account_id is None else accounts.get(connection, account_id)
    if account is not None and account.state is AccountState.ACTIVE and account.email is not None:
        yield account


def _item(ending: Ending, holder: AccountRow, days: int) -> dict[str, Any]:
    last = _last_day(ending).isoformat()
    return {
        "what": ending.what,
        "name": holder.username if ending.what is What.ACCOUNT else ending.name,
        "script": holder.username if holder.kind is Kind.SERVICE else "",
        "last_day": last,
        "mark": f"{ending.what} {ending.id} {last} {days}",
    }


def _last_day(ending: Ending) -> date:
    return london_date(ending.ends - _MOMENT)
