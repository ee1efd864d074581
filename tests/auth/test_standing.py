"""A session stands for as long as what it rests on: its account, its networks, its credential [R17] [R19] [R20]."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from auth import accounts, endings
from auth.principal import Door, Principal
from auth.standing import Standing, standing
from gateway.errors import Unavailable
from policy.access import OBSTACLES, Reason
from tests.auth.test_pages import open_page
from tests.auth.test_trust import first_factor
from tests.auth.world import Someone, World
from tests.support.world import a_world, path

NEAR, FAR = ["192.0.2.0/24", "2001:db8::/48"], ["198.51.100.0/24"]


@pytest.fixture
def script(world: World, jo: Someone) -> Principal:
    """A script of Jo's, signed in from one of its networks."""
    account = world.service(jo)
    with world.database.write() as connection:
        device = world.devices.create(connection, account, "Server", at=world.clock.now())
    proof = world.authenticator.check_device(world.candidate("nightly"), device)
    assert proof is not None
    outcome = world.authenticator.authenticate(world.candidate("nightly"), [proof])
    assert isinstance(outcome, Principal)
    return outcome


@pytest.mark.parametrize(
    ("networks", "stands"), [(NEAR, Standing.GOOD), ([], Standing.GOOD), (FAR, Standing.OTHER_NETWORK)]
)
def test_a_script_stands_as_its_networks_are_now(
    world: World, script: Principal, networks: list[str], stands: Standing
) -> None:
    with world.database.write() as connection:
        accounts.set_networks(connection, script.account_id, networks)
    with world.database.read() as connection:
        assert standing(connection, script, world.clock.now()) is stands


@pytest.mark.parametrize(("networks", "valid"), [(NEAR, True), (FAR, False)])
def test_a_script_that_is_remembered_is_asked_about_its_networks_too(
    world: World, script: Principal, networks: list[str], valid: bool
) -> None:
    with world.database.write() as connection:
        accounts.set_networks(connection, script.account_id, networks)
    assert world.authenticator.still_valid(script, world.clock.now()) is valid


def test_an_open_session_of_a_script_ends_with_its_networks(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        world.school("830-2001")
        world.person("h.head", {"830-2001": ()}, "Headteacher")
        script = world.service("nightly", "h.head", {"830-2001": ["SEND"]})
        fs = world.fs("nightly")
        with world.changing() as connection:
            accounts.set_networks(connection, script, FAR)
        world.clock.advance(seconds=5)
        with pytest.raises(Unavailable) as caught:
            fs.scandir(path("/"))
        assert caught.value.standing
        assert str(caught.value).startswith(OBSTACLES[Reason.OTHER_NETWORK])


# --- sessions that were opened before the account's sessions were ended [R20]


def _ended(world: World, who: Someone, *, after: float) -> None:
    """End the sessions of an account, so many seconds after now."""
    with world.database.write() as connection:
        endings.end_sessions(connection, who.id, world.clock.now() + timedelta(seconds=after))


def _stands(world: World, principal: Principal) -> Standing:
    with world.database.read() as connection:
        return standing(connection, principal, world.clock.now())


def _by_device(world: World, who: Someone) -> Principal:
    candidate = world.candidate(who.username, door=Door.WEBDAV)
    proof = world.authenticator.check_device(candidate, who.device)
    assert proof is not None
    outcome = world.authenticator.authenticate(candidate, [proof])
    assert isinstance(outcome, Principal)
    return outcome


@pytest.mark.parametrize(("after", "stands"), [(1, Standing.CREDENTIAL_ENDED), (0, Standing.GOOD), (-1, Standing.GOOD)])
def test_a_session_by_password_and_code_ends_with_all_that_are_older(
    world: World, jo: Someone, after: float, stands: Standing
) -> None:
    principal = world.sign_in(jo)
    _ended(world, jo, after=after)
    assert _stands(world, principal) is stands


def test_a_session_by_trust_ends_too(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    principal = first_factor(world, jo)
    assert isinstance(principal, Principal)
    _ended(world, jo, after=1)
    assert _stands(world, principal) is Standing.CREDENTIAL_ENDED


def test_a_browsers_session_ends_too(world: World, jo: Someone) -> None:
    page = open_page(world, jo)
    _ended(world, jo, after=1)
    assert _stands(world, page.principal) is Standing.CREDENTIAL_ENDED


def test_device_passwords_go_on(world: World, jo: Someone) -> None:
    principal = _by_device(world, jo)
    _ended(world, jo, after=1)
    assert _stands(world, principal) is Standing.GOOD
    assert world.authenticator.still_valid(principal, world.clock.now())


def test_whoever_signs_in_afterwards_stands(world: World, jo: Someone) -> None:
    _ended(world, jo, after=0)
    assert _stands(world, world.sign_in(jo)) is Standing.GOOD
