"""The one look at the counter of access [R19]: whoever acts by what was read earlier asks here whether it still holds.

Called before every operation, from any thread, and once a second by the review of sessions. Whoever comes first after a
second asks the database for all: one small query a second and process, and no thread on which anything would rest that
could die unnoticed. Thread-safe. Raises sqlalchemy.exc.SQLAlchemyError, OSError: then nothing is permitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from config.clock import Clock
from config.database import Database
from policy import generations

POLL_SECONDS = 1.0
SILENT_SECONDS = 5.0
"""For how long a database may fail to answer before what rests on it is closed."""


@dataclass(frozen=True, slots=True)
class _Seen:
    generation: int
    asked_at: float


class Watch:
    """What one process knows of the counter. `patience`: how many seconds whoever does not ask waits for who does."""

    def __init__(self, database: Database, clock: Clock, *, patience: float = SILENT_SECONDS) -> None:
        self._database = database
        self._clock = clock
        self._patience = patience
        self._turn = Lock()
        self._seen: _Seen | None = None

    def generation(self) -> int:
        """The counter, as it was at most a second ago. Where it is another one than before, everything is asked anew.

        While a database hangs, one thread waits for its answer, and the others are refused.
        """
        if (seen := self._lately()) is None:
            if not self._turn.acquire(timeout=self._patience):
                raise TimeoutError("the database does not say whether anything has changed")
            try:
                seen = self._lately() or self._ask()
            finally:
                self._turn.release()
        return seen.generation

    def _lately(self) -> _Seen | None:
        seen = self._seen
        return seen if seen is not None and self._clock.monotonic() - seen.asked_at < POLL_SECONDS else None

    def _ask(self) -> _Seen:
        asked_at = self._clock.monotonic()
        with self._database.read() as connection:
            self._seen = seen = _Seen(generations.value(connection, generations.ACCESS), asked_at)
        return seen
