"""The plan: which document goes to whom, when, laid against the moment of the run.

Called by the build; the tests hold it to the wording of its order. Pure: the same moment and seed give the same plan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import cycle
from types import ModuleType

from config.clock import LONDON, london_date, london_midnight
from gateway.demo import letters_ehsg, letters_general, letters_hr, letters_send
from gateway.demo.draft import Draft, Occasion, Writer
from gateway.demo.draw import Draw, is_business_day
from gateway.demo.people import (
    ALDREDA,
    EHSG,
    GENERAL,
    HR,
    LARKDALE,
    SCHOOLS,
    SEND,
    WRENMOOR,
)
from policy.months import MONTHS_SHOWN, Month

SEED = "county hall"
PROFILES = 300
_OWN = 3
_LETTERS: dict[str, ModuleType] = {EHSG: letters_ehsg, GENERAL: letters_general, SEND: letters_send, HR: letters_hr}
_EVERYONE = tuple(SCHOOLS)
_FIRST_POST, _LAST_POST = time(9, 10), time(16, 40)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """One document to publish. `at` is aware UTC, in whole seconds."""

    at: datetime
    schools: tuple[str, ...]
    category: str
    draft: Draft
    officer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wish:
    """A parcel without its hour."""

    day: date
    schools: tuple[str, ...]
    category: str
    writer: Writer


_Taken = defaultdict[tuple[Month, str, str], set[str]]
"""The names, without case, that a month's category has in a school."""


def months_of(now: datetime) -> tuple[Month, ...]:
    """The five months of the plan; the first is past its last day at `now` by the rule of [R2]."""
    current = Month.of(london_date(now))
    return tuple(current.plus(-back) for back in range(MONTHS_SHOWN, -1, -1))


def first_day(now: datetime) -> date:
    """When the home is founded: the day before the first month of the plan."""
    return months_of(now)[0].first_day - timedelta(days=1)


def plan(now: datetime, seed: str = SEED) -> list[Parcel]:
    """Every document of the demo, in the order of publication, none after `now`."""
    draw = Draw(f"{seed} plan")
    wishes = [*_routine(now, draw), *_occasional(now)]
    parcels: list[Parcel] = []
    taken: _Taken = defaultdict(set)
    for day in sorted({wish.day for wish in wishes}):
        of_day = [wish for wish in wishes if wish.day == day]
        for number, wish in enumerate(of_day):
            at = _hour(day, number / len(of_day), now)
            parcels.append(_parcel(wish, at, f"{seed} {day} {number} {len(parcels)}", taken))
    return parcels


def _routine(now: datetime, draw: Draw) -> Iterator[_Wish]:
    """Each month: some circulars to all, and each school's own letters in each category, in turns."""
    turns = {(dfe, category): cycle(_LETTERS[category].WRITERS) for dfe in SCHOOLS for category in _LETTERS}
    for month in months_of(now):
        days = _days(month, now)
        for category, module in _LETTERS.items():
            for writer in module.CIRCULARS:
                yield _Wish(day=draw.one(days), schools=_EVERYONE, category=category, writer=writer)
            for dfe in SCHOOLS:
                for _ in range(_OWN):
                    writer = next(turns[dfe, category])
                    yield _Wish(day=draw.one(days), schools=(dfe,), category=category, writer=writer)


def _occasional(now: datetime) -> Iterator[_Wish]:
    """What stands out: a name twice, a folder of 300, big files, names that are hard to carry."""
    *_, last, current = months_of(now)
    then, today = _days(last, now), _days(current, now)
    early, middle, late = then[1], then[len(then) // 2], then[-2]
    for day in (early, late):
        yield _Wish(day=day, schools=_EVERYONE, category=GENERAL, writer=letters_general.term_dates)
    yield _Wish(day=early, schools=_EVERYONE, category=GENERAL, writer=letters_general.governor_training)
    yield _Wish(day=early, schools=(LARKDALE,), category=EHSG, writer=letters_ehsg.scanned_plans)
    yield _Wish(day=today[0], schools=(WRENMOOR,), category=EHSG, writer=letters_ehsg.photographed_assessment)
    yield _Wish(day=today[-1], schools=(ALDREDA,), category=EHSG, writer=letters_ehsg.kitchen_inspection)
    register = Draw("register").pupils(middle, SCHOOLS[LARKDALE].years, PROFILES)
    for number, pupil in enumerate(register, 1):
        yield _Wish(
            day=middle,
            schools=(LARKDALE,),
            category=GENERAL,
            writer=lambda at, pupil=pupil, number=number: letters_general.profile_of(at, pupil, number),  # type: ignore[misc]
        )


def _parcel(wish: _Wish, at: datetime, seed: str, taken: _Taken) -> Parcel:
    draw = Draw(seed)
    occasion = Occasion(
        school=SCHOOLS[wish.schools[0]], day=wish.day, draw=draw, category=wish.category, to_all=len(wish.schools) > 1
    )
    draft = wish.writer(occasion)
    if wish.writer is not letters_general.term_dates:
        draft = _apart(draft, wish, taken)
    return Parcel(
        at=at,
        schools=wish.schools,
        category=wish.category,
        draft=draft,
        officer=draw.one(("h.calladine", "t.okafor")),
    )


def _apart(draft: Draft, wish: _Wish, taken: _Taken) -> Draft:
    """The draft under a name that no earlier document of its folders has: only one name is meant to come twice."""
    folders = [taken[Month.of(wish.day), wish.category, school] for school in wish.schools]
    stem, _, extension = draft.name.rpartition(".")
    name = draft.name
    for mark in (f" – {wish.day.day} {wish.day:%b}", " – addendum", " – second addendum", " – third addendum"):
        if not any(name.casefold() in names for names in folders):
            break
        name = f"{stem}{mark}.{extension}"
    for names in folders:
        names.add(name.casefold())
    return Draft(name, draft.data)


def _days(month: Month, now: datetime) -> list[date]:
    """The days of `month` up to `now` on which County Hall works; the last day there is, where it never did."""
    last = min(month.last_day, london_date(now))
    days = [month.first_day + timedelta(days=number) for number in range((last - month.first_day).days + 1)]
    return [day for day in days if is_business_day(day)] or days[-1:]


def _hour(day: date, part: float, now: datetime) -> datetime:
    """A moment in the working hours of `day`, so far through them; before `now` where `day` is not over."""
    opens = datetime.combine(day, _FIRST_POST, LONDON)
    closes = min(datetime.combine(day, _LAST_POST, LONDON), now)
    if closes <= opens:
        opens = london_midnight(day)
    at = opens + (closes - opens) * part
    return at.astimezone(london_midnight(day).tzinfo).replace(microsecond=0)
