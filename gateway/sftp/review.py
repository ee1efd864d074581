"""Once a second: whose access has ended, is disconnected, whether or not a request of theirs is running [R19].

Runs on the event loop beside the connections, so that nothing serves them which could outlive it: a loop that stands
still serves nobody, and when this ends, so does its process. The question itself is asked on a thread, and an answer
that does not come, because the database hangs, is noticed here all the same.
"""

from __future__ import annotations

import asyncio

from gateway.faults import tell
from gateway.sftp.connection import Rooms


async def reviewing(rooms: Rooms) -> None:
    """Review the connections of `rooms` until cancelled."""
    sessions, pause = rooms.doorway.sessions, rooms.doorway.limits.review_seconds
    asked: asyncio.Task[None] | None = None
    try:
        while True:
            asked = asked or asyncio.create_task(rooms.review.run(sessions.review))
            await asyncio.wait({asked}, timeout=pause)
            if asked.done():
                _hear(asked)
                asked = None
            lost = sessions.lost
            for connection in list(rooms.connections):
                connection.heed(lost=lost)
            await asyncio.sleep(pause)
    finally:
        if asked is not None:
            asked.cancel()


def _hear(answer: asyncio.Task[None]) -> None:
    """What nobody foresaw is logged and asked again: when it lasts, `lost` disconnects everybody."""
    if (error := answer.exception()) is not None:
        tell(error)
