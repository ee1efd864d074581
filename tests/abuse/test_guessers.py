"""A school of sixty behind one address, one of whom guesses, and a thousand who guess from outside, for ten minutes.

The morning is drawn from a seed, so that it is the same each time, and acted before the real authenticator, lanes and
Argon2 over a database. Only the clock is the test's.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from auth import accounts
from auth.principal import Candidate, Principal, Proof
from auth.totp import code_at
from auth.verdicts import RefusalReason
from tests.auth.world import Notebook, World, new_secrets
from tests.support.clock import FakeClock
from tests.support.databases import with_tables
from tests.support.people import enter_person

SEED = 1911
MINUTES = 10
STAFF = [f"t.{n:02d}" for n in range(60)]
ATTACKED = STAFF[0]  # from inside, and from outside too
SOUGHT = STAFF[:5]  # by most of those outside
NOBODY = ["head.teacher", "office", "bursar", "admin"]
SCHOOL = "198.51.100.20"
OUTSIDE = [f"{20 + n // 250}.{n % 250}.7.9" for n in range(1000)]
FIVE_MINUTES = 300.0

Act = Callable[[], float | None]
"""What somebody does; after how many seconds they do it again, if they do."""


class Journal(Notebook):
    """A record that knows when whose password was really tried, and found wrong."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self.tried: dict[str, list[float]] = {}

    def refused(self, candidate: Candidate, reason: str) -> None:
        super().refused(candidate, reason)
        if reason == RefusalReason.WRONG_PASSWORD:
            self.tried.setdefault(candidate.username, []).append(self._clock.monotonic())


@dataclass
class Person:
    """One of the staff, who means to come in: when they first tried, how often, and when they were in."""

    name: str
    password: str
    secret: str
    mistypes: bool
    tries: int = 0
    first: float = 0.0
    came: float | None = None


@dataclass
class Morning:
    """What happened."""

    world: World
    journal: Journal
    people: list[Person]
    strangers_in: int = 0
    _events: list[tuple[float, int, Act]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def plan(self, second: float, act: Act) -> None:
        """`act` at this second of the morning."""
        heapq.heappush(self._events, (second, next(self._numbers), act))

    def pass_by(self) -> None:
        """Let it all happen, in its order."""
        now = 0.0
        while self._events:
            second, _, act = heapq.heappop(self._events)
            self.world.clock.advance(seconds=second - now)
            now = second
            again = act()
            if again is not None:
                self.plan(now + again, act)

    def comes(self, person: Person) -> float | None:
        """Somebody of the staff, at the school, tries; again in half a minute, after the third time in a minute."""
        world, now = self.world, self.world.clock.monotonic()
        candidate = world.candidate(person.name, SCHOOL)
        person.first = person.first or now
        person.tries += 1
        wrong = person.mistypes and person.tries == 1
        shown = [world.authenticator.check_password(candidate, "mistyped in haste" if wrong else person.password)]
        if shown[0] is not None:
            shown.append(world.authenticator.check_code(candidate, code_at(person.secret, world.clock.now())))
        proofs = [proof for proof in shown if isinstance(proof, Proof)]
        if len(proofs) == 2 and isinstance(world.authenticator.authenticate(candidate, proofs), Principal):
            person.came = now
            return None
        return 30.0 if person.tries < 3 else 60.0

    def guesses(self, name: str, address: str) -> None:
        """Somebody at `address` tries a password that is not `name`'s."""
        proof = self.world.authenticator.check_password(self.world.candidate(name, address), "summer holidays 2026")
        self.strangers_in += proof is not None

    def person(self, name: str) -> Person:
        """One of the staff."""
        return next(person for person in self.people if person.name == name)

    @property
    def others(self) -> list[Person]:
        """The staff but for the one whose account is attacked from inside."""
        return [person for person in self.people if person.name != ATTACKED]


def _entered(world: World, chance: random.Random) -> list[Person]:
    made = []
    for name in STAFF:
        person = Person(name, f"an otter called {name}", world.totp.new_secret(), chance.random() < 0.25)
        stored, now = world.passwords.hash(person.password), world.clock.now()
        with world.database.write() as connection:
            number = enter_person(connection, name, now)
            accounts.set_password_hash(connection, number, stored, now)
            accounts.set_totp_sealed(connection, number, world.totp.seal(number, person.secret), now)
        world.doors.networks[number] = ["198.51.100.0/24"]
        made.append(person)
    return made


def _planned(morning: Morning, chance: random.Random) -> None:
    def once(name: str, address: str) -> Act:
        return lambda: morning.guesses(name, address)

    for person in morning.people:
        at = 100.0 if person.name == ATTACKED else chance.uniform(0, MINUTES * 60)
        morning.plan(at, lambda person=person: morning.comes(person))  # type: ignore[misc]  # bound for each
    for n in range(40):  # the one inside: at one account again and again, and once at each other
        morning.plan(n * 5.0, once(ATTACKED, SCHOOL))
    for name in STAFF[1:]:
        morning.plan(chance.uniform(0, MINUTES * 60), once(name, SCHOOL))
    for address in OUTSIDE:
        for names in (SOUGHT, chance.choices([SOUGHT, NOBODY, STAFF], [12, 4, 3])[0]):
            morning.plan(chance.uniform(0, MINUTES * 60), once(chance.choice(names), address))


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Morning]:
    folder: Path = tmp_path_factory.mktemp("morning")
    clock, chance = FakeClock(), random.Random(SEED)
    journal = Journal(clock)
    with with_tables(f"sqlite:///{folder}/ladocs.db") as database:
        world = World(database=database, secrets=new_secrets(folder / "secrets"), clock=clock, recorder=journal)
        morning = Morning(world, journal, _entered(world, chance))
        _planned(morning, chance)
        morning.pass_by()
        yield morning


def test_everybody_at_the_school_comes_in_within_two_tries(morning: Morning) -> None:
    assert not [person for person in morning.others if person.came is None or person.tries > 2]


def test_whoever_types_it_right_comes_in_at_once(morning: Morning) -> None:
    assert {person.tries for person in morning.others if not person.mistypes} == {1}


def test_the_account_attacked_from_inside_waits_and_not_for_more_than_five_minutes(morning: Morning) -> None:
    person = morning.person(ATTACKED)
    assert person.came is not None and person.tries > 1
    assert person.came - person.first <= FIVE_MINUTES


def test_no_account_is_guessed_at_more_than_twenty_times_in_five_minutes(morning: Morning) -> None:
    most = max(
        sum(begin <= other < begin + FIVE_MINUTES for other in times)
        for times in morning.journal.tried.values()
        for begin in times
    )
    assert 10 < most <= 20


def test_most_who_guess_are_refused_before_an_argon2_runs(morning: Morning) -> None:
    assert morning.journal.reasons.count(RefusalReason.TOO_MANY_GUESSES) > 1000
    assert morning.world.gate.runs < 1000


def test_nobody_who_guesses_comes_in(morning: Morning) -> None:
    assert morning.strangers_in == 0
