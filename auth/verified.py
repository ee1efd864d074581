"""Device passwords that were verified lately, so that each request of a drive need not sign in again.

Called by the WebDAV door. An entry is keyed by an HMAC, under a key that this process drew and nobody else knows, of
user name, password as typed, address and door: no password is kept, and none holds from elsewhere. No entry outlives a
change of who may what: one that is older than the counter of such changes is asked about before it counts [R19], and
every few seconds anyway. After `life` seconds its owner comes in anew. Thread-safe. Raises what `still_valid` and
`generation` raise: then nobody is let in.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from auth.accounts import plain_username
from auth.principal import Peer, Principal
from config.clock import Clock
from config.entropy import Entropy


@dataclass(frozen=True, slots=True)
class _Entry:
    principal: Principal
    put_at: float
    asked_at: float
    good_in: int | None


class VerifiedDevices:
    """The cache of one process. `life` and `recheck` are in seconds, `size` in entries, the least used going first.

    `generation` is the counter that moves with every change, as of at most a second ago.
    """

    def __init__(
        self,
        still_valid: Callable[[Principal, datetime], bool],
        generation: Callable[[], int],
        clock: Clock,
        entropy: Entropy,
        *,
        life: float = 900.0,
        recheck: float = 5.0,
        size: int = 8192,
    ) -> None:
        self._still_valid = still_valid
        self._generation = generation
        self._clock = clock
        self._key = entropy(32)
        self._life = life
        self._recheck = recheck
        self._size = size
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()

    def look_up(self, username: str, typed: str, peer: Peer) -> Principal | None:
        """Who signed in with these from this address within `life` seconds and still may; None: sign in anew."""
        key = self._keyed(username, typed, peer)
        now = self._clock.monotonic()
        with self._lock:
            entry = self._entries.get(key)
        if entry is None:
            return None
        at, generation = self._clock.now(), self._generation()
        ends = entry.principal.valid_until
        over = now - entry.put_at >= self._life or (ends is not None and at >= ends)
        stale = entry.good_in != generation or now - entry.asked_at >= self._recheck
        if over or (stale and not self._still_valid(entry.principal, at)):
            self._drop(key, entry)
            return None
        if stale:
            self._refresh(key, entry, _Entry(entry.principal, entry.put_at, now, generation))
        return entry.principal

    def put(self, username: str, typed: str, peer: Peer, principal: Principal) -> None:
        """Remember what `Authenticator.authenticate` returned for these: since then, something may have changed."""
        key = self._keyed(username, typed, peer)
        now = self._clock.monotonic()
        with self._lock:
            self._entries[key] = _Entry(principal, now, now, good_in=None)
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def _keyed(self, username: str, typed: str, peer: Peer) -> bytes:
        parts = (plain_username(username), typed, peer.address, peer.door)
        encoded = [part.encode(errors="surrogatepass") for part in parts]
        return hmac.digest(self._key, b"".join(b"%d:%b" % (len(part), part) for part in encoded), hashlib.sha256)

    def _refresh(self, key: bytes, seen: _Entry, fresh: _Entry) -> None:
        # Only in place of what was asked about: an entry that was dropped meanwhile stays dropped.
        with self._lock:
            if self._entries.get(key) is seen:
                self._entries[key] = fresh
                self._entries.move_to_end(key)

    def _drop(self, key: bytes, seen: _Entry) -> None:
        with self._lock:
            if self._entries.get(key) is seen:
                del self._entries[key]
