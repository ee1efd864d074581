"""Withdrawing in a small world, as an officer does it by command."""

from __future__ import annotations

from gateway import withdrawing
from gateway.change import changing
from tests.support.world import OFFICER, World


def withdraw(
    world: World, reference: str, *schools: str, by: str = OFFICER, because: str = "sent to the wrong school"
) -> list[str]:
    """Take a document back from these schools, or from all that have it; from which it was, by DfE number."""
    with changing(world.core, world.services.log, world.accounts[by], "an operator") as change:
        document = withdrawing.dispatched(change.connection, reference)
        wanted = [withdrawing.delivered_to(document, world.schools[dfe], dfe).school_id for dfe in schools] or None
        return [one.dfe for one in withdrawing.withdraw(change, document, wanted, because)]
