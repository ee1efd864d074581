"""The key box: every key-encryption key in one small file, sealed under one root key that each rotation replaces.

Called by the vault, and by founding, which makes it. `keys.dir` holds `box` and `root.<generation>`; what is destroyed
is gone when its root key is, because no older copy of the box opens without it (docs/vault-format.md). One process
rotates at a time (a lock file), the others notice and read again. Thread-safe. Raises OperatorError (status 2) for a
folder that is not a key folder or a root key that does not fit, OSError for a disk that fails.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.clock import Clock
from config.entropy import Entropy
from config.errors import OperatorError
from config.files import make_private_folder, sync_folder, write_durably
from gateway.vault.format import ID_BYTES, KEY_BYTES, NONCE_BYTES

_HEADER = struct.Struct(">4sBQI")
_MAGIC = b"LADK"
_VERSION = 1
_ENTRY = ID_BYTES + KEY_BYTES
_LOOK_SECONDS = 1.0

Keys = Mapping[bytes, bytes]


class KeyGone(Exception):
    """No key of that id is in the box: it was destroyed, or never was."""


class KeyBox:
    """The keys of one home. Holds them in memory; forgets them when the box on the disk changes."""

    def __init__(self, folder: Path, clock: Clock, entropy: Entropy) -> None:
        self._folder = folder
        self._clock = clock
        self._entropy = entropy
        self._lock = threading.Lock()
        self._keys: Keys = {}
        self._seen: tuple[int, int] | None = None
        self._looked_at = float("-inf")

    def create(self) -> None:
        """Make the folder with its first root key and an empty box. Raises OperatorError where there is one already."""
        if self._box.exists():
            raise OperatorError(f"{self._folder} holds a key box already: name an empty folder.", exit_status=2)
        make_private_folder(self._folder)
        self._write(1, {})

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
        """Every key by its id, at most a second older than the box. One mapping as long as they are the same."""
        with self._lock:
            now = self._clock.monotonic()
            if now - self._looked_at >= _LOOK_SECONDS:
                if self._stamp() != self._seen:
                    self._load()
                self._looked_at = now
            return self._keys

    def reread(self) -> Keys:
        """Every key by its id, as the box on the disk has them now."""
        return self._read_again()

    def generation(self) -> int:
        """The generation of the root key that seals the box now."""
        return self._header(self._box_bytes())[0]

    @contextmanager
    def rotating(self) -> Iterator[Keys]:
        """The one rotator's turn, over all processes of this machine, with the keys as the last one left them."""
        if not self._box.exists():
            raise self._no_box()
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield self._read_again()
        finally:
            os.close(descriptor)

    def replace(self, keys: Keys) -> int:
        """Within `rotating`: put exactly `keys` in the box, under a new root key; its generation is returned.

        The box is read back before the old root key is destroyed, so a crash at any moment leaves one that opens.
        """
        before = self.generation()
        self._destroy_all_but(before)
        generation = before + 1
        self._write(generation, keys)
        if dict(self._read_again()) != dict(keys):
            raise OSError(f"{self._box} does not read back as it was written")
        self._destroy_all_but(generation)
        return generation

    @property
    def _box(self) -> Path:
        return self._folder / "box"

    def _root(self, generation: int) -> Path:
        return self._folder / f"root.{generation}"

    def _write(self, generation: int, keys: Keys) -> None:
        root, nonce = self._entropy(KEY_BYTES), self._entropy(NONCE_BYTES)
        header = _HEADER.pack(_MAGIC, _VERSION, generation, len(keys))
        plain = b"".join(kek_id + key for kek_id, key in sorted(keys.items()))
        write_durably(self._root(generation), root)
        write_durably(self._box, header + nonce + AESGCM(root).encrypt(nonce, plain, header))

    def _read_again(self) -> Keys:
        with self._lock:
            self._load()
            return self._keys

    def _load(self) -> None:
        while True:
            seen, raw = self._stamp(), self._box_bytes()
            generation, count = self._header(raw)
            body = raw[_HEADER.size :]
            try:
                root = self._root(generation).read_bytes()
                plain = AESGCM(root).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], raw[: _HEADER.size])
            except (FileNotFoundError, InvalidTag, ValueError) as exc:
                if self._box_bytes() != raw:  # a rotation passed between our two reads
                    continue
                raise OperatorError(
                    f"The root key in {self._folder} does not open the key box: set keys.dir to the folder that was"
                    " made with this home.",
                    exit_status=2,
                ) from exc
            if len(plain) != count * _ENTRY:
                raise OperatorError(
                    f"The key box in {self._folder} is damaged: put the whole file back.", exit_status=2
                )
            entries = (plain[start : start + _ENTRY] for start in range(0, len(plain), _ENTRY))
            keys = {entry[:ID_BYTES]: entry[ID_BYTES:] for entry in entries}
            self._keys = self._keys if keys == self._keys else keys
            self._seen = seen  # not before: a box that did not open is looked at again, and fails again
            return

    def _header(self, raw: bytes) -> tuple[int, int]:
        if len(raw) < _HEADER.size + NONCE_BYTES:
            raise OperatorError(
                f"The key box in {self._folder} is cut short: put the whole file back.",
                exit_status=2,
            )
        magic, version, generation, count = _HEADER.unpack_from(raw)
        if magic != _MAGIC or version != _VERSION:
            raise OperatorError(
                f"{self._box} is no key box that this version reads: install the version that made it.", exit_status=2
            )
        return generation, count

    def _box_bytes(self) -> bytes:
        try:
            return self._box.read_bytes()
        except FileNotFoundError as exc:
            raise self._no_box() from exc

    def _no_box(self) -> OperatorError:
        return OperatorError(
            f"{self._folder} holds no key box: set keys.dir to the folder that was made with this home.", exit_status=2
        )

    def _stamp(self) -> tuple[int, int]:
        try:
            state = self._box.stat()
        except FileNotFoundError as exc:
            raise self._no_box() from exc
        return state.st_ino, state.st_mtime_ns

    def _destroy_all_but(self, generation: int) -> None:
        """Leave the box and its root key: the other root keys are overwritten, also those of crashed rotations."""
        for path in (*self._folder.glob("root.*"), *self._folder.glob(".*.tmp")):
            if path == self._root(generation):
                continue
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.pwrite(descriptor, self._entropy(KEY_BYTES), 0)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            path.unlink()
        sync_folder(self._folder)
