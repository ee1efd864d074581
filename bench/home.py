"""A throw-away home with the files to measure, published and served as anybody's would be.

Called by `__main__`. The account is a script's, with a key for SFTP and a device password for WebDAV, so that no
one-time code stands in a measurement's way; catalogue, policy, decryption and the durable record are all at work.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from auth import accounts, keys
from auth.accounts import SERVICE_LIFE
from auth.principal import AccountState, StaffRole
from bench.processes import BenchError, free_port, running
from bench.target import BIG, LISTED, OURS, SMALL, Sizes, Target
from config.clock import SystemClock, london_date
from config.entropy import system_entropy
from config.settings import SPECIMEN
from gateway import compose
from gateway import core as cores
from gateway.agreeing import sign
from gateway.change import Change, changing
from gateway.core import Core
from gateway.founding import founding
from gateway.places import DOCUMENTS
from gateway.publishing import Failed, Item
from policy import agreement, categories, membership, schools
from policy.agreement import Signature
from policy.audit.events import EventKind
from policy.membership import SERVICE_ROLE
from policy.months import Month
from tests.support.home import SETTINGS

_USER = "nightly-copy"
_GIBIBYTE = 1 << 30
_CATEGORY = {BIG: "General", SMALL: "SEND", LISTED: "Shared Services HR"}
_SETTINGS = f"""\
{SETTINGS}
[serve]
sftp_port = {{sftp}}
https_port = {{https}}
http_port = {{http}}

[publish]
max_bytes = {_GIBIBYTE}
"""

Progress = Callable[[int, int], None]
"""Called with how many documents are out, and how many there will be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ours:
    """`ladocs` at each of its doors."""

    sftp: Target
    webdav: Target


@dataclass(frozen=True, kw_only=True, slots=True)
class _Numbers:
    officer: int
    school: int
    folder: str
    device_password: str


@contextmanager
def served(folder: Path, plain: Path, key: Ed25519PrivateKey, sizes: Sizes, progress: Progress) -> Iterator[Ours]:
    """A home in `folder`, with the files of `plain` published, served in the block. The account signs in by `key`."""
    path, ports = folder / "home", {"sftp": free_port(), "https": free_port(), "http": free_port()}
    with founding(
        path,
        settings_text=_SETTINGS.format(**ports),
        environ={},
        clock=SystemClock(),
        entropy=system_entropy,
    ) as (home, settings):
        core = cores.core(home, settings)
        try:
            numbers = _fill(core, plain, key, sizes, progress)
        finally:
            core.database.dispose()
    log = folder / "ladocs.log"
    command = [sys.executable, "-m", "gateway", "serve", "--home", str(path)]
    with running(command, log, lambda: b"ready\n" in log.read_bytes(), {**os.environ, "PYTHONUNBUFFERED": "1"}) as ours:
        month = f"/{numbers.folder}/{DOCUMENTS}/{Month.of(london_date(SystemClock().now())).folder}"

        def door(port: int) -> Target:
            return Target(
                name=OURS,
                server=ours,
                port=port,
                user=_USER,
                key=folder / "client",
                password=numbers.device_password,
                big=f"{month}/{_CATEGORY[BIG]}/{BIG}",
                small=f"{month}/{_CATEGORY[SMALL]}",
                listed=f"{month}/{_CATEGORY[LISTED]}",
            )

        yield Ours(sftp=door(ports["sftp"]), webdav=door(ports["http"]))


def _fill(core: Core, plain: Path, key: Ed25519PrivateKey, sizes: Sizes, progress: Progress) -> _Numbers:
    """One school, one script that reads three categories, and everything published in one act."""
    with cores.recording(core) as log:
        with changing(core, log, None, "bench") as change:
            numbers = _enter(core, change, key)
            known = {name: number for number, name in categories.names(change.connection).items()}
        items = [
            Item(source=source, schools=(numbers.school,), category_id=known[_CATEGORY[kind]])
            for kind, sources in _sources(plain)
            for source in sources
        ]
        done = 0

        def sealed(item: Item, size: int) -> None:
            nonlocal done
            if item.source.name != BIG:
                done += 1
                progress(done, sizes.small + sizes.listed)

        publisher = compose.publisher(core, compose.vault(core), log)
        for result in publisher.publish(items, actor=numbers.officer, note="measurements", progress=sealed):
            if isinstance(result, Failed):
                raise BenchError(result.message)
    return numbers


def _sources(plain: Path) -> Iterator[tuple[str, Sequence[Path]]]:
    yield BIG, [plain / BIG]
    for kind in (SMALL, LISTED):
        yield kind, sorted((plain / kind).iterdir())


def _enter(core: Core, change: Change, key: Ed25519PrivateKey) -> _Numbers:
    connection, at = change.connection, change.at
    school = schools.add(connection, dfe="830-2001", name="Wrenmoor Primary School", urn=None, at=at)
    signed = Signature(version=SPECIMEN.version, signed_on=london_date(at), signed_by="Helen Head")
    sign(change, agreement.rules(connection, core.settings, at), school.id, signed)
    officer = accounts.create_person(
        connection,
        username="o.officer",
        email="olive.officer@derbyshire.gov.uk",
        name="Olive Officer",
        at=at,
        rules=core.addresses,
        roles=(StaffRole.OFFICER,),
        state=AccountState.ACTIVE,
    )
    script = accounts.create_service(
        connection,
        username=_USER,
        name="Nightly copy",
        owner_id=officer,
        networks=("127.0.0.0/8",),
        expires_at=at + SERVICE_LIFE,
        at=at,
    )
    membership.join(connection, script, school.id, SERVICE_ROLE, at)
    for name in _CATEGORY.values():
        membership.grant(connection, script, school.id, categories.find(connection, name), at)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    keys.add(connection, script, public, "bench", at=at)
    password = core.devices.create(connection, script, "bench", at=at)
    change.record(EventKind.ACCESS_GRANTED, f"account:{script}", school=school.id, reason="measurements")
    return _Numbers(
        officer=officer,
        school=school.id,
        folder=schools.folder_name(school.dfe, school.name, None, None, at),
        device_password=password,
    )


def write_key(folder: Path) -> Ed25519PrivateKey:
    """The client's key: `client` for OpenSSH, `client.pub` for its servers."""
    key = Ed25519PrivateKey.generate()
    private = folder / "client"
    private.touch(0o600)
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    (folder / "client.pub").write_bytes(public + b" bench\n")
    return key


def write_files(plain: Path, sizes: Sizes) -> None:
    """The files that every server serves. Their bytes are of chance, so that nothing is won by compression."""
    (plain / SMALL).mkdir(parents=True)
    (plain / LISTED).mkdir()
    with (plain / BIG).open("wb") as file:
        for _ in range(sizes.big >> 20):
            file.write(os.urandom(1 << 20))
    for number in range(sizes.small):
        (plain / SMALL / f"Provision map {number:05d}.pdf").write_bytes(os.urandom(sizes.small_bytes))
    for number in range(sizes.listed):
        (plain / LISTED / f"Payslip {number:05d}.pdf").write_bytes(os.urandom(sizes.listed_bytes))
