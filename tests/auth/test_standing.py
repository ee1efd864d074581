"""A script stands on its networks for as long as its session is open, and not only when it signs in [R17] [R19]."""

from __future__ import annotations

from pathlib import Path

import pytest

from auth import accounts
from auth.principal import Principal
from auth.standing import Standing, standing
from gateway.errors import Unavailable
from policy.access import OBSTACLES, Reason
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
