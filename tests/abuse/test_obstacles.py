"""An obstacle is an error over both protocols and never an empty folder: mirrors delete what they no longer see [R32].

Everybody has a drive open over SFTP and WebDAV and sees what is in it. Then something stands in the way of each. From
there on every answer is the same listing as before, until it is noticed, or an error; and it is noticed in time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import paramiko
import pytest

from auth import accounts, devices
from auth.principal import Door
from gateway.change import Change
from policy.access import OBSTACLES, Reason
from policy.audit.events import EventKind
from tests.abuse.residents import Standing, Street, change, changes, settle
from tests.support.county import serving
from tests.support.drives import Absent, DavDrive, Drive, Forbidden, Obstacle, dav_drive, sftp_drive
from tests.support.story import Founded, Person
from tests.support.waiting import until

WITHIN = 5.0
BY_STANDING = {
    Standing.INVITED: Reason.ACCOUNT_INVITED,
    Standing.SUSPENDED: Reason.ACCOUNT_SUSPENDED,
    Standing.EXPIRED: Reason.ACCOUNT_EXPIRED,
    Standing.LEFT: Reason.ACCOUNT_ENDED,
    Standing.NO_SCHOOL: Reason.NO_SCHOOL,
    Standing.ROLE_OVER: Reason.NO_SCHOOL,
    Standing.SCHOOL_SUSPENDED: Reason.SCHOOL_SUSPENDED,
    Standing.NO_AGREEMENT: Reason.NO_AGREEMENT,
    Standing.REVIEW_OVERDUE: Reason.REVIEW_OVERDUE,
}
AT_THE_DOOR_ALONE = {Reason.STAFF, Reason.WRONG_DOOR}  # nobody is signed in whom they could meet: test_doors_matrix

Case = Standing | Reason


def _end_credentials(change: Change, person: Person) -> None:
    accounts.set_password_hash(change.connection, person.account_id, None, change.at)
    for device in devices.listing(change.connection, person.account_id):
        devices.revoke(change.connection, person.account_id, device.id, change.at)


def _move_networks(change: Change, person: Person) -> None:
    accounts.set_networks(change.connection, person.account_id, ["198.51.100.0/24"])


# What is done besides to those of the household that stays in order.
BY_ACT: Mapping[Reason, Callable[[Change, Person], None]] = {
    Reason.CREDENTIAL_ENDED: _end_credentials,
    Reason.OTHER_NETWORK: _move_networks,
}
CASES: list[Case] = [*BY_STANDING, *BY_ACT]


@dataclass(frozen=True)
class Watched:
    """An open drive, what was in its places while all was in order, and what was seen of each from then on."""

    drive: Drive
    before: Mapping[str, object]
    after: dict[str, list[object]] = field(default_factory=lambda: defaultdict(list))

    def has_ended(self) -> bool:
        """Look at every place once more: is none of them told any more?"""
        for place in self.before:
            self.after[place].append(_look(self.drive, place))
        return all(seen[-1] is None for seen in self.after.values())


@pytest.fixture(scope="module")
def watched(
    founded: Founded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[tuple[Case, Door], Watched]]:
    with serving(founded, tmp_path_factory.mktemp("obstacles")) as county, ExitStack() as stack:
        street = settle(county, people=1)
        people = _people(street)
        drives = {
            (case, drive.door): Watched(drive, {place: drive.listing(place) for place in _places(drive)})
            for case, person in people.items()
            for drive in (
                stack.enter_context(sftp_drive(county, person)),
                stack.enter_context(dav_drive(county, person, "127.102.0.1")),
            )
        }
        change(county, street)
        with changes(county) as (_, done):
            for reason, act in BY_ACT.items():
                act(done, people[reason])
                done.record(EventKind.ACCOUNT_CHANGED, f"account:{people[reason].account_id}", reason=reason)
        until(lambda: _all_ended(drives.values()), WITHIN)
        yield drives


@pytest.mark.parametrize("door", [Door.SFTP, Door.WEBDAV])
@pytest.mark.parametrize("case", CASES, ids=lambda case: getattr(case, "word", str(case)))
def test_what_stands_in_the_way_is_an_error_in_time_and_nothing_is_missing_before(
    watched: Mapping[tuple[Case, Door], Watched], case: Case, door: Door
) -> None:
    one = watched[case, door]
    assert one.before and all(one.before.values())
    for place, seen in one.before.items():
        assert one.after[place][-1] is None
        assert all(again in (seen, None) for again in one.after[place])


def test_every_obstacle_is_met_here_or_at_the_door_alone() -> None:
    assert {*BY_STANDING.values(), *BY_ACT} | AT_THE_DOOR_ALONE == set(OBSTACLES)


def _people(street: Street) -> dict[Case, Person]:
    """Whom each obstacle meets: a script, or a person where a password has to end."""
    active = street[Standing.ACTIVE]
    by_act: dict[Case, Person] = {
        Reason.CREDENTIAL_ENDED: active.people[0].person,
        Reason.OTHER_NETWORK: active.script.person,
    }
    return {standing: street[standing].script.person for standing in BY_STANDING} | by_act


def _all_ended(drives: Iterable[Watched]) -> bool:
    """Look into every drive once more: has each ended?"""
    ended = [watched.has_ended() for watched in drives]
    return all(ended)


def _places(drive: Drive) -> list[str]:
    """The root, and a folder in it."""
    folder = next(name for name, node in drive.listing("/").items() if node.folder)
    return ["/", f"/{folder}"]


def _look(drive: Drive, place: str) -> object:
    """What is in a folder, "absent" for none, or None where that is not told: an error, or no connection any more."""
    try:
        if isinstance(drive, DavDrive) and drive.ask("PROPFIND", place, {"Depth": "1"})[0] in (401, 403):
            return None
        return drive.listing(place)
    except Absent:
        return "absent"
    except (Obstacle, Forbidden, OSError, EOFError, paramiko.SSHException):
        return None
