"""Neither door keeps a client waiting for what has long been said."""

from __future__ import annotations

import pytest

from auth.principal import Door
from config.clock import SystemClock
from tests.parity.conftest import Drives

DELAYED_ACKNOWLEDGEMENT = 0.04


@pytest.mark.parametrize("door", [Door.SFTP, Door.WEBDAV])
def test_an_answer_does_not_wait_for_the_acknowledgement_of_its_beginning(drives: Drives, door: Door) -> None:
    clock, taken = SystemClock(), []
    for _ in range(20):
        began = clock.monotonic()
        drives[door].listing("/")
        taken.append(clock.monotonic() - began)
    assert min(taken) < DELAYED_ACKNOWLEDGEMENT
