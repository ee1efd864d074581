"""How long each wrong credential takes to be refused (S1): what is wrong about it must not show in the time.

Called by `__main__`. Asked of the authenticator itself, in a throw-away home with its durable record: every door asks
it and adds the same to each. Ways to be wrong take turns, so that a machine which is slow for a minute is so for all
of them, and the lanes of guesses are emptied, or filled, before each try. Raises BenchError.
"""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, update

from auth import accounts, devices, places
from auth.models import Account, Device, ThrottleCount
from auth.principal import AccountState, Candidate, Door, Peer
from auth.throttle import GuessLimits, Throttle
from auth.totp import code_at
from bench.processes import BenchError
from bench.target import OURS
from config.clock import SystemClock
from config.entropy import system_entropy
from gateway import compose
from gateway.founding import founding
from gateway.services import Services
from tests.support.home import SETTINGS
from tests.support.people import enter_person, enter_service

ROW = "S1"
TRIES, QUICK_TRIES = 200, 20
MOST_OFF = 0.05
"""By how much of the first median of its kind another may differ."""

_HERE, _ELSEWHERE = "203.0.113.9", "192.0.2.7"
_RIGHT, _WRONG = "seven quiet otters", "seven loud otters"
_NO_DEVICE = "WRNG-WRNG-WRNG-WRNG-WRNG-WRNG"
_STATES = {
    "active": AccountState.ACTIVE,
    "suspended": AccountState.SUSPENDED,
    "invited": AccountState.INVITED,
    "left": AccountState.LEFT,
    "expired": AccountState.ACTIVE,
    "locked": AccountState.ACTIVE,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """One way to be wrong: the milliseconds of its tries, and those of the first way of its kind."""

    kind: str
    what: str
    took: Sequence[float]
    usual: Sequence[float]

    @property
    def median(self) -> float:
        """In milliseconds."""
        return statistics.median(self.took)

    @property
    def off(self) -> float:
        """By which part its median differs from the usual one."""
        return self.median / statistics.median(self.usual) - 1

    @property
    def reached(self) -> bool:
        """Whether that is little enough."""
        return abs(self.off) <= MOST_OFF


@dataclass(frozen=True, slots=True)
class _Case:
    kind: str
    what: str
    act: Callable[[], object]
    prepare: Callable[[], object] = lambda: None


@dataclass(kw_only=True)
class _Room:
    """People who cannot come in, each for a reason of their own."""

    services: Services
    ids: dict[str, int] = field(default_factory=dict)
    device: dict[str, str] = field(default_factory=dict, repr=False)
    secret: str = field(default="", repr=False)
    recovery: str = field(default="", repr=False)
    used: str = ""

    def candidate(self, username: str, address: str = _HERE, door: Door = Door.SFTP) -> Candidate:
        return self.services.authenticator.candidate(username, Peer(address=address, door=door))

    def password(self, username: str, text: str = _WRONG, address: str = _HERE) -> Callable[[], object]:
        return lambda: self.services.authenticator.check_password(self.candidate(username, address), text)

    def code(self, username: str, text: str = "000000") -> Callable[[], object]:
        return lambda: self.services.authenticator.check_code(self.candidate(username), text)

    def recovery_code(self, username: str, text: str = "00000-00000") -> Callable[[], object]:
        return lambda: self.services.authenticator.check_recovery_code(self.candidate(username), text)

    def drive(self, username: str, text: str = _NO_DEVICE) -> Callable[[], object]:
        check = self.services.authenticator.check_device
        return lambda: check(self.candidate(username, door=Door.WEBDAV), text)

    def use_code(self) -> None:
        """Use up the code of this half minute, if that was not done before."""
        self.used = code_at(self.secret, self.services.clock.now())
        self.code("active", self.used)()

    def used_code(self) -> object:
        """Show it again."""
        return self.code("active", self.used)()

    def fill_lanes(self) -> None:
        """Ten wrong guesses at the account `locked`."""
        throttle = Throttle(self.services.database, GuessLimits())
        for _ in range(GuessLimits().other):
            throttle.reserve(self.ids["locked"], "locked", _HERE, known=False, at=self.services.clock.now())


def measured(folder: Path, tries: int, progress: Callable[[int, int], None]) -> list[Refused]:
    """Every way to be wrong, `tries` times. `progress` is called with how many rounds are over, of how many."""
    logging.getLogger().addHandler(logging.NullHandler())  # what the log would say of all this is known
    with _room(folder) as room:
        cases = _cases(room)
        took: list[list[float]] = [[] for _ in cases]
        for number in range(1, tries + 1):
            for case, times in zip(cases, took, strict=True):
                times.append(_timed(room, case))
            progress(number, tries)
    usual = {case.kind: times for case, times in reversed(list(zip(cases, took, strict=True)))}
    return [
        Refused(kind=case.kind, what=case.what, took=times, usual=usual[case.kind])
        for case, times in zip(cases, took, strict=True)
    ]


def _timed(room: _Room, case: _Case) -> float:
    with room.services.database.write() as connection:
        connection.execute(delete(ThrottleCount))
    case.prepare()
    begun = time.perf_counter()
    outcome = case.act()
    seconds = time.perf_counter() - begun
    if outcome is not None:
        raise BenchError(f"{case.kind}, {case.what}: this was not refused.")
    return seconds * 1000


def _cases(room: _Room) -> list[_Case]:
    """The first of each kind is what the others are held against."""
    password, code, device = "password", "code", "device password"
    return [
        _Case(password, "wrong", room.password("active")),
        _Case(password, "wrong, at a known place", room.password("active", address=_ELSEWHERE)),
        _Case(password, "of a name that nobody has", room.password("nobody")),
        _Case(password, "wrong, suspended", room.password("suspended")),
        _Case(password, "wrong, expired", room.password("expired")),
        _Case(password, "none chosen yet", room.password("invited", _RIGHT)),
        _Case(password, "of somebody who left", room.password("left", _RIGHT)),
        _Case(password, "of a script", room.password("script", _RIGHT)),
        _Case(password, "right, but locked", room.password("locked", _RIGHT), room.fill_lanes),
        _Case(code, "wrong", room.code("active")),
        _Case(code, "used before", room.used_code, room.use_code),
        _Case(code, "none enrolled", room.code("invited")),
        _Case(code, "wrong, locked", room.code("locked"), room.fill_lanes),
        _Case(code, "wrong recovery code", room.recovery_code("active")),
        _Case(code, "recovery code used before", room.recovery_code("active", room.recovery)),
        _Case(code, "recovery code, none made", room.recovery_code("invited")),
        _Case(device, "wrong", room.drive("active")),
        _Case(device, "of a name that nobody has", room.drive("nobody")),
        _Case(device, "wrong, suspended", room.drive("suspended")),
        _Case(device, "none made", room.drive("invited")),
        _Case(device, "revoked", room.drive("left", room.device["left"])),
        _Case(device, "expired", room.drive("active", room.device["expired"])),
        _Case(device, "from another network", room.drive("active", room.device["bound"])),
        _Case(device, "not the shape of one", room.drive("active", _RIGHT)),
        _Case(device, "wrong, locked", room.drive("locked"), room.fill_lanes),
    ]


@contextmanager
def _room(folder: Path) -> Iterator[_Room]:
    with founding(
        folder / "doors", settings_text=SETTINGS, environ={}, clock=SystemClock(), entropy=system_entropy
    ) as (home, settings):
        services = compose.services(home, settings)
    room = _Room(services=services)
    try:
        stored, at = services.core.passwords.hash(_RIGHT), services.clock.now()
        with services.database.write() as connection:
            _enter(room, connection, stored, at)
        room.recovery_code("active", room.recovery)()  # used up
        yield room
    finally:
        compose.close(services)


def _enter(room: _Room, connection: Connection, stored: str, at: datetime) -> None:
    core = room.services.core
    for name, state in _STATES.items():
        room.ids[name] = number = enter_person(connection, name, at)
        if state is not AccountState.INVITED:
            secret = core.totp.new_secret()
            accounts.set_password_hash(connection, number, stored, at)
            accounts.set_totp_sealed(connection, number, core.totp.seal(number, secret), at)
            room.device[name] = core.devices.create(connection, number, "PC", at=at)
            room.secret = secret if name == "active" else room.secret
    active = room.ids["active"]
    room.recovery = core.recovery.replace(connection, active, at)[0]
    places.remember(connection, active, _ELSEWHERE, at)
    room.device["bound"] = core.devices.create(connection, active, "PC", at=at, bound_to=["198.51.100.0/24"])
    room.device["expired"] = core.devices.create(connection, active, "old PC", at=at)
    old = devices.listing(connection, active)[-1].id
    connection.execute(update(Device).where(Device.id == old).values(expires_at=at))
    enter_service(connection, "script", active, at, ["198.51.100.0/24"])
    accounts.set_state(connection, room.ids["left"], AccountState.LEFT, at)
    for name in ("suspended", "invited"):
        connection.execute(update(Account).where(Account.id == room.ids[name]).values(state=_STATES[name]))
    connection.execute(update(Account).where(Account.id == room.ids["expired"]).values(expires_at=at))


def as_data(refused: Sequence[Refused]) -> list[dict[str, Any]]:
    """Everything, for JSON, in the form of the other rows."""
    return [
        {
            "row": ROW,
            "measure": f"refusal of a {one.kind}: {one.what}",
            "unit": "ms",
            "median": {OURS: one.median},
            "rounds": {OURS: list(one.took)},
            "marks": [{"mark": "must", "peer": None, "wanted": MOST_OFF, "got": one.off, "reached": one.reached}],
        }
        for one in refused
    ]


def as_markdown(refused: Sequence[Refused]) -> str:
    """The table of a run."""
    lines = ["|  | refused | unit | ladocs | off | must |", "| --- | --- | --- | ---: | ---: | --- |"]
    for one in refused:
        must = f"within {MOST_OFF:.0%}: {'reached' if one.reached else '**not reached**'}"
        lines.append(f"| {ROW} | {one.kind}: {one.what} | ms | {one.median:.1f} | {one.off:+.1%} | {must} |")
    return "\n".join(lines)
