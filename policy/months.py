"""Months, last days and destroy days [R1] [R2]: pure calendar arithmetic in Europe/London.

Called by `deliveries`, which fixes a document's days for good, and by the tree and the catalogue, which name folders.
Pure and thread-safe; raises nothing.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Self

from config.clock import end_of_day, london_date

RETENTION = timedelta(days=90)
MONTHS_SHOWN = 4
_FOLDER = re.compile(r"(\d{4})-(\d{2}) ([A-Z][a-z]+)")
# Not calendar.month_name, which follows the locale.
_NAMES = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class Window(StrEnum):
    """`months.window`: which months the tree may hold, beside the 90 days."""

    ROLLING = "rolling"
    CALENDAR_YEAR = "calendar-year"
    ACADEMIC_YEAR = "academic-year"


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A calendar month. Orders by time; `key` orders as text alike."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> Self:
        """The month that holds `day`."""
        return cls(day.year, day.month)

    @classmethod
    def from_key(cls, key: str) -> Self:
        """The month of a `YYYY-MM` that `key` made."""
        return cls(int(key[:4]), int(key[5:]))

    @classmethod
    def from_folder(cls, name: str) -> Self | None:
        """The month whose folder is called `name`, or None when that is no month folder's name."""
        match = _FOLDER.fullmatch(name)
        if match is None or not 1 <= int(match[2]) <= 12:
            return None
        month = cls(int(match[1]), int(match[2]))
        return month if month.folder == name else None

    @property
    def key(self) -> str:
        """`YYYY-MM`."""
        return f"{self.year:04}-{self.number:02}"

    @property
    def folder(self) -> str:
        """`YYYY-MM Month`, in English."""
        return f"{self.key} {_NAMES[self.number - 1]}"

    @property
    def first_day(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last_day(self) -> date:
        return date(self.year, self.number, calendar.monthrange(self.year, self.number)[1])

    def plus(self, months: int) -> Month:
        """The month so many after this one."""
        year, number = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(year, number + 1)


def destroy_day(published_at: datetime) -> date:
    """The 90th day after the day of publication, whatever the window."""
    return london_date(published_at) + RETENTION


def last_day(published_at: datetime, window: Window) -> date:
    """The last day on which a document of `published_at` is shown: fixed at publication."""
    published = london_date(published_at)
    limits = [destroy_day(published_at), Month.of(published).plus(MONTHS_SHOWN - 1).last_day]
    if window is Window.CALENDAR_YEAR:
        limits.append(date(published.year, 12, 31))
    if window is Window.ACADEMIC_YEAR:
        limits.append(date(published.year + (published.month >= 9), 8, 31))
    return min(limits)


def visible_until(published_at: datetime, window: Window) -> datetime:
    """The midnight (aware UTC) that ends the last day: the first moment at which the document is not shown."""
    return end_of_day(last_day(published_at, window))
