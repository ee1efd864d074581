"""The key box: every key-encryption key in one small file, sealed under one root key that each rotation replaces.

Called by the vault, and by founding, which makes it. `keys.dir` holds `box` and `root.<generation>`; what is destroyed
is gone when its root key is, because no older copy of the box opens without it (docs/vault-format.md). One process
rotates at a time (a lock file), the others notice and read again. Thread-safe. Raises OperatorError (status 2) for a
folder that is not a key folder or a root key that does not fit, OSError for a disk that fails.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.clock import Clock
from config.entropy import Entropy
from config.errors import OperatorError
from config.files import make_private_folder
from gateway.vault.holders import Holder, Holders, Known, known_at
from gateway.vault.keyfolder import KeyFolder, Keys, Stamp

_LOOK_SECONDS = 1.0


class KeyGone(Exception):
    """No key of that id is in the box: it was destroyed, or never was."""


class KeyBox:
    """The keys of one home. Holds them in memory; forgets them when the box on the disk changes."""

    def __init__(self, folder: Path, clock: Clock, entropy: Entropy) -> None:
        self._folder = KeyFolder(folder)
        self._clock = clock
        self._entropy = entropy
        self._holders = Holders(self._folder, clock, entropy)
        self._lock = threading.Lock()
        self._keys: Keys = {}
        self._seen: Stamp | None = None
        self._looked_at = float("-inf")

    def create(self) -> None:
        """Make the folder with its first root key and an empty box. Raises OperatorError where there is one already."""
        folder = self._folder
        if folder.box.exists():
            raise OperatorError(f"{folder.path} holds a key box already: name an empty folder.", exit_status=2)
        make_private_folder(folder.path)
        folder.write(1, {}, self._entropy)

    def key(self, kek_id: bytes) -> bytes:
        """The key of this id. Raises KeyGone, after the box was read afresh."""
        keys = self.all()
        if kek_id not in keys:
            keys = self._read_again()
        try:
            return keys[kek_id]
        except KeyError:
            raise KeyGone(kek_id.hex()) from None

    def all(self) -> Keys:
        """Every key by its id, at most a second older than the box. One mapping as long as the keys do not change."""
        with self._lock:
            now = self._clock.monotonic()
            if now - self._looked_at >= _LOOK_SECONDS:
                if self._folder.stamp() != self._seen:
                    self._load()
                self._looked_at = now
            return self._keys

    def reread(self) -> Keys:
        """Every key by its id, as the box on the disk has them now."""
        return self._read_again()

    def generation(self) -> int:
        """The generation of the root key that seals the box now."""
        return self._folder.generation()

    @contextmanager
    def rotating(self) -> Iterator[Keys]:
        """The one rotator's turn, over all processes of this machine, with the keys as the last one left them."""
        if not self._folder.box.exists():
            raise self._folder.no_box()
        descriptor = os.open(self._folder.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield self._read_again()
        finally:
            os.close(descriptor)

    def replace(self, keys: Keys, *, above: int = 0) -> int:
        """Within `rotating`: put exactly `keys` in the box, under a new root key; its generation is returned.

        The box is read back before the old root key is destroyed, so a crash at any moment leaves one that opens. Then
        the other holders follow, as far as they can be reached. The generation is the next one, and `above` another.
        """
        before = self.generation()
        self._folder.destroy_all_but(before, self._entropy)
        generation = max(before, above) + 1
        self._folder.write(generation, keys, self._entropy)
        if dict(self._read_again()) != dict(keys):
            raise OSError(f"{self._folder.box} does not read back as it was written")
        self._folder.destroy_all_but(generation, self._entropy)
        self._holders.follow()
        return generation

    def holders(self) -> Known | None:
        """The folders that hold the keys, as the one in use knows them; None where it is the only one."""
        return known_at(self._folder.path)

    def follow(self) -> None:
        """Bring the other holders to where this one is; what cannot be is logged as an alarm, and stays behind."""
        with self.rotating():
            self._holders.follow()

    def replicate(self, folder: Path) -> Holder:
        """Make the empty `folder` a second live holder. Raises OperatorError as `Holders.add`."""
        with self.rotating():
            return self._holders.add(folder)

    def forget(self, folder: Path, because: str = "") -> Holder:
        """Destroy the keys in a holder and look for it no more. Raises OperatorError as `Holders.forget`."""
        with self.rotating():
            return self._holders.forget(folder, because)

    def _read_again(self) -> Keys:
        with self._lock:
            self._load()
            return self._keys

    def _load(self) -> None:
        seen = self._folder.stamp()
        keys = self._folder.read()
        if keys != self._keys:
            self._keys = keys
        self._seen = seen  # not before: a box that did not open is looked at again, and fails again
