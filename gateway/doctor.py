"""What `ladocs doctor` looks at: a home, its databases, keys, clock and disks, and the mail server. Changes nothing.

Called by the command alone. Each check stands for itself: one that meets a fault says so and the next one is made. No
mail is sent; nobody is signed in but, for a moment, ourselves at the mail server.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from config.clock import LONDON, Clock, london_date
from config.database import Database
from config.entropy import system_entropy
from config.errors import OperatorError
from config.home import Home, check_format, settings_file
from config.outages import in_one_line
from config.schema import Which, check
from config.secrets import NAMES, TLS_CERTIFICATE, Secrets
from config.settings import Settings
from gateway.clockguard import LEAP, mark
from gateway.jobrunner import RunState, newest, state_of
from gateway.jobs import TIMETABLE
from gateway.mail import outbox
from gateway.mail.sending import base_url, mail_server
from gateway.mail.smtp import MailServer, Smtp
from gateway.mail.transport import OutOfReach
from gateway.models import StoredObject
from gateway.vault.holders import Standing
from gateway.vault.keybox import KeyBox
from gateway.vault.models import Kek, KekState
from policy import agreement, agreement_texts, order
from policy.audit import query
from policy.audit.checkpoint import Checkpoint
from policy.audit.checkpoints import public_keys
from policy.audit.events import EventKind
from policy.audit.models import AuditRecord
from policy.audit.query import Filter
from policy.audit.space import Room, room_at
from policy.audit.targets import SyslogTarget
from policy.audit.testimony import CheckpointFolder, difference, last_of
from policy.order import Cause

_LATE = timedelta(minutes=5)
_A_DAY = timedelta(days=1)
_LOST_SINCE = timedelta(days=14)
_RENEW = timedelta(days=30)
_BEHIND = timedelta(minutes=1)
_MAIL_SECONDS = 5.0


_WHAT_AND_MEND = re.compile(r"(?P<what>(?:\([^)]*\)|[^(:]|:(?! ))+): (?P<mend>.+)")
"""An error for people: what is wrong, which may have a cause in brackets, then what would be right."""


class State(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: what was looked at, how it is, what was found, and what to do about it."""

    check: str
    state: State
    found: str
    mend: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Patient:
    home: Home
    settings: Settings
    clock: Clock
    running: bool

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @property
    def url(self) -> str:
        return base_url(self.settings, self.settings.serve.https_port)


_Findings = Iterable[Finding]


def examine(path: Path, environ: Mapping[str, str], clock: Clock, *, running: bool) -> list[Finding]:
    """Every row for the home at `path`. `running`: somebody serves it at the moment."""
    found = [*_looked_into("home", partial(_home, path))]
    if not settings_file(path).exists():
        return found
    settings: list[Settings] = []

    def read_settings() -> _Findings:
        settings.append(Settings.load(path, environ))
        yield Finding("settings", State.OK, "every setting is known and has a value that will do")

    found += _looked_into("settings", read_settings)
    if not settings:
        return found
    patient = _Patient(home=Home(path, settings[0].keys.dir), settings=settings[0], clock=clock, running=running)
    for name, look in _CHECKS.items():
        found += _looked_into(name, partial(look, patient))
    return found


def _looked_into(name: str, look: Callable[[], _Findings]) -> list[Finding]:
    """What `look` finds; a fault on the way is a finding too."""
    found: list[Finding] = []
    try:
        found.extend(look())
    except OperatorError as exc:
        said = _WHAT_AND_MEND.fullmatch(str(exc))
        what, mend = (said["what"], said["mend"]) if said else (str(exc), "see what the message names")
        found.append(Finding(name, State.WRONG, what, mend))
    except (OSError, SQLAlchemyError, ValueError) as exc:
        found.append(Finding(name, State.WRONG, in_one_line(exc), "see whether it is there and who may read it"))
    return found


def _home(path: Path) -> _Findings:
    check_format(path)
    yield from _private("home", path, State.WARNING)


def _secrets(patient: _Patient) -> _Findings:
    folder = patient.home.secrets_dir
    yield from _private("secrets", folder, State.WRONG)
    for file in sorted(folder.iterdir()):
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            yield Finding("secrets", State.WRONG, f"{file} is open to others", f"run 'chmod 600 {file}'")
    for name in NAMES:
        Secrets(folder).path(name)


def _private(name: str, folder: Path, otherwise: State) -> _Findings:
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        yield Finding(name, otherwise, f"{folder} is open to others", f"run 'chmod 700 {folder}'")
    else:
        yield Finding(name, State.OK, f"{folder} is its owner's alone")


def _keys(patient: _Patient) -> _Findings:
    folder = patient.home.keys_dir
    held = KeyBox(folder, patient.clock, system_entropy).all()
    yield from _private("keys", folder, State.WRONG)
    if folder.resolve().is_relative_to(patient.home.path.resolve()):
        yield Finding(
            "keys",
            State.WARNING,
            f"{folder} lies in the home: a backup of it could bring back what was destroyed",
            "move it to a volume that is in no backup, and set keys.dir",
        )
    yield Finding("keys", State.OK, f"the key box opens and holds {len(held)} keys")
    under = select(StoredObject.kek_id, func.count()).join(Kek, Kek.id == StoredObject.kek_id)
    living = under.where(StoredObject.wrap.is_not(None), Kek.state != KekState.DESTROYED).group_by(StoredObject.kek_id)
    with _reading(patient.settings.main_url(patient.home.path), Which.MAIN) as connection:
        lost = sum(count for kek_id, count in connection.execute(living).all() if kek_id not in held)
    if lost:
        said = f"nobody can read {lost:,} of the documents: their keys are not there"
        yield Finding("keys", State.WRONG, said, "set keys.dir to a key folder that has them, or publish them again")


def _key_holders(patient: _Patient) -> _Findings:
    box = KeyBox(patient.home.keys_dir, patient.clock, system_entropy)
    known, generation = box.holders(), box.generation()
    others = [one for one in known.others if one.given_up_at is None] if known is not None else []
    if known is None or not others:
        said = f"{patient.home.keys_dir} alone holds the keys: the loss of its disk loses 90 days of documents"
        yield Finding("key holders", State.WARNING, said, "run 'ladocs keys replicate DIR' with a folder elsewhere")
        return
    for one in others:
        said, mend = f"{one.folder} last took part in a rotation {_moment(one.reached_at)}", ""
        state = State.OK
        if one.folder.is_relative_to(patient.home.path.resolve()):
            state, mend = State.WARNING, "move it out of the home: forget it, and replicate to a folder elsewhere"
            said = f"{one.folder} lies in the home: a backup of it could bring back what was destroyed"
        if known.standing(one, generation) is Standing.BEHIND:
            state, mend = State.WRONG, "mount it; if it is lost, run 'ladocs keys forget DIR --because ...'"
            said += ", and is behind: it may still hold keys that were destroyed here"
        yield Finding("key holders", state, said, mend)


def _main_database(patient: _Patient) -> _Findings:
    check(patient.settings.main_url(patient.home.path), Which.MAIN)
    yield Finding("database", State.OK, "it is there and of this version")


def _record_database(patient: _Patient) -> _Findings:
    now = patient.now
    with _reading(patient.settings.record_url(patient.home.path), Which.AUDIT) as connection:
        count = connection.execute(select(func.max(AuditRecord.seq))).scalar() or 0
        beats = query.listing(connection, Filter(event=EventKind.HEARTBEAT, since=now - _A_DAY), 1)
    beat = beats[0].event.at if beats and beats[0].event is not None else None
    said = f"it opens and has {count:,} lines; " + (
        f"the last heartbeat is of {_moment(beat)}" if beat is not None else "none is a heartbeat of the last day"
    )
    if patient.running and (beat is None or now - beat > _LATE):
        yield Finding("record", State.WRONG, said, "the service runs and does not write: look at its log, restart it")
    else:
        yield Finding("record", State.OK, said)


def _checkpoints(patient: _Patient) -> _Findings:
    newest = CheckpointFolder(patient.home.checkpoints_dir).newest(public_keys(Secrets(patient.home.secrets_dir)))
    with _reading(patient.settings.record_url(patient.home.path), Which.AUDIT) as connection:
        differs = "" if newest is None else difference(newest.head, connection)
    said = "none is signed yet" if newest is None else f"the newest is of {_moment(newest.at)}"
    if differs:
        yield Finding("checkpoints", State.WRONG, f"the record does not continue them: {differs}", _VERIFY)
    elif patient.running and (newest is None or patient.now - newest.at > _LATE):
        yield Finding("checkpoints", State.WRONG, f"{said}, and the service signs none", "look at its log")
    else:
        yield Finding("checkpoints", State.OK, said)
    yield from _witnesses(patient, newest)


_VERIFY = "run 'ladocs audit verify', and tell whoever answers for the record"


def _witnesses(patient: _Patient, newest: Checkpoint | None) -> _Findings:
    """Whether checkpoints leave the server."""
    audit = patient.settings.audit
    if audit.checkpoint_file is None and audit.checkpoint_syslog is None:
        said = "they stay on this server, and whoever owns it can forge them"
        yield Finding("checkpoints", State.WARNING, said, "set audit.checkpoint_file or audit.checkpoint_syslog")
    if audit.checkpoint_file is not None and newest is not None:
        last = last_of(audit.checkpoint_file)
        if last is None or newest.at - last.at > _LATE:
            said = f"{audit.checkpoint_file} ends before the newest"
            yield Finding("checkpoints", State.WRONG, said, "look at the log: it says why nothing can be added")
        else:
            yield Finding("checkpoints", State.OK, f"{audit.checkpoint_file} has them")
    if audit.checkpoint_syslog is not None:
        target = SyslogTarget.of(audit.checkpoint_syslog, audit.checkpoint_ca)
        try:
            with target.connected():
                yield Finding("checkpoints", State.OK, f"{target.name} answers, and its certificate is good")
        except OSError as exc:
            mend = "see that it runs, and that audit.checkpoint_syslog and audit.checkpoint_ca are right"
            yield Finding("checkpoints", State.WRONG, f"{target.name}: {in_one_line(exc)}", mend)


def _clock(patient: _Patient) -> _Findings:
    now = patient.now
    with _reading(patient.settings.main_url(patient.home.path), Which.MAIN) as connection:
        known = mark(connection)
    shown = f"it is {_moment(now)}"
    rows = (
        (known is None, State.OK, f"{shown}; nobody has served this home yet", ""),
        (known is not None and now - known > LEAP, State.WRONG, f"{shown}, far past the last moment served", _CONFIRM),
        (known is not None and known - now > _BEHIND, State.WARNING, f"{shown}, before the last moment served", _SET),
        (
            patient.running and known is not None and now - known > _LATE,
            State.WARNING,
            f"{shown}; the service believes no later moment than {_moment(known)}",
            "the clock has leapt, or the jobs do not run: look at the log",
        ),
        (True, State.OK, shown, ""),
    )
    yield next(Finding("clock", state, found, mend) for applies, state, found, mend in rows if applies)


_CONFIRM = "see that the machine's clock is right, then run 'ladocs clock confirm'"
_SET = "set the machine's clock, best by NTP"


def _disks(patient: _Patient) -> _Findings:
    home = patient.home
    seen: set[int] = set()
    for folder in (home.path, home.store_dir, home.keys_dir):
        device = folder.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        state = os.statvfs(folder)
        said = f"{folder}: {100 * state.f_bavail // max(1, state.f_blocks)} % are free"
        yield Finding("disk", _ROOM[room_at(folder)], said, "" if room_at(folder) is Room.ENOUGH else "make room")


_ROOM = {Room.ENOUGH: State.OK, Room.ALARM: State.WARNING, Room.REFUSE: State.WRONG}


def _certificate(patient: _Patient) -> _Findings:
    file = Secrets(patient.home.secrets_dir).path(TLS_CERTIFICATE)
    certificate = x509.load_pem_x509_certificates(file.read_bytes())[0]
    left = certificate.not_valid_after_utc - patient.now
    said = f"it is good until {_moment(certificate.not_valid_after_utc)}"
    mend = f"put a new one, with its chain, into {file}, its key beside it, and restart the service"
    host = urlsplit(patient.settings.service.url or "").hostname
    if left <= timedelta(0):
        yield Finding("certificate", State.WRONG, said.replace("is good", "was good"), mend)
    elif host is not None and not _names(certificate, host):
        yield Finding("certificate", State.WRONG, f"it does not name {host}, the host of service.url", mend)
    elif certificate.issuer == certificate.subject:
        yield Finding("certificate", State.WARNING, f"{said}, and signed by itself: browsers and drives warn", mend)
    else:
        yield Finding("certificate", State.WARNING if left < _RENEW else State.OK, said, mend if left < _RENEW else "")


def _names(certificate: x509.Certificate, host: str) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    try:
        return ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        wild = f"*.{host.partition('.')[2]}"
        return {host, wild} & {name.lower() for name in names.get_values_for_type(x509.DNSName)} != set()


def _server(patient: _Patient) -> _Findings:
    if patient.running:
        yield Finding("server", State.OK, "somebody serves this home")
    else:
        yield Finding("server", State.WARNING, "nobody serves this home", "run 'ladocs serve'")


def _address(patient: _Patient) -> _Findings:
    if patient.settings.service.url is not None:
        yield Finding("address", State.OK, f"links in mails begin {patient.url}/")
    else:
        said = f"links in mails begin {patient.url}/, which opens on this machine alone"
        yield Finding("address", State.WARNING, said, "set service.url to the address by which people reach it")


def _terms(patient: _Patient) -> _Findings:
    terms = patient.settings.terms
    if terms and max(term.last for term in terms) < london_date(patient.now):
        said = "every term of the settings is over"
        yield Finding("terms", State.WARNING, said, "enter the terms of this school year, and the next one's")
    else:
        yield Finding("terms", State.OK, f"{len(terms)} are set" if terms else "none: every weekday is a school day")


def _agreement(patient: _Patient) -> _Findings:
    read = {text.version: text for text in agreement_texts.texts(patient.settings.agreement)}
    with _reading(patient.settings.main_url(patient.home.path), Which.MAIN) as connection:
        agreement_texts.unseen(connection, tuple(read.values()))
        current = agreement.rules(connection, patient.settings, patient.now).current
        without = sum(one.cause is Cause.NO_AGREEMENT for one in order.orders(connection, patient.now).values())
    if current is None:
        said = "no version has come into force yet, so no school has documents"
        yield Finding("agreement", State.WARNING, said, "list one in agreement.versions that is from an earlier day")
    elif read[current].is_specimen:
        said = f"{current}, the version in force, is a specimen"
        yield Finding("agreement", State.WARNING, said, "put the council's own text in its place: agreement.versions")
    else:
        yield Finding("agreement", State.OK, f"{current} is in force")
    if without:
        said = f"{without} schools have no agreement in force, and no documents"
        yield Finding("agreement", State.WARNING, said, "see 'ladocs agreement list --order suspended'")


def _mail_server(patient: _Patient) -> _Findings:
    server = mail_server(patient.settings, patient.url)
    if server is None:
        folder = patient.settings.mail.folder
        new = folder / "new"
        count = sum(1 for _ in new.iterdir()) if new.is_dir() else 0
        said = f"no mail server is set: mails lie in {folder} ({count} new)"
        yield Finding("mail server", State.WARNING, said, "set mail.server, or pass them on by hand")
    else:
        yield _tried(replace(server, timeout=min(server.timeout, _MAIL_SECONDS)))


def _tried(server: MailServer) -> Finding:
    with closing(Smtp(server)) as smtp:
        try:
            smtp.connect()
        except OutOfReach as exc:
            mend = exc.mend or "see that it runs, and that mail.server, mail.port and mail.security are right"
            return Finding("mail server", State.WRONG, exc.what, mend)
    how = {"starttls": "with STARTTLS", "tls": "with TLS", "none": "in clear, on this machine"}[server.security]
    who = f", and accepts {server.username}" if server.username is not None else ""
    return Finding("mail server", State.OK, f"{server.host} port {server.port} answers {how}{who}")


def _mails(patient: _Patient) -> _Findings:
    now = patient.now
    with _reading(patient.settings.main_url(patient.home.path), Which.MAIN) as connection:
        standing = outbox.standing(connection, now - _LOST_SINCE)
    said = f"{standing.waiting} wait, {standing.late} of them tried in vain; {standing.given_up} given up in two weeks"
    if standing.oldest is not None:
        said += f"; the oldest is of {_moment(standing.oldest)}"
    if standing.trouble:
        said += f"; the last trouble: {standing.trouble}"
    waited = timedelta(0) if standing.oldest is None else now - standing.oldest
    rows = (
        (waited > _A_DAY, State.WRONG, "look at the rows of the mail server and of the server, and mend those"),
        (standing.given_up > 0, State.WARNING, "mend the address, then send it anew ('ladocs account invite')"),
        (standing.late > 0, State.WARNING, "wait: it is tried again, for two days"),
        (waited > _LATE, State.WARNING, "mails leave while 'ladocs serve' runs"),
        (True, State.OK, ""),
    )
    yield next(Finding("mails", state, said, mend) for applies, state, mend in rows if applies)


def _jobs(patient: _Patient) -> _Findings:
    with _reading(patient.settings.main_url(patient.home.path), Which.MAIN) as connection:
        runs = newest(connection)
    for job, schedule in TIMETABLE.items():
        state, said, mend = _job(runs.get(job), schedule.last(patient.now), patient)
        yield Finding("jobs", state, f"{job}: {said}", mend)


def _job(run: Any, due: datetime, patient: _Patient) -> tuple[State, str, str]:
    if run is None:
        if not patient.running:
            return State.OK, "it has never been done", ""
        return State.WARNING, "it has never been done", "look at the log: it is done while 'ladocs serve' runs"
    standing, begun, ended = state_of(run, patient.now), _moment(run.begun_at), _moment(run.ended_at)
    if standing is RunState.FAILED:
        said = f"it failed at {ended}, {run.attempts} times by now: {run.trouble}"
        return State.WRONG, said, f"it is tried again at {_moment(run.retry_at)}; the log says more"
    if standing is RunState.WAITS:
        what, _, mend = run.trouble.partition(": ")
        return State.WARNING, f"at {ended} it was left to a person: {what}", mend
    if standing is RunState.SILENT:
        return State.WARNING, f"it was broken off; it had begun at {begun}", "it is taken up while 'ladocs serve' runs"
    if standing is RunState.RUNNING:
        far = f", {run.done:,} of {run.total:,} done" if run.total else ""
        return State.OK, f"it has run since {begun}{far}", ""
    if run.due_at < due and patient.now - due > _LATE:
        said = f"it was done last at {ended}, and was due at {_moment(due)}"
        return State.WARNING, said, "jobs are done while 'ladocs serve' runs"
    return State.OK, f"done at {ended}", ""


_CHECKS: Mapping[str, Callable[[_Patient], _Findings]] = {
    "secrets": _secrets,
    "database": _main_database,
    "record": _record_database,
    "checkpoints": _checkpoints,
    "keys": _keys,
    "key holders": _key_holders,
    "clock": _clock,
    "jobs": _jobs,
    "disk": _disks,
    "certificate": _certificate,
    "server": _server,
    "address": _address,
    "terms": _terms,
    "agreement": _agreement,
    "mail server": _mail_server,
    "mails": _mails,
}


@contextmanager
def _reading(url: str, which: Which) -> Iterator[Connection]:
    check(url, which)  # first of all: SQLite would make a database that is missing
    database = Database(url)
    try:
        with database.read() as connection:
            yield connection
    finally:
        database.dispose()


def _moment(at: datetime | None) -> str:
    return "-" if at is None else at.astimezone(LONDON).strftime("%Y-%m-%d %H:%M")
