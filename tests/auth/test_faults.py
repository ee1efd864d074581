"""A fault at any step of signing in signs nobody in, and leaves no row that says otherwise: a sweep over all steps.

A step is a statement, a commit or a writing of the record. The n-th one fails, for every n, until a sign-in has fewer
steps than that and succeeds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, func, select
from sqlalchemy.exc import OperationalError

from auth import keys
from auth.authenticator import PageSignIn
from auth.models import PageSession, SessionRow, Trust
from auth.principal import Candidate, Door, Principal, Proof
from auth.verdicts import Effect, SignInUnavailable, Verdict
from config.database import Database
from tests.auth.test_pages import BROWSER, open_page
from tests.auth.world import Notebook, Someone, World, new_secrets
from tests.support.databases import with_tables
from tests.support.people import KEY, OTHER_KEY

_FEWEST = 6  # the shortest way in has more steps


class Steps:
    """Counts steps; the one numbered `fatal` raises."""

    def __init__(self) -> None:
        self._fatal = 0
        self._fault: BaseException | None = None
        self._taken = 0
        self.fired = False

    def step(self, connection: Connection | None = None, *_: object) -> None:
        self._taken += 1
        if self._taken == self._fatal and self._fault is not None:
            self.fired = True
            if connection is not None:
                connection.connection.rollback()  # a connection that breaks takes its transaction with it
            raise self._fault

    @contextmanager
    def failing_at(self, fatal: int, fault: BaseException, database: Database) -> Iterator[None]:
        """Count what is done on `database` inside the block."""
        self._fatal, self._fault, self._taken, self.fired = fatal, fault, 0, False
        for kind in ("before_cursor_execute", "commit"):
            event.listen(database.engine, kind, self.step)
        try:
            yield
        finally:
            for kind in ("before_cursor_execute", "commit"):
                event.remove(database.engine, kind, self.step)
            self._fault = None


class Notes(Notebook):
    """A record each writing of which is a step."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    def _write(self, what: str, detail: str) -> None:
        self._steps.step()
        super()._write(what, detail)


@dataclass(kw_only=True)
class Room(World):
    """A sign-in room whose steps are counted. `script` is a service account, once there is one."""

    steps: Steps = field(default_factory=Steps)
    script: int | None = None

    def __post_init__(self) -> None:
        self.recorder = Notes(self.steps)
        super().__post_init__()


@contextmanager
def a_room(folder: Path) -> Iterator[Room]:
    """A room on SQLite."""
    with with_tables(f"sqlite:///{folder}/ladocs.db") as database:
        yield Room(database=database, secrets=new_secrets(folder / "secrets"))


def rows(world: World) -> dict[str, int]:
    """How many sessions, page sessions and places of trust there are."""
    with world.database.read() as connection:
        return {
            table.__tablename__: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (SessionRow, PageSession, Trust)
        }


# --- the ways in: each makes ready what it needs, and returns the attempt

Way = Callable[[Room, Someone], Callable[[], object]]


def _enter(world: World, candidate: Candidate, *shown: object) -> object:
    return world.authenticator.authenticate(candidate, [proof for proof in shown if isinstance(proof, Proof)])


def _open(world: World, candidate: Candidate, *shown: object) -> object:
    return world.authenticator.open_page(candidate, [proof for proof in shown if isinstance(proof, Proof)])


def _password_and_code(world: Room, who: Someone) -> Callable[[], object]:
    def attempt() -> object:
        candidate, check = world.candidate(), world.authenticator
        password = check.check_password(candidate, who.password)
        return _enter(world, candidate, password, check.check_code(candidate, world.code(who)))

    return attempt


def _key_and_code(world: Room, who: Someone) -> Callable[[], object]:
    def attempt() -> object:
        candidate, check = world.candidate(), world.authenticator
        check.offers_key(candidate, KEY)
        key = check.check_public_key(candidate, KEY)
        return _enter(world, candidate, key, check.check_code(candidate, world.code(who)))

    return attempt


def _trust(world: Room, who: Someone) -> Callable[[], object]:
    if rows(world)["trust"] == 0:
        world.sign_in(who)

    def attempt() -> object:
        candidate = world.candidate()
        return _enter(world, candidate, world.authenticator.check_password(candidate, who.password))

    return attempt


def _device(world: Room, who: Someone) -> Callable[[], object]:
    def attempt() -> object:
        candidate = world.candidate(door=Door.WEBDAV)
        return _enter(world, candidate, world.authenticator.check_device(candidate, who.device))

    return attempt


def _service_key(world: Room, who: Someone) -> Callable[[], object]:
    if world.script is None:
        world.script = world.service(who)
        with world.database.write() as connection:
            keys.add(connection, world.script, OTHER_KEY, "server", at=world.clock.now())
    world.doors.verdict = Verdict(effect=Effect.PERMIT, reason="a key is enough for a script")

    def attempt() -> object:
        candidate = world.candidate("nightly")
        return _enter(world, candidate, world.authenticator.check_public_key(candidate, OTHER_KEY))

    return attempt


def _page(world: Room, who: Someone) -> Callable[[], object]:
    def attempt() -> object:
        candidate, check = world.candidate(door=Door.PORTAL), world.authenticator
        password = check.check_password(candidate, who.password)
        return _open(world, candidate, password, check.check_code(candidate, world.code(who)))

    return attempt


def _recovery_code(world: Room, who: Someone) -> Callable[[], object]:
    with world.database.write() as connection:
        code = world.recovery.replace(connection, who.id, world.clock.now())[0]

    def attempt() -> object:
        candidate, check = world.candidate(door=Door.PORTAL), world.authenticator
        password = check.check_password(candidate, who.password)
        return _open(world, candidate, password, check.check_recovery_code(candidate, code))

    return attempt


def _cookie(world: Room, who: Someone) -> Callable[[], object]:
    token = open_page(world, who).token
    world.clock.advance(minutes=1)
    return lambda: world.authenticator.resume(token, BROWSER)


WAYS: dict[str, Way] = {
    "password and code": _password_and_code,
    "key and code": _key_and_code,
    "trust": _trust,
    "device password": _device,
    "service key": _service_key,
    "page": _page,
    "recovery code": _recovery_code,
    "cookie": _cookie,
}
FAULTS: dict[str, Callable[[], BaseException]] = {
    "fault": lambda: OperationalError("statement", {}, Exception("disk I/O error")),
    "time-out": lambda: TimeoutError("too late"),
    "cancellation": asyncio.CancelledError,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_fault_at_any_step_signs_nobody_in(tmp_path: Path, way: Way, fault: Callable[[], BaseException]) -> None:
    with a_room(tmp_path) as world:
        who = world.someone()
        for fatal in count(1):
            world.clock.advance(minutes=6)  # another code, and no guess of before counts any more
            attempt, before = way(world, who), rows(world)
            with world.steps.failing_at(fatal, fault(), world.database):
                outcome = _outcome_of(attempt)
            if not world.steps.fired:
                break
            assert outcome is None, f"step {fatal}"
            assert rows(world) == before, f"step {fatal}"
    assert isinstance(outcome, Principal | PageSignIn)
    assert fatal > _FEWEST


def _outcome_of(attempt: Callable[[], object]) -> object:
    """What comes of it; None where it raises."""
    try:
        return attempt()
    except (SignInUnavailable, asyncio.CancelledError):
        return None
