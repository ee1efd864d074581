"""Withdrawing in a small world, as an officer does it by command."""

from __future__ import annotations

from gateway import recalling, withdrawing
from gateway.change import changing
from tests.support.world import HERE, OFFICER, World, read, tree


def withdraw(
    world: World, reference: str, *schools: str, by: str = OFFICER, because: str = "sent to the wrong school"
) -> list[str]:
    """Take a document back from these schools, or from all that have it; from which it was, by DfE number."""
    with changing(world.core, world.services.log, world.accounts[by], "an operator") as change:
        document = withdrawing.dispatched(change.connection, reference)
        wanted = [withdrawing.delivered_to(document, world.schools[dfe], dfe).school_id for dfe in schools] or None
        return [one.dfe for one in withdrawing.withdraw(change, document, wanted, because)]


def withdrawn_after_reading(world: World, username: str = "o.office") -> str:
    """A letter that was read and then withdrawn, whose headteacher has been asked: its reference."""
    letter = world.publish("letter.pdf", HERE, "SEND")
    session = world.session(username)
    for place in tree(session.fs):
        if place.endswith(letter.names[0][1]):
            read(session.fs, place)
    session.close()
    world.services.log.flush()
    withdraw(world, letter.reference)
    recalling.turn(world.services.core, world.services.log, world.clock.now())
    return letter.reference
