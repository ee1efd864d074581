"""What every act on a home stands on, built once: settings, databases, secrets, the record, makers of credentials.

Called by the commands and by `gateway.compose`, which adds what serving needs. A `Core` opens its databases at first
use; it is not to be carried across a fork. Thread-safe. Raises OperatorError for a home that is not in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from auth.addresses import PRIVATE_DOMAINS, ROLE_MAILBOXES, AddressRules
from auth.argon import ArgonGate
from auth.devices import Devices
from auth.passwords import PasswordRules, Passwords
from auth.recovery import RecoveryCodes
from auth.totp import Totp
from config.clock import Clock, SystemClock
from config.database import Database
from config.entropy import Entropy, system_entropy
from config.home import Home, check_format
from config.schema import Which, check
from config.secrets import RECORD_NAMES, Secrets
from config.settings import Settings
from policy import categories
from policy.audit.log import AuditLog
from policy.audit.space import Reserve

_PRODUCT = "ladocs"  # as whoever serves it knows it, whatever `service.name` says


@dataclass(frozen=True, kw_only=True, slots=True)
class Core:
    """One home, opened."""

    home: Home
    settings: Settings
    clock: Clock
    entropy: Entropy
    database: Database
    secrets: Secrets
    passwords: Passwords
    totp: Totp
    recovery: RecoveryCodes
    devices: Devices
    addresses: AddressRules


def open_home(path: Path, environ: Mapping[str, str]) -> tuple[Home, Settings]:
    """The home at `path` with its settings. Raises OperatorError (status 2) where either is not in order."""
    check_format(path)
    settings = Settings.load(path, environ)
    return Home.open(path, settings.keys.dir), settings


def check_databases(home: Home, settings: Settings) -> None:
    """Raises OperatorError (status 2) where a database is missing, older or newer than this version."""
    check(settings.main_url(home.path), Which.MAIN)
    check(settings.record_url(home.path), Which.AUDIT)


def core(home: Home, settings: Settings, *, clock: Clock | None = None, entropy: Entropy = system_entropy) -> Core:
    """All of a home but its vault. `clock` is the machine's unless another is handed in."""
    clock = clock or SystemClock()
    secrets = Secrets(home.secrets_dir)
    gate = ArgonGate(at_once=settings.limits.argon2_at_once, queue=settings.limits.argon2_queue)
    return Core(
        home=home,
        settings=settings,
        clock=clock,
        entropy=entropy,
        database=Database(settings.main_url(home.path)),
        secrets=secrets,
        passwords=Passwords(secrets, entropy, gate, password_rules(settings)),
        totp=Totp(secrets, entropy),
        recovery=RecoveryCodes(secrets, entropy),
        devices=Devices(secrets, entropy),
        addresses=AddressRules(
            role_mailboxes=ROLE_MAILBOXES | frozenset(settings.addresses.role_mailboxes),
            private_domains=PRIVATE_DOMAINS | frozenset(settings.addresses.private_domains),
            whom_to_ask=f"{settings.support.name}, {settings.support.phone}, {settings.support.mail}",
        ),
    )


def enter_categories(core: Core) -> None:
    """Give a number to every category of the settings that has none yet."""
    with core.database.read() as connection:
        known = set(categories.names(connection).values())
    if not known.issuperset(core.settings.categories):
        with core.database.write() as connection:
            categories.ensure(connection, core.settings.categories)


def password_rules(settings: Settings) -> PasswordRules:
    """What settings say of passwords."""
    password = settings.password
    return PasswordRules(
        minimum=password.minimum,
        minimum_staff=password.minimum_staff,
        maximum=password.maximum,
        memory_kib=password.memory_kib,
        passes=password.passes,
        lanes=password.lanes,
        own_words=(*password.own_words, settings.service.name, _PRODUCT),
    )


def audit_log(core: Core) -> AuditLog:
    """The record's writing end, started; close it. On SQLite it keeps a reserve of room in the home."""
    url = core.settings.record_url(core.home.path)
    log = AuditLog(
        url,
        clock=core.clock,
        entropy=core.entropy,
        name_key=core.secrets.current(RECORD_NAMES).value,
        timeout=core.settings.audit.timeout_seconds,
        reserve=Reserve(core.home.path / "record.reserve") if url.startswith("sqlite") else None,
    )
    log.start()
    return log


@contextmanager
def recording(core: Core) -> Iterator[AuditLog]:
    """The record for the length of one command."""
    log = audit_log(core)
    try:
        yield log
    finally:
        log.close()
