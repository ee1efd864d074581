"""How to connect to a running demo, as each of its people: one JSON object for scripts, one page for a terminal.

Called by `ladocs demo`. The page is made of the object, which also lies in the home as `demo.json`. Thread-safe.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from auth.principal import Kind, Layout
from auth.totp import STEP_SECONDS, code_at
from config import secrets as kept
from config.files import write_durably
from config.secrets import Secrets
from gateway.demo.build import Built
from gateway.demo.people import CATEGORIES, GENERAL, HEADTEACHER, PEOPLE, SCHOOLS, WRENMOOR, WRENMOOR_MAIL, StoryPerson
from gateway.demo.plan import months_of
from gateway.places import ABOUT, DOCUMENTS
from policy.schools import folder_name

_NEWCOMER = (
    f"a.newcomer --name 'Ann Newcomer' --email ann.newcomer@{WRENMOOR_MAIL} --school {WRENMOOR} --role Office"
    f" --category {GENERAL}"
)

Guide = Mapping[str, Any]
"""`{"home", "sftp", "https", "http", "people", "pid"}`, as `ladocs demo --json` prints it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Doors:
    """Where the demo is served. `http_port` is None where plain HTTP is off, `pid` while nobody serves."""

    host: str
    sftp_port: int
    https_port: int
    http_port: int | None
    pid: int | None


def guide_file(home: Path) -> Path:
    """Where the guide lies in a demo home."""
    return home / "demo.json"


def people_of(built: Built) -> list[dict[str, Any]]:
    """Everybody with their credentials."""
    rows = []
    for person in PEOPLE:
        credentials = built.credentials[person.username]
        rows.append(
            {
                "username": person.username,
                "email": person.email,
                "name": person.name,
                "kind": person.kind.value,
                "role": person.role,
                "state": person.state.value,
                "schools": list(person.grants),
                "categories": {dfe: list(_categories(person, granted)) for dfe, granted in person.grants.items()},
                "layout": person.layout.value,
                "password": credentials.password,
                "totp_secret": credentials.totp_secret,
                "private_key": str(credentials.private_key),
                "device_password": credentials.device_password,
            }
        )
    return rows


def write(home: Path, people: Sequence[Mapping[str, Any]], doors: Doors) -> Guide:
    """Make the guide for `doors` and keep it in the home, with the files that its lines name."""
    secrets = Secrets(home / "secrets")
    host_key = _host_key(secrets)
    ca_file = home / "ca.pem"
    write_durably(ca_file, secrets.current(kept.TLS_CERTIFICATE).value, 0o644)
    write_durably(_known_hosts(home), f"[{doors.host}]:{doors.sftp_port} {host_key}\n".encode(), 0o644)
    guide = {
        "home": str(home),
        "sftp": {"host": doors.host, "port": doors.sftp_port, "host_key": host_key},
        "https": {"url": f"https://{doors.host}:{doors.https_port}/", "ca_file": str(ca_file)},
        "http": {"url": f"http://{doors.host}:{doors.http_port}/"} if doors.http_port is not None else None,
        "people": list(people),
        "pid": doors.pid,
    }
    write_durably(guide_file(home), json.dumps(guide, ensure_ascii=False).encode())
    return guide


def read(home: Path) -> Guide | None:
    """The guide that was kept in a demo home, or None where there is none."""
    try:
        guide: Guide = json.loads(guide_file(home).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return guide


def page(guide: Guide, now: datetime, program: Path) -> str:
    """The guide for a terminal, with each person's code at `now` (aware UTC); `program` is how `ladocs` was called."""
    lines = [
        f"SFTP     {guide['sftp']['host']} port {guide['sftp']['port']}",
        f"drive    {guide['https']['url']}",
        f"pages    {_pages(guide)}portal/sign-in with name, password and code",
        "",
    ]
    about = {person.username: person.about for person in PEOPLE}
    for person in guide["people"]:
        lines += [*_person(guide, person, about[person["username"]], now), ""]
    ladocs = f"{program.name if shutil.which(program.name) else _short(program)} --home {_short(Path(guide['home']))}"
    oldest = months_of(now)[0]
    lines += [
        f"{oldest.folder} is past its last day: nobody sees it any more. The authority still finds it listed:",
        f"  {ladocs} document list --month {oldest.key}",
        f"Invite somebody, and read the mail with the link in {_short(Path(guide['home']) / 'mail' / 'new')}:",
        f"  {ladocs} account add {_NEWCOMER}",
        f"Codes change every {STEP_SECONDS} seconds and are good once. This page again, with fresh ones:",
        f"  {ladocs} demo --once",
    ]
    return "\n".join(lines)


def _person(guide: Guide, person: Mapping[str, Any], about: str, now: datetime) -> Iterator[str]:
    yield f"{person['username']:<13} {person['name']}: {about}"
    if person["totp_secret"] is not None:
        left = STEP_SECONDS - int(now.timestamp()) % STEP_SECONDS
        code = code_at(person["totp_secret"], now)
        yield f"  code     {code[:3]} {code[3:]} for {left} s more; password {person['password']}"
    yield f"  sftp     {_sftp(guide, person)}"
    if person["device_password"] is None:
        yield f"  pages    {_pages(guide)}portal/sign-in"
        return
    yield f"  curl     {_curl(guide, person)}"
    yield f"  browser  {_browser(guide, person, now)}"


def _sftp(guide: Guide, person: Mapping[str, Any]) -> str:
    sftp, known = guide["sftp"], _short(_known_hosts(Path(guide["home"])))
    return (
        f"sftp -P {sftp['port']} -i {_short(Path(person['private_key']))} -o IdentitiesOnly=yes"
        f" -o UserKnownHostsFile={known} {person['username']}@{sftp['host']}"
    )


def _curl(guide: Guide, person: Mapping[str, Any]) -> str:
    path = "" if person["kind"] == Kind.SERVICE else quote(ABOUT)
    user = f"{person['username']}:{person['device_password']}"
    return f"curl --cacert {_short(Path(guide['https']['ca_file']))} -u {user} {guide['https']['url']}{path}"


def _browser(guide: Guide, person: Mapping[str, Any], now: datetime) -> str:
    folder = f"{quote(DOCUMENTS)}/"
    if person["layout"] == Layout.BY_SCHOOL:
        folder = f"{quote(_folder(person['schools'][0], now))}/{folder}"
    scheme, _, rest = _pages(guide).partition("//")
    return f"{scheme}//{person['username']}:{person['device_password']}@{rest}{folder}"


def _pages(guide: Guide) -> str:
    """Where a browser is served without a warning about the certificate, if plain HTTP is on."""
    url: str = (guide["http"] or guide["https"])["url"]
    return url


def _folder(dfe: str, now: datetime) -> str:
    return folder_name(dfe, SCHOOLS[dfe].name, None, None, now)


def _categories(person: StoryPerson, granted: Sequence[str]) -> Sequence[str]:
    return CATEGORIES if person.role == HEADTEACHER else granted


def _known_hosts(home: Path) -> Path:
    return home / "known_hosts"


def _host_key(secrets: Secrets) -> str:
    key = load_ssh_private_key(secrets.current(kept.HOST_KEY_ED25519).value, password=None)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _short(path: Path) -> str:
    """The path as one types it: relative where it lies below the present folder, quoted for a shell."""
    inside = path.is_relative_to(Path.cwd())
    return shlex.quote(os.path.relpath(path) if inside else str(path))
