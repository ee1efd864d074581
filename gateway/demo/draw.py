"""`Draw`: invented people, numbers and days, from a handed-in seed; and the school calendar's own arithmetic.

Called by the letter writers. The same seed tells the same. Not thread-safe: one document, one draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import TypeVar

T = TypeVar("T")

_GIRLS = """
Amelia Olivia Isla Freya Zoë Chloë Aisha Niamh Siân Maisie Poppy Renée Anaïs Fatima Ruby Ellie-Mae Harriet Evie Imogen
Zuzanna Priya Matilda Phoebe Beth Leila Saoirse Orla Esmé Thandiwe Jessica Ffion Ivy Willow Nell Hanna Agnieszka
""".split()
_BOYS = """
Noah Oliver Harry Théo Jakub Mohammed Finley Callum Rhys Oisín Luca Archie Tomasz Dylan Reuben José Kai Ibrahim Alfie
Bertie Ewan Joshua Kofi Samuel Zachary Rafał Leon Isaac Toby Caleb Arjun Hugo Matthew Connor Frankie Jenson
""".split()
_SURNAMES = """
Allsop Ashmore Barlow Beresford Bown Brough Cartledge Cholerton Clowes D’Arcy Dakin Eyre Fearn Flint Froggatt Gadsby
Goodwin Gratton Hallam Heathcote Holroyd Hulme Ilyas Jackson Kowalski Lomas Longden Marsden Mellor Merrifield Nadin
Núñez O’Hara O’Neill Oldfield Oyelaran Palfreyman Patel Platts Radford Redfern Rowarth Salt Sellors Shimwell Slack
Sørensen Spencer Staniforth Swindell Tagg Thorpe Towndrow Turner Twigg Unwin Wagstaff Walton Wibberley Wildgoose Yates
""".split()
_STAFF = """
Alison Andrew Angela Anil Beverley Carol Catherine Dawn Deborah Emmanuel Farah Gillian Hélène Ian Jacqueline Karen
Lesley Liam Lorraine Magda Martin Mohsin Nicola Pauline Rebecca Robert Ruth Sandra Seán Sheila Steven Tracey Wendy
""".split()
_CHECK_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pupil:
    """An invented pupil. `year` is the national curriculum year, 0 for Reception."""

    forename: str
    surname: str
    upn: str
    born: date
    year: int

    @property
    def name(self) -> str:
        return f"{self.forename} {self.surname}"

    @property
    def year_name(self) -> str:
        return f"Year {self.year}" if self.year else "Reception"


class Draw:
    """Chance for one document."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)

    def one(self, choices: Sequence[T]) -> T:
        """One of them."""
        return self.random.choice(choices)

    def some(self, choices: Sequence[T], count: int) -> tuple[T, ...]:
        """So many different ones, in the order in which they stand."""
        kept = sorted(self.random.sample(range(len(choices)), count))
        return tuple(choices[index] for index in kept)

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return self.random.randint(low, high)

    def money(self, low: int, high: int) -> Decimal:
        """Pounds and pence between two whole amounts of pounds."""
        return Decimal(self.random.randint(low * 100, high * 100)) / 100

    def pupil(self, at: date, years: tuple[int, int]) -> Pupil:
        """Somebody on roll in the school year of `at`, between two year groups."""
        year = self.between(*years)
        born = date(academic_year(at) - 5 - year, 9, 1) + timedelta(days=self.random.randrange(365))
        forename = self.one(_GIRLS if self.random.random() < 0.5 else _BOYS)
        return Pupil(forename=forename, surname=self.one(_SURNAMES), upn=self._upn(), born=born, year=year)

    def pupils(self, at: date, years: tuple[int, int], count: int) -> list[Pupil]:
        """So many, of different names, by surname."""
        found: dict[str, Pupil] = {}
        while len(found) < count:
            pupil = self.pupil(at, years)
            found.setdefault(pupil.name, pupil)
        return sorted(found.values(), key=lambda p: (p.surname, p.forename))

    def staff(self) -> str:
        """The name of a member of staff."""
        return f"{self.one(_STAFF)} {self.one(_SURNAMES)}"

    def staff_list(self, count: int) -> list[str]:
        """So many different names of staff, by surname."""
        found: set[str] = set()
        while len(found) < count:
            found.add(self.staff())
        return sorted(found, key=lambda name: name.split(" ")[1])

    def employee_number(self) -> str:
        """As payroll prints it."""
        return f"{self.between(400_000, 989_999)}"

    def working_day(self, after: date, days: tuple[int, int]) -> date:
        """A business day, so many calendar days after (or before) another."""
        return business_day(after + timedelta(days=self.between(*days)))

    def _upn(self) -> str:
        digits = f"830{self.between(2000, 5999)}{self.between(10, 26)}{self.between(0, 999):03}"
        letter = _CHECK_LETTERS[sum(int(digit) * place for place, digit in enumerate(digits, 2)) % 23]
        return letter + digits


def academic_year(day: date) -> int:
    """The year in which the school year of `day` began."""
    return day.year if day.month >= 9 else day.year - 1


def academic_name(day: date) -> str:
    """`2026-27`."""
    year = academic_year(day)
    return f"{year}-{(year + 1) % 100:02}"


def term(day: date) -> str:
    """`autumn`, `spring` or `summer`; August belongs to what it prepares."""
    return "spring" if day.month < 4 else "summer" if day.month < 8 else "autumn"


def business_day(day: date) -> date:
    """`day`, or the next day on which County Hall works."""
    while not is_business_day(day):
        day += timedelta(days=1)
    return day


def is_business_day(day: date) -> bool:
    """Does County Hall work on `day`? Not at weekends, on bank holidays of England, and after Christmas."""
    return day.weekday() < 5 and day not in _bank_holidays(day.year) and not (day.month == 12 and day.day >= 25)


def _bank_holidays(year: int) -> frozenset[date]:
    easter = _easter(year)
    new_year = date(year, 1, 1)
    while new_year.weekday() >= 5:
        new_year += timedelta(days=1)
    latest = (date(year, 5, 7), date(year, 5, 31), date(year, 8, 31))
    mondays = [day - timedelta(days=day.weekday()) for day in latest]
    return frozenset((new_year, easter - timedelta(days=2), easter + timedelta(days=1), *mondays))


def _easter(year: int) -> date:
    """Easter Sunday by the Gregorian computus of Meeus, Jones and Butcher, whose letters these are."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    h = (19 * a + b - d - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    i, k = divmod(c, 4)
    ell = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * ell) // 451
    month, day = divmod(h + ell - 7 * m + 114, 31)
    return date(year, month, day + 1)
