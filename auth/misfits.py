"""What is typed at the drive and cannot be a device password: the log says so, once an hour for each account [R16].

Most often it is the password of the account, which is verified at other doors alone: the web team, asked why a drive
does not connect, finds the reason here. What was typed is never handed in. Made by `checks`, one in a process.
Thread-safe; memory is bounded. Raises nothing.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict

from auth.principal import Candidate
from config.clock import Clock

log = logging.getLogger(__name__)

_HOUR = 3600.0


class Misfits:
    """The accounts that were told of within an hour; of more than `size`, those of the longest time ago go."""

    def __init__(self, clock: Clock, *, size: int = 4096) -> None:
        self._clock = clock
        self._size = size
        self._lock = threading.Lock()
        self._told: OrderedDict[int, float] = OrderedDict()

    def tell(self, candidate: Candidate) -> None:
        """Something of another shape was typed for this account. Of names that nobody has nothing is said."""
        if candidate.account_id is not None and self._is_news(candidate.account_id):
            log.warning(
                "what is typed at the drive for the account %s, from %s, is not the shape of a device password: make"
                " one for it on the pages or by 'ladocs device add' (told once an hour)",
                candidate.username,
                candidate.peer.address,
            )

    def _is_news(self, account_id: int) -> bool:
        now = self._clock.monotonic()
        with self._lock:
            told = self._told.get(account_id)
            if told is not None and now - told < _HOUR:
                return False
            self._told[account_id] = now
            self._told.move_to_end(account_id)
            if len(self._told) > self._size:
                self._told.popitem(last=False)
            return True
