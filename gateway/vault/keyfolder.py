"""One folder of keys on a disk: the file `box`, the root key that opens it, and how both give way to the next.

Used by the key box for the folder in use, and by `holders` for every other. Nothing here is kept in memory. Thread-safe
where one process at a time changes a folder (`KeyBox.rotating`). Raises OperatorError (status 2) for a folder that is
no key folder or whose root key does not fit, OSError for a disk that fails.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.entropy import Entropy
from config.errors import OperatorError
from config.files import sync_folder, write_durably
from gateway.vault.format import ID_BYTES, KEY_BYTES, NONCE_BYTES

MAGIC = b"LADK"
VERSION = 1
_HEADER = struct.Struct(">4sBQI")
_ENTRY = ID_BYTES + KEY_BYTES

Keys = Mapping[bytes, bytes]
Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """The key folder at `path`."""

    path: Path

    @property
    def box(self) -> Path:
        return self.path / "box"

    def root(self, generation: int) -> Path:
        """The file of a root key."""
        return self.path / f"root.{generation}"

    def generation(self) -> int:
        """The generation of the root key that seals the box."""
        return self._header(self._raw())[0]

    def stamp(self) -> Stamp:
        """Another value whenever the box is another."""
        try:
            state = self.box.stat()
        except FileNotFoundError as exc:
            raise self.no_box() from exc
        return state.st_ino, state.st_mtime_ns

    def read(self) -> Keys:
        """Every key by its id."""
        while True:
            raw = self._raw()
            generation, count = self._header(raw)
            body = raw[_HEADER.size :]
            try:
                root = self.root(generation).read_bytes()
                plain = AESGCM(root).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], raw[: _HEADER.size])
            except (FileNotFoundError, InvalidTag, ValueError) as exc:
                if self._raw() != raw:  # a rotation passed between our two reads
                    continue
                raise OperatorError(
                    f"The root key in {self.path} does not open the key box: set keys.dir to the folder that was"
                    " made with this home.",
                    exit_status=2,
                ) from exc
            if len(plain) != count * _ENTRY:
                raise OperatorError(f"The key box in {self.path} is damaged: put the whole file back.", exit_status=2)
            entries = (plain[start : start + _ENTRY] for start in range(0, len(plain), _ENTRY))
            return {entry[:ID_BYTES]: entry[ID_BYTES:] for entry in entries}

    def write(self, generation: int, keys: Keys, entropy: Entropy) -> None:
        """Seal `keys` under a new root key of this generation; the root key before the box."""
        root, nonce = entropy(KEY_BYTES), entropy(NONCE_BYTES)
        header = _HEADER.pack(MAGIC, VERSION, generation, len(keys))
        plain = b"".join(kek_id + key for kek_id, key in sorted(keys.items()))
        write_durably(self.root(generation), root)
        write_durably(self.box, header + nonce + AESGCM(root).encrypt(nonce, plain, header))

    def copy_from(self, other: KeyFolder, entropy: Entropy) -> None:
        """Hold what `other` holds, and nothing else: its root key and box are read back before any root key goes."""
        box, generation = other.box.read_bytes(), other.generation()
        root, theirs = other.root(generation).read_bytes(), self.root(generation)
        if theirs.exists() and theirs.read_bytes() != root:
            self._destroy(theirs, entropy)
        write_durably(theirs, root)
        write_durably(self.box, box)
        if dict(self.read()) != dict(other.read()):
            raise OSError(f"{self.box} does not read back as it was written")
        self.destroy_all_but(generation, entropy)

    def destroy_all_but(self, generation: int | None, entropy: Entropy) -> None:
        """Leave the box and its root key: the other root keys are overwritten, also those of crashed rotations."""
        for path in self._leavings():
            if generation is None or path != self.root(generation):
                self._destroy(path, entropy)
        sync_folder(self.path)

    def no_box(self) -> OperatorError:
        """What to say where there is none."""
        return OperatorError(
            f"{self.path} holds no key box: set keys.dir to the folder that was made with this home.", exit_status=2
        )

    def _leavings(self) -> Iterator[Path]:
        yield from self.path.glob("root.*")
        yield from self.path.glob(".*.tmp")

    def _destroy(self, path: Path, entropy: Entropy) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.pwrite(descriptor, entropy(KEY_BYTES), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        path.unlink()

    def _raw(self) -> bytes:
        try:
            return self.box.read_bytes()
        except FileNotFoundError as exc:
            raise self.no_box() from exc

    def _header(self, raw: bytes) -> tuple[int, int]:
        if len(raw) < _HEADER.size + NONCE_BYTES:
            raise OperatorError(f"The key box in {self.path} is cut short: put the whole file back.", exit_status=2)
        magic, version, generation, count = _HEADER.unpack_from(raw)
        if magic != MAGIC or version != VERSION:
            raise OperatorError(
                f"{self.box} is no key box that this version reads: install the version that made it.", exit_status=2
            )
        return generation, count
