"""`secrets/`: long-lived secrets other than the vault's keys, each with an id so that it can be changed.

A secret is one file, `<name>.<id>`, readable by its owner alone; ids are 1, 2, 3 … and the highest is current. Older
ones stay for as long as something was made with them. Part of a backup, unlike `keys/`. Thread-safe; what was read is
kept in memory until the folder changes. Raises OperatorError (status 2) for a secret that is missing or open to others.
"""

from __future__ import annotations

import stat
import threading
from dataclasses import dataclass, field
from pathlib import Path

from config.errors import OperatorError
from config.files import make_private_folder, write_durably

PASSWORD_PEPPER = "password-pepper"
TOTP_SEAL = "totp-seal"
DEVICE_KEY = "device-key"
RECORD_SIGNING = "record-signing"
RECORD_NAMES = "record-names"
HOST_KEY_ED25519 = "sftp-host-ed25519"
HOST_KEY_RSA = "sftp-host-rsa"
TLS_KEY = "tls-key"
TLS_CERTIFICATE = "tls-certificate"
NAMES = (
    PASSWORD_PEPPER,
    TOTP_SEAL,
    DEVICE_KEY,
    RECORD_SIGNING,
    RECORD_NAMES,
    HOST_KEY_ED25519,
    HOST_KEY_RSA,
    TLS_KEY,
    TLS_CERTIFICATE,
)


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret: its id within its name, and its bytes, which no representation shows."""

    id: str
    value: bytes = field(repr=False)


class Secrets:
    """The secrets in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._seen = -1
        self._current: dict[str, str] = {}
        self._values: dict[tuple[str, str], Secret] = {}

    def current(self, name: str) -> Secret:
        """The newest secret called `name`."""
        return self.get(name, self._newest(name))

    def get(self, name: str, secret_id: str) -> Secret:
        """The secret `name` of that id, which may be an older one."""
        with self._lock:
            known = self._values.get((name, secret_id))
        if known is not None:
            return known
        secret = Secret(secret_id, _read(self._file(name, secret_id)))
        with self._lock:
            self._values[name, secret_id] = secret
        return secret

    def all(self, name: str) -> list[Secret]:
        """Every secret called `name`, the oldest first: what was made with any of them can be recognised."""
        ids = sorted(int(path.name.rpartition(".")[2]) for path in self._files(name))
        return [self.get(name, str(number)) for number in ids]

    def path(self, name: str) -> Path:
        """The file of the newest secret `name`, for libraries that read one themselves."""
        return self._file(name, self._newest(name))

    def create(self, name: str, value: bytes) -> Secret:
        """Keep `value` as the new current secret `name`; it is on the disk on return."""
        make_private_folder(self._folder)
        ids = [int(path.name.rpartition(".")[2]) for path in self._files(name)]
        secret_id = str(max(ids, default=0) + 1)
        write_durably(self._file(name, secret_id), value)
        with self._lock:
            self._seen = -1
        return Secret(secret_id, value)

    def _newest(self, name: str) -> str:
        with self._lock:
            changed = self._folder.stat().st_mtime_ns if self._folder.is_dir() else 0
            if changed != self._seen:
                self._seen, self._current = changed, {}
            if name not in self._current:
                ids = [int(path.name.rpartition(".")[2]) for path in self._files(name)]
                if not ids:
                    raise OperatorError(
                        f"The secret {name} is missing in {self._folder}: put it back from the backup of secrets/.",
                        exit_status=2,
                    )
                self._current[name] = str(max(ids))
            return self._current[name]

    def _files(self, name: str) -> list[Path]:
        return [path for path in self._folder.glob(f"{name}.*") if path.name.rpartition(".")[2].isdecimal()]

    def _file(self, name: str, secret_id: str) -> Path:
        if name not in NAMES or not secret_id.isdecimal():
            raise OperatorError(f"There is no secret called {name}.{secret_id}.", exit_status=2)
        return self._folder / f"{name}.{secret_id}"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            value = file.read()
    except OSError as exc:
        raise OperatorError(
            f"The secret {path} cannot be read ({exc.strerror}): put it back from the backup of secrets/.",
            exit_status=2,
        ) from exc
    if mode & 0o077:
        raise OperatorError(f"The secret {path} is open to others: run 'chmod 600 {path}'.", exit_status=2)
    return value
