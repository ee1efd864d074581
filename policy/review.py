"""Access reviews: when the one of a term opens, is due and has consequences, and how it stands [R22].

Called by `gateway.reviewing` and `gateway.reviews`. A term here is one of the three of the school year, whatever
half-terms the settings list, and is named by its first day: 1 September, 1 January, 1 April. Days are of Europe/London.
Functions take the caller's connection. Thread-safe; raises OperatorError for what a person typed wrongly, else
sqlalchemy.exc.SQLAlchemyError alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, insert, select, update

from config.clock import end_of_day, london_date
from config.errors import OperatorError
from config.settings import Review, Term
from policy.models import AccessReview, Membership, School, role_holds
from policy.school_days import school_days_after
from policy.schools import SchoolState

_TERMS = {9: "autumn", 1: "spring", 4: "summer"}
_BACK_AT_SCHOOL = {9: 5, 1: 5, 4: 20}
"""The day of its first month from which a term's review opens where settings name no term."""


class ReviewState(StrEnum):
    """How a review stands."""

    CONFIRMED = "confirmed"
    OPEN = "open"
    OVERDUE = "overdue"
    SUSPENDED = "suspended"


class Stage(StrEnum):
    """How far a review has come, when somebody is reminded of it."""

    OPENED = "opened"
    SOON = "soon"
    DUE = "due"
    OVERDUE = "overdue"
    SUSPENDED = "suspended"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewRow:
    """A review as it is kept. `signed` is its result, empty while it is open."""

    id: int
    school_id: int
    dfe: str
    school: str
    term: date
    opened_at: datetime
    due_on: date
    suspends_on: date
    suspended_at: datetime | None
    confirmed_at: datetime | None
    signed: str

    @property
    def name(self) -> str:
        """`autumn-2026`."""
        return name_of(self.term)

    def state(self, today: date) -> ReviewState:
        """How it stands on `today`."""
        rows = (
            (self.confirmed_at is not None, ReviewState.CONFIRMED),
            (self.suspended_at is not None, ReviewState.SUSPENDED),
            (today > self.due_on, ReviewState.OVERDUE),
            (True, ReviewState.OPEN),
        )
        return next(state for applies, state in rows if applies)


@dataclass(frozen=True, slots=True)
class Calendar:
    """When reviews open and are due, by the settings of an installation."""

    terms: Sequence[Term]
    rules: Review

    def opens_on(self, term: date) -> date:
        """The first day of the first of the settings' terms that begins in `term`, else a day in its first weeks."""
        begin = [each.first for each in self.terms if term <= each.first < following(term)]
        return min(begin, default=term.replace(day=_BACK_AT_SCHOOL[term.month]))

    def due_on(self, opened: date) -> date:
        """The day on which a review is due that opens on `opened`."""
        return school_days_after(opened, self.rules.due_school_days, self.terms)

    def suspends_on(self, due: date) -> date:
        """The day from which a review that was due on `due` is so late that access is suspended."""
        return school_days_after(due, self.rules.suspend_school_days, self.terms)

    def next_due(self, today: date) -> date:
        """When the next review that has not opened on `today` will be due."""
        term = term_of(today)
        opens = self.opens_on(term)
        return self.due_on(opens if opens > today else self.opens_on(following(term)))


def term_of(day: date) -> date:
    """The term in which `day` lies."""
    return date(day.year, max(month for month in _TERMS if month <= day.month), 1)


def following(term: date) -> date:
    """The term after this one."""
    return term_of(term + timedelta(days=160))


def name_of(term: date) -> str:
    """`autumn-2026`."""
    return f"{_TERMS[term.month]}-{term.year}"


def term_named(text: str) -> date:
    """The term that is called so. Raises OperatorError."""
    name, _, year = text.strip().lower().replace(" ", "-").partition("-")
    month = next((month for month, one in _TERMS.items() if one == name), None)
    if month is None or not (len(year) == 4 and year.isascii() and year.isdecimal() and int(year)):
        raise OperatorError(f"'{text}' is no term: write it like autumn-2026, spring-2027 or summer-2027.")
    return date(int(year), month, 1)


def without_review(connection: Connection, calendar: Calendar, at: datetime) -> list[int]:
    """The schools whose review of this term is to be opened at `at`.

    They are let in, have people, and were there on the day on which the term's reviews open.
    """
    today = london_date(at)
    term = term_of(today)
    opens = calendar.opens_on(term)
    if today < opens:
        return []
    there = select(Membership.school_id).where(role_holds(at))
    opened = select(AccessReview.school_id).where(AccessReview.term == term)
    found = select(School.id).where(
        School.state == SchoolState.ACTIVE,
        School.created_at < end_of_day(opens),
        School.id.in_(there),
        School.id.not_in(opened),
    )
    return list(connection.execute(found.order_by(School.dfe)).scalars())


def open_review(connection: Connection, calendar: Calendar, school_id: int, at: datetime) -> ReviewRow:
    """Open the review of this term in a school that has none."""
    today = london_date(at)
    due = calendar.due_on(today)
    row = insert(AccessReview).values(
        school_id=school_id,
        term=term_of(today),
        opened_at=at,
        due_on=due,
        suspends_on=calendar.suspends_on(due),
        signed="",
    )
    review_id = connection.execute(row.returning(AccessReview.id)).scalar_one()
    return _rows(connection, AccessReview.id == review_id)[0]


def open_reviews(connection: Connection, school_id: int) -> list[ReviewRow]:
    """The reviews of a school that wait to be confirmed, by term."""
    return _rows(connection, AccessReview.confirmed_at.is_(None), AccessReview.school_id == school_id)


def waiting(connection: Connection) -> list[ReviewRow]:
    """The open reviews of schools that are let in: those about which something is done."""
    return _rows(connection, AccessReview.confirmed_at.is_(None), School.state == SchoolState.ACTIVE)


def listing(connection: Connection, term: date | None = None, school_id: int | None = None) -> list[ReviewRow]:
    """The reviews of a term or of all, of a school or of all, by school and term."""
    wanted = [] if term is None else [AccessReview.term == term]
    return _rows(connection, *wanted, *([] if school_id is None else [AccessReview.school_id == school_id]))


def settle(connection: Connection, ids: Collection[int], at: datetime, by: int, signed: str) -> None:
    """Keep the signed result of reviews, which are done."""
    done = update(AccessReview).where(AccessReview.id.in_(ids))
    connection.execute(done.values(confirmed_at=at, confirmed_by=by, signed=signed))


def extend(connection: Connection, ids: Collection[int], due: date, suspends: date) -> None:
    """Give reviews more time; what was suspended because of them is for the caller to resume."""
    later = update(AccessReview).where(AccessReview.id.in_(ids))
    connection.execute(later.values(due_on=due, suspends_on=suspends, suspended_at=None))


def note_suspension(connection: Connection, review_id: int, at: datetime) -> None:
    """Access was suspended because of this review."""
    connection.execute(update(AccessReview).where(AccessReview.id == review_id).values(suspended_at=at))


def _rows(connection: Connection, *conditions: ColumnElement[bool]) -> list[ReviewRow]:
    columns = [getattr(AccessReview, name) for name in ReviewRow.__slots__ if name not in ("dfe", "school")]
    found = (
        select(*columns, School.dfe, School.name.label("school"))
        .join(School, School.id == AccessReview.school_id)
        .where(*conditions)
        .order_by(School.dfe, AccessReview.term)
    )
    return [ReviewRow(**row) for row in connection.execute(found).mappings()]
