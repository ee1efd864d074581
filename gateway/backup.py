"""A copy of a home in a new folder, without the vault's keys: what was destroyed is no more readable in it than here.

Called by `ladocs backup`, while the home is served or not. In this order, so that nothing refers to what is not there:
checkpoints, main database, record, certificates, then the sealed documents, at last the secrets, sealed to the recovery
key. `SHA256SUMS` is written when all the rest is on the disk: a backup without it is none. Raises OperatorError,
OSError and SQLAlchemyError, and leaves nothing behind then.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from config.database import Database
from config.errors import OperatorError
from config.files import make_private_folder, sync_folder, write_durably
from config.home import format_file, settings_file
from gateway import recovery
from gateway.core import Core
from gateway.founding import emptied_on_failure
from gateway.models import StoredObject

SUMS, SEALED = "SHA256SUMS", "secrets.sealed"
MAIN, RECORD = "ladocs.db", "record.db"
_DUMPS = {MAIN: "ladocs.dump", RECORD: "record.dump"}
Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """What a backup holds. `missing`: documents whose sealed bytes went while it was made, or are lost."""

    files: int
    size: int
    documents: int
    missing: int


def back_up(core: Core, target: Path, tell: Tell = lambda _: None) -> Made:
    """Copy the home to `target`, a folder that is empty or missing; `tell` hears how many bytes more are there."""
    home, key = core.home, recovery.public_key(core.home.path)
    refuse_inside(target, home.path, home.keys_dir)
    with emptied_on_failure(target):
        _folder(home.checkpoints_dir, target)
        _databases(core, target)
        _folder(home.certificates_dir, target)
        documents, missing = _store(core, target, tell)
        for file in (format_file(home.path), home.path / recovery.PUBLIC_FILE, *_texts(core)):
            copy(file, target / file.relative_to(home.path))
        write_durably(target / SEALED, recovery.seal(_secrets(core), key))
        sums, size = _sums(target, tell)
        write_durably(target / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode())
    return Made(len(sums), size, documents, missing)


def refuse_inside(path: Path, *folders: Path) -> None:
    """Raises OperatorError where `path` lies in one of `folders`."""
    for folder in folders:
        if path.resolve().is_relative_to(folder.resolve()):
            raise OperatorError(f"{path} lies in {folder}: name a place outside it.", exit_status=2)


def copy(source: Path, target: Path) -> None:
    """A file, for its owner's eyes alone; its bytes are on the disk on return."""
    make_private_folder(target.parent)
    with source.open("rb") as read, target.open("xb") as write:
        target.chmod(0o600)
        shutil.copyfileobj(read, write, 1 << 20)
        write.flush()
        os.fsync(write.fileno())


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_in(folder: Path) -> Iterator[Path]:
    """Every file below `folder`, in the order of their names."""
    return (path for path in sorted(folder.rglob("*")) if not path.is_dir())


def _folder(folder: Path, target: Path) -> None:
    for file in files_in(folder):
        if not file.name.endswith(".tmp"):  # a file in the making
            copy(file, target / folder.name / file.relative_to(folder))


def _databases(core: Core, target: Path) -> None:
    main, record = core.settings.main_url(core.home.path), core.settings.record_url(core.home.path)
    for name, url in {MAIN: main, RECORD: record}.items():
        if url.startswith("sqlite"):
            _snapshot(url, target / name)
        elif name == MAIN or url != main:
            _dump(url, target / _DUMPS[name])


def _snapshot(url: str, target: Path) -> None:
    """SQLite writes a copy that has no freed pages and no log, as of one moment."""
    database = Database(url)
    try:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(target),))
    finally:
        database.dispose()
    target.chmod(0o600)


def _dump(url: str, target: Path) -> None:
    """`pg_dump` writes one; the password goes by its environment, which other users cannot see."""
    parsed = make_url(url)
    address = parsed.set(drivername="postgresql", password=None).render_as_string()
    environ = os.environ | ({"PGPASSWORD": str(parsed.password)} if parsed.password else {})
    words = ["pg_dump", "--format=custom", f"--file={target}", f"--dbname={address}"]
    try:
        done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    except FileNotFoundError as exc:
        raise OperatorError("pg_dump is not installed: install PostgreSQL's client of the server's version.") from exc
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise OperatorError(f"pg_dump failed ({said[0]}): mend that and try again.")
    target.chmod(0o600)


def _store(core: Core, target: Path, tell: Tell) -> tuple[int, int]:
    """The documents that can be opened still; how many, and how many of them were not there."""
    with core.database.read() as connection:
        wrapped = select(StoredObject.id).where(func.length(StoredObject.wrap) > 0).order_by(StoredObject.id)
        names = [object_id.hex() for object_id in connection.execute(wrapped).scalars()]
    missing = 0
    for name in names:
        copied = target / core.home.store_dir.name / name[:2] / name
        try:
            copy(core.home.store_dir / name[:2] / name, copied)
            tell(copied.stat().st_size)
        except FileNotFoundError:
            missing += 1
    return len(names) - missing, missing


def _texts(core: Core) -> list[Path]:
    """The files in the home that its settings name as texts of the agreement."""
    files = [version.file for version in core.settings.agreement.versions]
    return [file for file in files if file.is_relative_to(core.home.path)]


def _secrets(core: Core) -> bytes:
    """The settings, which may hold a database's password, and all secrets in the home, by their paths in it."""
    home, password = core.home, core.settings.mail.password_file
    files = [settings_file(home.path), *(file for file in files_in(home.secrets_dir) if file.suffix != ".tmp")]
    if password is not None and password.is_relative_to(home.path):
        files.append(password)
    kept = {str(file.relative_to(home.path)): base64.b64encode(file.read_bytes()).decode() for file in files}
    return json.dumps(kept).encode()


def _sums(target: Path, tell: Tell) -> tuple[dict[str, str], int]:
    """Flush all there is, and read it back: the SHA-256 of each file by its name, and their bytes together."""
    sums, size = {}, 0
    for file in list(files_in(target)):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
        sums[file.relative_to(target).as_posix()] = digest(file)
        size += file.stat().st_size
    for folder in (target, *(path for path in target.rglob("*") if path.is_dir())):
        sync_folder(folder)
    tell(0)
    return sums, size
