"""A home from a backup, in a new folder, with the keys that there are today.

Called by `ladocs restore`. Whatever stands in the way leaves nothing in that folder. Raises OperatorError, OSError and
SQLAlchemyError.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import delete, update
from sqlalchemy.engine import make_url

from auth.models import Account, Link, PageSession, SessionRow, Trust
from config.clock import Clock
from config.errors import OperatorError
from config.files import make_private_folder, sync_folder, write_durably
from config.home import Home, mark_format, settings_file
from config.settings import Settings
from gateway import core as cores
from gateway import recovery
from gateway.backup import MAIN, RECORD, SEALED, SUMS, copy, digest, files_in, refuse_inside
from gateway.change import changing
from gateway.core import Core
from gateway.founding import emptied_on_failure
from policy.audit.events import EventKind

_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)\n")
_NOT_COPIED = (SEALED, "format", MAIN, RECORD, "ladocs.dump", "record.dump")


def restore(
    source: Path,
    path: Path,
    *,
    keys_dir: Path,
    recovery_key: Path,
    user: str,
    environ: Mapping[str, str],
    clock: Clock | None = None,
) -> int:
    """Make a home at `path`, empty or missing, of the backup `source`; how many files it has been given.

    `keys_dir` holds the vault's keys. Databases of PostgreSQL were put back beforehand (`pg_restore`). Every session,
    trust and mailed link has ended; `user`, of this machine, is in the record as who did it. `clock`: the machine's.
    """
    if not list(keys_dir.glob("root.*")):
        raise OperatorError(
            f"{keys_dir} holds no keys: name keys.dir, or the second holder of the keys.", exit_status=2
        )
    refuse_inside(path, source, keys_dir)
    names = verified(source)
    sealed: dict[str, str] = json.loads(
        recovery.unseal((source / SEALED).read_bytes(), recovery.private_key(recovery_key))
    )
    with emptied_on_failure(path):
        for name in names:
            if name not in _NOT_COPIED:
                copy(source / name, path / name)
        for name, value in sealed.items():
            if not (path / name).resolve().is_relative_to(path.resolve()):  # anybody can seal to a public key
                raise OperatorError(
                    f"The sealed secrets hold '{name}', which lies outside a home: the backup is forged."
                )
            make_private_folder((path / name).parent)
            write_durably(path / name, base64.b64decode(value))
        _point_at_keys(settings_file(path), keys_dir.absolute())
        settings = Settings.load(path, environ)
        home = Home(path, settings.keys.dir)
        if home.keys_dir.resolve() != keys_dir.resolve():
            raise OperatorError(
                "A variable LADOCS_KEYS__DIR names other keys than --keys-dir: unset it.", exit_status=2
            )
        for folder in (home.store_dir, home.run_dir):
            make_private_folder(folder)
        _databases(source, home, settings)
        cores.check_databases(home, settings)
        core = cores.core(home, settings, clock=clock)
        try:
            _end_what_was_open(core, source, user)
        finally:
            core.database.dispose()
        for file in files_in(path):
            sync_folder(file.parent)
        mark_format(path)
    return len(names)


def verified(source: Path) -> list[str]:
    """The names of all files of a backup, none of which has changed since. Raises OperatorError that names each."""
    try:
        text = (source / SUMS).read_text()
    except FileNotFoundError as exc:
        raise OperatorError(f"{source} is no complete backup: it has no {SUMS}.", exit_status=2) from exc
    except UnicodeDecodeError as exc:
        raise OperatorError(f"The backup was changed: {SUMS}. Take another one.") from exc
    listed = {name: digest_ for digest_, name in _LINE.findall(text)}
    there = {file.relative_to(source).as_posix() for file in files_in(source)} - {SUMS}
    changed = {name for name in listed.keys() & there if digest(source / name) != listed[name]}
    wrong = changed | (listed.keys() ^ there)
    if "".join(f"{digest_}  {name}\n" for name, digest_ in listed.items()) != text:
        wrong |= {SUMS}
    wrong |= {SEALED} - listed.keys()
    if wrong:
        raise OperatorError(f"The backup was changed: {', '.join(sorted(wrong))}. Take another one.")
    return list(listed)


def _point_at_keys(file: Path, keys_dir: Path) -> None:
    """Let `keys.dir` in the settings name the folder; all else in them stays as it is."""
    line, text = f"dir = {json.dumps(str(keys_dir), ensure_ascii=False)}", file.read_text("utf-8")
    text, found = re.subn(r"(?m)(^\[keys\][^\[]*?^)dir\s*=[^\n]*", lambda match: match[1] + line, text)
    if found != 1:
        raise OperatorError("The settings in the backup have no line 'dir = …' below [keys]: it cannot be changed.")
    write_durably(file, text.encode())


def _databases(source: Path, home: Home, settings: Settings) -> None:
    """Put SQLite's files where the settings say, over nothing that is there."""
    urls = {MAIN: settings.main_url(home.path), RECORD: settings.record_url(home.path)}
    for name, url in urls.items():
        if (source / name).exists() != url.startswith("sqlite"):
            raise OperatorError(f"The settings name another kind of database ({name}) than the backup holds.")
    places = {name: Path(make_url(url).database or "") for name, url in urls.items() if url.startswith("sqlite")}
    taken = [place for place in places.values() if place.exists()]
    if taken:
        raise OperatorError(f"{taken[0]} is there already: move it away, or set LADOCS_DATABASE__URL to another.")
    for name, place in places.items():
        copy(source / name, place)


def _end_what_was_open(core: Core, source: Path, user: str) -> None:
    with cores.recording(core) as log, changing(core, log, None, user) as change:
        for table in (PageSession, SessionRow, Trust):
            change.connection.execute(delete(table))
        change.connection.execute(update(Link).where(Link.ended_at.is_(None)).values(ended_at=change.at))
        change.connection.execute(update(Account).values(sessions_from=change.at))
        change.record(EventKind.HOME_RESTORED, "home", reason=f"from {source}")
