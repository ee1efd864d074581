"""The composition root: builds from a home and its settings what a worker process, or a command that publishes, holds.

Called by `gateway.server` in each worker and by the commands. Everything is built here, once, with the real clock and
chance. Raises OperatorError (status 2) for a home that is not in order.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from auth.authenticator import Authenticator
from auth.page_sessions import PageLimits
from auth.sessions import SessionLimits, SessionTable
from auth.throttle import GuessLimits, Throttle
from auth.trust import TrustRules
from auth.verified import VerifiedDevices
from config.clock import Clock, SystemClock
from config.errors import OperatorError
from config.home import Home
from config.secrets import NAMES, TLS_CERTIFICATE, TLS_KEY, Secrets
from config.settings import Settings
from gateway import core as cores
from gateway import recalling
from gateway.about import about_text, contact, refusals, whom_to_ask, write_refusal
from gateway.agreeing import Agreements, enter_texts
from gateway.announcements import Announcements
from gateway.catalogue import Catalogue
from gateway.clockguard import GuardedClock, MarkKeeper, mark
from gateway.core import Core
from gateway.credentials import OwnCredentials
from gateway.destruction import Destruction
from gateway.documents import ending_sooner
from gateway.enrolment import Enrolment
from gateway.filesystem import Rooms
from gateway.jobrunner import JobRunner, Work
from gateway.jobs import TIMETABLE, Daywork, Jobs, Post
from gateway.leavers import Leavers
from gateway.mail.delivery import Delivery, Voice
from gateway.mail.sending import base_url, sender, transport
from gateway.publishing import Publisher, Rules
from gateway.reviews import Reviews
from gateway.scopes import Scopes
from gateway.services import Services
from gateway.session import Sessions
from gateway.unsigned import Unsigned
from gateway.vault.keybox import KeyBox
from gateway.vault.store import LocalStore
from gateway.vault.vault import Vault
from gateway.watch import Watch
from gateway.webdav.tls import DeferredTls, TlsFiles
from policy.audit.checkpoint import as_origin, brief
from policy.audit.checkpoints import Checkpointer, Target
from policy.audit.grants import Grants
from policy.audit.log import AuditLog
from policy.audit.pruning import Pruning
from policy.audit.strangers import ROWS_A_MINUTE, Strangers
from policy.audit.targets import FileTarget, SyslogTarget
from policy.audit.testimony import CheckpointFolder
from policy.doors import PolicyDoors
from policy.months import Window
from policy.recorder import AuditRecorder

log = logging.getLogger(__name__)


def check_home(home: Home, settings: Settings) -> None:
    """Raises OperatorError (status 2) where databases, secrets or root key are not those of this home and version."""
    cores.check_databases(home, settings)
    secrets = Secrets(home.secrets_dir)
    for name in NAMES:
        secrets.current(name)
    _check_tls(tls_files(home))
    core = cores.core(home, settings)
    try:
        vault(core).check(core.database)
        cores.enter_categories(core)
        enter_texts(core)
        _tell_of_window(core)
    finally:
        core.database.dispose()


def _tell_of_window(core: Core) -> None:
    """A changed window acts on new publications alone [R2]: say how many documents it leaves as they are."""
    window = Window(core.settings.months.window)
    with core.database.read() as connection:
        sooner = ending_sooner(connection, window, core.clock.now())
    if sooner:
        log.warning(
            "months.window is %s for new documents; %d that are shown now keep their last day, and would have ended"
            " sooner under it",
            window,
            sooner,
        )


def vault(core: Core) -> Vault:
    """The vault of a home."""
    return Vault(box=key_box(core), store=LocalStore(core.home.store_dir), entropy=core.entropy)


def key_box(core: Core) -> KeyBox:
    """The keys of a home, with their other holders."""
    return KeyBox(core.home.keys_dir, core.clock, core.entropy)


def publisher(core: Core, vault: Vault, log: AuditLog, *, fix_names: bool = False) -> Publisher:
    """The act of publishing, by the clock of `core`."""
    rules = Rules(
        max_bytes=core.settings.publish.max_bytes,
        window=Window(core.settings.months.window),
        fix_names=fix_names,
    )
    return Publisher(
        database=core.database,
        vault=vault,
        log=log,
        clock=core.clock,
        entropy=core.entropy,
        rules=rules,
        folders=(core.home.path, core.home.store_dir),
    )


def tls_files(home: Home) -> TlsFiles:
    """Certificate and key of HTTPS."""
    secrets = Secrets(home.secrets_dir)
    return TlsFiles(certificate=secrets.path(TLS_CERTIFICATE), private_key=secrets.path(TLS_KEY))


def _check_tls(files: TlsFiles) -> None:
    try:
        DeferredTls(files)
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        raise OperatorError(
            f"{files.certificate} and {files.private_key} do not serve HTTPS ({exc}): put a certificate with its chain"
            " into the one and its private key without a passphrase into the other, both as PEM.",
            exit_status=2,
        ) from exc


def services(home: Home, settings: Settings, *, machine: Clock | None = None) -> Services:
    """What one worker process holds; the record's writer is running. `close` it. `machine` is the machine's clock."""
    clock = GuardedClock(machine or SystemClock())
    core = cores.core(home, settings, clock=clock)
    log = cores.audit_log(core)
    grants = Grants(log, clock)
    strangers = Strangers(log, clock, rows_a_minute=ROWS_A_MINUTE // (settings.serve.sftp_processes + 1))
    kept = vault(core)
    watch = Watch(core.database, clock)
    scopes = Scopes(core.database, clock, watch)
    doors = PolicyDoors(refusals(contact(settings)))
    authenticator = _authenticator(core, doors, AuditRecorder(log, strangers, clock))
    made = Services(
        core=core,
        settings=settings,
        clock=clock,
        entropy=core.entropy,
        database=core.database,
        secrets=core.secrets,
        log=log,
        grants=grants,
        strangers=strangers,
        vault=kept,
        authenticator=authenticator,
        doors=doors,
        verified=VerifiedDevices(authenticator.still_valid, authenticator.used, watch.generation, clock, core.entropy),
        enrolment=Enrolment(core, log, authenticator),
        own=OwnCredentials(core, log, authenticator),
        sessions=_sessions(core, clock, scopes, watch, kept, grants),
        publisher=publisher(core, kept, log),
    )
    observe_clock(made)
    return made


def authenticator(core: Core, log: AuditLog) -> Authenticator:
    """What a command asks who the second person of an act is."""
    return _authenticator(core, PolicyDoors(), AuditRecorder(log, Strangers(log, core.clock), core.clock))


def _authenticator(core: Core, doors: PolicyDoors, recorder: AuditRecorder) -> Authenticator:
    return Authenticator(
        database=core.database,
        clock=core.clock,
        entropy=core.entropy,
        passwords=core.passwords,
        totp=core.totp,
        recovery=core.recovery,
        devices=core.devices,
        throttle=Throttle(core.database, GuessLimits()),
        trust=_trust_rules(core.settings),
        pages=_page_limits(core.settings),
        doors=doors,
        recorder=recorder,
    )


def observe_clock(services: Services) -> None:
    """Take over the clock's mark from the database: at start, and every few seconds after."""
    with services.database.read() as connection:
        services.clock.observe(mark(connection))


def jobs(home: Home, services: Services, *, machine: Clock | None = None, threads: bool = False) -> Jobs:
    """The clock's work, for the one process that does it; `threads`: no job keeps another waiting."""
    core = services.core
    announcements = Announcements(core.database, core.settings.terms, core.entropy)
    unsigned = Unsigned(core.database, core.settings, core.entropy)
    reviews = Reviews(core, services.log)
    work = {
        **works(core, services.vault, services.log),
        "announcements": lambda run: announcements.turn(run.at),
        "reviews": lambda run: reviews.daily(run.progress),
        "agreement reminders": lambda run: unsigned.turn(run.at),
        "copies": lambda run: recalling.turn(core, services.log, run.at),
    }
    folders = (home.path, home.store_dir, home.keys_dir)
    return clockwork(core, services.log, machine or SystemClock(), work, folders=folders, threads=threads)


def works(core: Core, vault: Vault, log: AuditLog) -> dict[str, Work]:
    """What keeps a home in order, by the names of the jobs; nobody is mailed."""
    daywork = Daywork(core.database, vault, key_box(core), destruction(core, vault, log), pruning(core, log))
    agreements = Agreements(core.database, log, core.settings)
    return {
        "keys": daywork.keys,
        "key holders": daywork.follow,
        "agreements": lambda run: agreements.roll(run.at),
        "destruction": daywork.destroy,
        "orphans": daywork.sweep,
        "old mails": daywork.forget_mails,
        "pruning": daywork.prune,
        "leavers": lambda run: Leavers(core.database, log).turn(run.at),
    }


def clockwork(
    core: Core,
    log: AuditLog,
    clock: Clock,
    work: Mapping[str, Work],
    *,
    folders: Sequence[Path] = (),
    threads: bool = False,
) -> Jobs:
    """The turns of a home in which each job of `work` is done when the timetable says so."""
    timed = [(name, TIMETABLE[name], job) for name, job in work.items()]
    runner = JobRunner(core.database, clock, _process(core), timed, threads=threads)
    return Jobs(core.database, log, clock, MarkKeeper(clock), runner, folders)


def _process(core: Core) -> str:
    """This process among all that ever were."""
    return f"{socket.gethostname()}:{os.getpid()}:{core.entropy(4).hex()}"


def pruning(core: Core, log: AuditLog) -> Pruning:
    """What forgets old records."""
    return Pruning(core.settings.record_url(core.home.path), log, core.settings.audit.keep)


def destruction(core: Core, vault: Vault, log: AuditLog) -> Destruction:
    """What destroys the documents of past days, by the clock of `core`."""
    return Destruction(
        database=core.database,
        vault=vault,
        log=log,
        clock=core.clock,
        secrets=core.secrets,
        certificates=core.home.certificates_dir,
        lock=core.home.run_dir / "destruction.lock",
        origin=_origin(core.settings),
    )


def _origin(settings: Settings) -> str:
    return as_origin(urlsplit(settings.service.url or "").hostname or socket.gethostname().lower())


def checkpointer(core: Core) -> Checkpointer:
    """What signs where the record stands, for the one process that does the jobs; a command may sign beside it."""
    settings = core.settings
    audit = settings.audit
    targets: list[Target] = []
    if audit.checkpoint_file is not None:
        targets.append(FileTarget(audit.checkpoint_file))
    if audit.checkpoint_syslog is not None:
        targets.append(SyslogTarget.of(audit.checkpoint_syslog, audit.checkpoint_ca))
    return Checkpointer(
        url=settings.record_url(core.home.path),
        secrets=core.secrets,
        clock=core.clock,
        folder=CheckpointFolder(core.home.checkpoints_dir),
        origin=_origin(settings),
        targets=targets,
    )


def post(services: Services, https_port: int) -> Post:
    """What mails, for the one process that does the jobs. `https_port` is the one that was bound."""
    settings = services.settings
    url = base_url(settings, https_port)
    delivery = Delivery(
        database=services.database,
        record=services.log,
        transport=transport(settings, url),
        voice=Voice(contact=contact(settings), sender=sender(settings), url=url),
        entropy=services.entropy,
        per_minute=settings.mail.per_minute,
        witness=lambda: _stood(CheckpointFolder(services.core.home.checkpoints_dir)),
    )
    return Post(services.clock, delivery)


def _stood(folder: CheckpointFolder) -> str:
    """Where the record stood at the newest checkpoint, for the foot of a mail."""
    newest = folder.last()
    return "" if newest is None else brief(newest.head)


def close(services: Services) -> None:
    """End sessions and grants, write what is left to say, close the record and the database; each whatever fails."""
    with ExitStack() as steps:
        steps.callback(services.database.dispose)
        steps.callback(services.log.close)
        steps.callback(services.strangers.end)
        steps.callback(services.grants.end_all)
        steps.callback(services.enrolment.close)
        steps.callback(services.sessions.close_all)


def _trust_rules(settings: Settings) -> TrustRules:
    return TrustRules(
        life=timedelta(hours=settings.auth.mfa_trust_hours),
        shared_networks=tuple(map(str, settings.auth.shared_networks)),
    )


def _page_limits(settings: Settings) -> PageLimits:
    return PageLimits(
        idle=timedelta(minutes=settings.auth.page_idle_minutes), longest=timedelta(hours=settings.auth.page_hours)
    )


def _sessions(core: Core, clock: GuardedClock, scopes: Scopes, watch: Watch, vault: Vault, grants: Grants) -> Sessions:
    settings, people = core.settings, contact(core.settings)
    rooms = Rooms(
        database=core.database,
        clock=clock,
        scopes=scopes,
        catalogue=Catalogue(vault),
        vault=vault,
        category_order=settings.categories,
        about=about_text(people) if settings.drive.about else None,
        refusals=refusals(people),
        write_refusal=write_refusal(people),
        whom_to_ask=whom_to_ask(people),
    )
    limits = SessionLimits(person=settings.limits.person_connections, service=settings.limits.service_connections)
    table = SessionTable(core.database, clock, process=_process(core), limits=limits)
    return Sessions(rooms=rooms, grants=grants, table=table, watch=watch, clock=clock, entropy=core.entropy)
