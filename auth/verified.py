"""Device passwords that were verified lately, so that each request of a drive need not sign in again.

Called by the WebDAV door. An entry is keyed by an HMAC, under a key that this process drew and nobody else knows, of
user name, password as typed, address and door: no password is kept, and none holds from elsewhere. No entry outlives a
change of who may what: one that is older than the counter of such changes is asked about before it counts [R19], and
every few seconds anyway. After `life` seconds its owner comes in anew. While it is in use, that is noted once a minute
[R16]. Thread-safe. Raises what `still_valid`, `used` and `generation` raise: then nobody is let in.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
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
    noted_at: float


class VerifiedDevices:
    """The cache of one process. `life`, `recheck` and `note` are in seconds, `size` in entries, the least used first.

    `used` notes that a device is in use, by which program; `generation` is the counter that moves with every change, as
    of at most a second ago.
    """

    def __init__(
        self,
        still_valid: Callable[[Principal, datetime], bool],
        used: Callable[[Principal, str], None],
        generation: Callable[[], int],
        clock: Clock,
        entropy: Entropy,
        *,
        life: float = 900.0,
        recheck: float = 5.0,
        note: float = 60.0,
        size: int = 8192,
    ) -> None:
        self._still_valid = still_valid
        self._used = used
        self._generation = generation
        self._clock = clock
        self._key = entropy(32)
        self._life = life
        self._recheck = recheck
        self._note = note
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
            entry = self._refresh(key, entry, replace(entry, asked_at=now, good_in=generation))
        if now - entry.noted_at >= self._note:
            self._note_use(key, entry, peer, now)
        return entry.principal

    def put(self, username: str, typed: str, peer: Peer, principal: Principal) -> None:
        """Remember what `Authenticator.authenticate` returned for these: since then, something may have changed."""
        key = self._keyed(username, typed, peer)
        now = self._clock.monotonic()
        with self._lock:
            self._entries[key] = _Entry(principal, now, now, good_in=None, noted_at=now)
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

    def _refresh(self, key: bytes, seen: _Entry, fresh: _Entry) -> _Entry:
        """The entry that counts from now on: `fresh`, or `seen` where another thread was faster."""
        # Only in place of what was asked about: an entry that was dropped meanwhile stays dropped.
        with self._lock:
            if self._entries.get(key) is not seen:
                return seen
            self._entries[key] = fresh
            self._entries.move_to_end(key)
            return fresh

    def _note_use(self, key: bytes, entry: _Entry, peer: Peer, now: float) -> None:
        """Of all requests that come at once, one writes."""
        noted = replace(entry, noted_at=now)
        if self._refresh(key, entry, noted) is noted:
            self._used(entry.principal, peer.client)

    def _drop(self, key: bytes, seen: _Entry) -> None:
        with self._lock:
            if self._entries.get(key) is seen:
                del self._entries[key]
