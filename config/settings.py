"""The settings: one frozen object, of `ladocs.toml` and `LADOCS_…` variables, checked whole before anything starts.

Made by the commands, handed down as a value. Each setting says what it means, its unit and a good value:
docs/settings.md is made of that. Immutable, thread-safe. Raises only OperatorError (status 2): whatever is unknown,
missing, empty or wrong stops the start with its name and a value that would do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from config import reading
from config.defaults import CATEGORIES, GIB, KIB, MIB, OWN_WORDS
from config.home import settings_file

Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+\Z")]  # it stands in headers and in sentences of one line
Network = IPv4Network | IPv6Network


def _setting(meaning: str, good: str, *, unit: str = "", default: Any = ..., shown: str = "", **limits: Any) -> Any:
    """A field. `good` is a TOML value that would do; `shown` is the default in words, where it is no constant."""
    extra: JsonDict = {"good": good, "unit": unit, "shown": shown}
    if callable(default):
        return Field(default_factory=default, description=meaning, json_schema_extra=extra, **limits)
    return Field(default, description=meaning, json_schema_extra=extra, **limits)


def _off(value: object) -> object:
    return None if value == "off" else value


class Section(BaseModel):
    """A table of the settings file. Nothing unknown is let in and nothing changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, regex_engine="python-re")


class Service(Section):
    """What this installation is called."""

    name: Line = _setting("Name of the service in pages, mails, refusals and banners.", '"LA Documents"')
    url: str | None = _setting(
        "Address of this server as people reach it, for the links in mails.",
        '"https://documents.derbyshire.gov.uk"',
        default=None,
        shown="`https://localhost` with the port of HTTPS",
        pattern=r"^https://[^\s/]+\Z",
    )


class Support(Section):
    """Whom people ask. Stands in every page, mail, refusal and in the SSH banner after sign-in."""

    name: Line = _setting("Team that runs the service.", '"Children\'s Services web team"')
    phone: Line = _setting("Its telephone number.", '"01629 536797"')
    mail: str = _setting("Its mail address.", '"cs.web@derbyshire.gov.uk"', pattern=r"^[^@\s]+@[^@\s]+\Z")
    hours: Line = _setting("When it answers.", '"Monday to Friday, 9:00 to 17:00"')


class Keys(Section):
    """Where the vault's keys lie: a volume of its own, in no snapshot and no backup."""

    dir: Path = _setting("Folder of the root key and the key box; a relative path starts at the home.", '"/srv/keys"')


class DatabaseSection(Section):
    """The databases, as SQLAlchemy URLs."""

    url: str | None = _setting(
        "The main database.", '"postgresql://ladocs@db/ladocs"', default=None, shown="`ladocs.db` in the home (SQLite)"
    )
    record_url: str | None = _setting(
        "The database of the record.",
        '"postgresql://ladocs@db/record"',
        default=None,
        shown="`record.db` in the home with SQLite, else `database.url`",
    )


class Serve(Section):
    """Where the doors are. Port 0 takes any free one."""

    sftp_host: str = _setting("Address on which SFTP is served.", '"0.0.0.0"', default="127.0.0.1")
    sftp_port: Port = _setting("Port of SFTP.", "2222", default=2222)
    https_host: str = _setting("Address on which HTTPS is served.", '"0.0.0.0"', default="127.0.0.1")
    https_port: Port = _setting("Port of HTTPS.", "8443", default=8443)
    http_host: str = _setting(
        "Address of plain HTTP: loopback, or where a trusted proxy asks.", '"127.0.0.1"', default="127.0.0.1"
    )
    http_port: Annotated[Port | None, BeforeValidator(_off)] = _setting(
        'Port of plain HTTP, or "off".', "8080", default=None, shown='`"off"`'
    )
    sftp_processes: Count = _setting(
        "Processes that serve SFTP.", "4", default=lambda: len(os.sched_getaffinity(0)), shown="one per processor"
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        "Networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.", '["10.0.0.5/32"]', default=()
    )

    @model_validator(mode="after")
    def _plain_http_stays_inside(self) -> Self:
        loopback = self.http_host in ("127.0.0.1", "::1", "localhost")
        if self.http_port is not None and not loopback and not self.trusted_proxies:
            raise ValueError("serve.http_host: plain HTTP is for loopback or a trusted proxy: set it to 127.0.0.1")
        return self


class Ssh(Section):
    """SFTP's transport."""

    cipher_offer: Literal["auto", "all", "strict"] = _setting(
        "Ciphers offered: `strict` AES-GCM and ChaCha20, `all` AES-CTR too, `auto` all, but AES-GCM alone to OpenSSH.",
        '"auto"',
        default="auto",
    )


class Http(Section):
    """How much, how many and how long at the HTTP door."""

    threads: Count = _setting(
        "Threads that serve requests; a quarter of them may be busy before sign-in.", "96", default=96
    )
    lobby_per_prefix: Count = _setting("Of those before sign-in, how many for one address prefix.", "8", default=8)
    keep_alive_connections: Count = _setting("Idle connections kept open.", "240", default=240)
    keep_alive_seconds: Seconds = _setting("How long an idle connection is kept.", "60", unit="s", default=60.0)
    backlog: Count = _setting("Connections that may wait to be accepted.", "128", default=128)
    handshake_seconds: Seconds = _setting("Longest TLS handshake.", "5", unit="s", default=5.0)
    header_seconds: Seconds = _setting("Longest wait for a whole request head.", "10", unit="s", default=10.0)
    body_seconds: Seconds = _setting("Longest wait for a whole request body.", "10", unit="s", default=10.0)
    header_bytes: Count = _setting("Largest request head.", "16384", unit="bytes", default=16 * KIB)
    body_bytes: Count = _setting("Largest request body.", "65536", unit="bytes", default=64 * KIB)
    rate_bytes: Count = _setting(
        "What a response must move in `http.rate_seconds`.", "983040", unit="bytes", default=60 * 16 * KIB
    )
    rate_seconds: Seconds = _setting("The time in which `http.rate_bytes` must move.", "60", unit="s", default=60.0)
    requests_per_account: Count = _setting("Running requests of one account.", "8", default=8)


class Limits(Section):
    """What one person, one address and strangers together may take."""

    unauthenticated_connections: Count = _setting(
        "Connections before sign-in, for each process; beyond, some are dropped at random.", "512", default=512
    )
    unauthenticated_per_address: Count = _setting(
        "Of these, how many from one address (a whole school is behind one).", "64", default=64
    )
    sign_in_seconds: Seconds = _setting(
        "Longest SFTP sign-in: time to find a telephone.", "120", unit="s", default=120.0
    )
    first_message_seconds: Seconds = _setting("Longest wait for the first SSH message.", "20", unit="s", default=20.0)
    person_connections: Count = _setting("Connections of one person at a time.", "16", default=16)
    service_connections: Count = _setting("Connections of one service account at a time.", "32", default=32)
    channels: Count = _setting("SSH channels in one connection.", "4", default=4)
    handles: Count = _setting("Open handles in one SFTP session.", "64", default=64)
    send_buffer_bytes: Count = _setting(
        "Answers waiting for one SFTP client before its next read waits.", "2097152", unit="bytes", default=2 * MIB
    )
    stall_seconds: Seconds = _setting(
        "How long an SFTP client may take nothing of what waits.", "60", unit="s", default=60.0
    )
    argon2_at_once: Count = _setting("Password checks at a time, for each process.", "2", default=2)
    argon2_queue: Count = _setting("Password checks that may wait; beyond, sign-in is refused.", "64", default=64)


class Auth(Section):
    """Signing in."""

    mfa_trust_hours: Annotated[float, Field(ge=0, le=24)] = _setting(
        "How long a good code spares the next connection from the same place; 0 asks every time.",
        "10",
        unit="h",
        default=10.0,
    )
    shared_networks: tuple[Network, ...] = _setting(
        "Networks that strangers share, from which every sign-in is asked for its code: a library's, a hotel's.",
        '["198.51.100.0/24"]',
        default=(),
    )
    page_idle_minutes: Annotated[int, Field(ge=5, le=120)] = _setting(
        "How long a browser may lie idle before it has to sign in again.", "30", unit="min", default=30
    )
    page_hours: Annotated[int, Field(ge=1, le=24)] = _setting(
        "How long a browser stays signed in at most: a working day.", "10", unit="h", default=10
    )


class Password(Section):
    """What a password must be. The defaults can be raised, not lowered."""

    minimum: Annotated[int, Field(ge=12, le=64)] = _setting("Shortest password.", "12", unit="characters", default=12)
    minimum_staff: Annotated[int, Field(ge=15, le=64)] = _setting(
        "Shortest password of the authority's own people.", "15", unit="characters", default=15
    )
    maximum: Annotated[int, Field(ge=128, le=1024)] = _setting(
        "Longest password.", "128", unit="characters", default=128
    )
    memory_kib: Annotated[int, Field(ge=19 * KIB)] = _setting(
        "Argon2id's memory.", "19456", unit="KiB", default=19 * KIB
    )
    passes: Annotated[int, Field(ge=2)] = _setting("Argon2id's passes.", "2", default=2)
    lanes: Annotated[int, Field(ge=1)] = _setting("Argon2id's lanes.", "1", default=1)
    own_words: tuple[str, ...] = _setting(
        "The authority's own words, of which a password may not consist.", '["Derbyshire"]', default=OWN_WORDS
    )
    guidance_url: str | None = _setting(
        "Page of the council about passwords, linked where one is chosen.",
        '"https://www.derbyshire.gov.uk/passwords"',
        default=None,
        shown="none",
        pattern=r"^https://\S+$",
    )


class Months(Section):
    """Which months the tree holds."""

    window: Literal["rolling", "calendar-year", "academic-year"] = _setting(
        "`rolling`: this month and the three before; `calendar-year`: nothing from before 1 January; `academic-year`:"
        " nothing from before 1 September. Acts on new publications alone.",
        '"rolling"',
        default="rolling",
    )


class Publish(Section):
    """What may be published."""

    max_bytes: Annotated[int, Field(ge=1, lt=2**31)] = _setting(
        "Largest document.", "1073741824", unit="bytes", default=GIB
    )


class Drive(Section):
    """What people see beside their documents."""

    about: bool = _setting("Whether `About this drive.txt` stands in people's root folder.", "true", default=True)


class Audit(Section):
    """The record."""

    keep: Annotated[int, Field(ge=24)] = _setting(
        "How long the contents of a record are kept; its fingerprint stays.", "24", unit="months", default=24
    )
    timeout_seconds: Annotated[float, Field(gt=0, le=10)] = _setting(
        "How long a reader waits for the record before being refused.", "2", unit="s", default=2.0
    )
    checkpoint_file: Path | None = _setting(
        "File to which each checkpoint is added, best where the server can add and not change: another machine's mount,"
        " `chattr +a`. A relative path starts at the home.",
        '"/mnt/witness/ladocs.checkpoints"',
        default=None,
        shown="none",
    )
    checkpoint_syslog: str | None = _setting(
        "Syslog server to which each checkpoint is sent over TLS (RFC 5425), with its port unless that is 6514.",
        '"logs.derbyshire.gov.uk"',
        default=None,
        shown="none",
        pattern=r"^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[1-9][0-9]{0,4})?\Z",
    )
    checkpoint_ca: Path | None = _setting(
        "File (PEM) of the authority that signed its certificate; a relative path starts at the home.",
        '"/etc/ssl/council-ca.pem"',
        default=None,
        shown="those that this machine trusts",
    )


class Addresses(Section):
    """Mail addresses that stand for no single person, beside those that the program knows."""

    role_mailboxes: tuple[str, ...] = _setting(
        "More local parts that are a role's, without dots, hyphens and digits.", '["headspa"]', default=()
    )
    private_domains: tuple[str, ...] = _setting("More domains of private mail.", '["mail.example"]', default=())


class Mail(Section):
    """How mail leaves. Without a server each mail is put into a folder, for those who have none."""

    server: str | None = _setting(
        "The mail server.", '"smtp.derbyshire.gov.uk"', default=None, shown="none: mails go to `mail.folder`"
    )
    port: Annotated[int, Field(ge=1, le=65535)] = _setting("Its port.", "587", default=587)
    security: Literal["starttls", "tls", "none"] = _setting(
        "How the way to it is encrypted: `starttls`, `tls` from the first byte, or `none`, on this machine alone.",
        '"starttls"',
        default="starttls",
    )
    username: str | None = _setting("Name to sign in to it with.", '"ladocs"', default=None, shown="none: no sign-in")
    password_file: Path | None = _setting(
        "File, readable by its owner alone, that holds the password; a relative path starts at the home.",
        '"secrets/mail-password"',
        default=None,
        shown="none",
    )
    sender: str | None = _setting(
        "Address that mails come from.",
        '"noreply@derbyshire.gov.uk"',
        default=None,
        shown="`support.mail`",
        pattern=r"^[^@\s]+@[^@\s]+\Z",
    )
    folder: Path = _setting(
        "Maildir in which mails are put where there is no server; a relative path starts at the home.",
        '"mail"',
        default=Path("mail"),
        shown="`mail` in the home",
    )
    per_minute: Count = _setting("Mails that leave in a minute at most: invitations go in batches.", "60", default=60)
    timeout_seconds: Seconds = _setting("How long the server may take for an answer.", "20", unit="s", default=20.0)

    @model_validator(mode="after")
    def _nothing_in_clear(self) -> Self:
        if self.security == "none" and self.server not in (None, "localhost", "127.0.0.1", "::1"):
            raise ValueError('mail.security: none is for a server on this machine: set it to "starttls"')
        if (self.username is None) != (self.password_file is None):
            raise ValueError("mail.username and mail.password_file go together: give both or neither")
        return self


class AgreementText(Section):
    """A version of the agreement: from which day it is in force, and the file that holds its text."""

    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,39}\Z")]
    in_force_on: date = Field(alias="from")
    file: Path


_SPECIMEN_FILE = Path(__file__).with_name("specimen-1.md")
SPECIMEN = AgreementText.model_validate({"version": "specimen-1", "from": date(2025, 1, 1), "file": _SPECIMEN_FILE})
"""The version that is shipped, for those who have no text of their own yet."""


class Agreement(Section):
    """The information sharing agreement, without which a school has no documents."""

    versions: tuple[AgreementText, ...] = _setting(
        "The versions of the text in the order of their days, each with the file that holds it (Markdown; a relative"
        " path starts at the home). What is not listed any more counts as older than all that are.",
        '[{ version = "2026-1", from = 2026-09-01, file = "agreements/2026-1.md" }]',
        default=(SPECIMEN,),
        shown="the specimen that is shipped",
        min_length=1,
    )
    school_days: Annotated[int, Field(ge=5, le=60)] = _setting(
        "How long a school may take to sign a new version before it has no documents.",
        "30",
        unit="school days",
        default=30,
    )

    @model_validator(mode="after")
    def _one_after_the_other(self) -> Self:
        names = [text.version.casefold() for text in self.versions]
        days = [text.in_force_on for text in self.versions]
        for number, text in enumerate(self.versions):
            if text.version.casefold() in names[:number]:
                raise ValueError(f"agreement.versions: two versions are called {text.version}: call one 2026-2")
            if number and days[number] <= days[number - 1]:
                before = self.versions[number - 1].version
                raise ValueError(f"agreement.versions: {text.version} is not from a later day than {before}: put it so")
        return self


class Review(Section):
    """Access reviews: each term the headteacher confirms or removes every account, key and device password."""

    due_school_days: Annotated[int, Field(ge=5, le=60)] = _setting(
        "How long after its opening a review is due.", "20", unit="school days", default=20
    )
    suspend_school_days: Annotated[int, Field(ge=5, le=120)] = _setting(
        "How long after its due day what `review.overdue` says is suspended.", "30", unit="school days", default=30
    )
    overdue: Literal["suspend-unused", "suspend"] = _setting(
        "What is suspended when a review is so late: `suspend-unused` what nobody has used for 90 days, `suspend` all"
        " but the headteacher.",
        '"suspend-unused"',
        default="suspend-unused",
    )


class Term(Section):
    """A term of the schools' year."""

    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("terms: a term ends after it has begun: { first = 2026-09-02, last = 2026-12-18 }")
        return self


class Settings(Section):
    """All settings of one installation."""

    service: Service
    support: Support
    keys: Keys
    database: DatabaseSection = DatabaseSection()
    serve: Serve = Field(default_factory=Serve)
    ssh: Ssh = Ssh()
    http: Http = Http()
    limits: Limits = Limits()
    auth: Auth = Auth()
    password: Password = Password()
    months: Months = Months()
    categories: tuple[str, ...] = _setting(
        "Names of the categories, in their order. Add at will; one that is left out comes last, with the documents it"
        " has.",
        '["General", "SEND"]',
        default=CATEGORIES,
        min_length=1,
    )
    publish: Publish = Publish()
    drive: Drive = Drive()
    audit: Audit = Audit()
    addresses: Addresses = Addresses()
    mail: Mail = Mail()
    agreement: Agreement = Agreement()
    review: Review = Review()
    terms: tuple[Term, ...] = _setting(
        "The terms, first and last day each: school days are their Mondays to Fridays.",
        "[{ first = 2026-09-02, last = 2026-12-18 }]",
        default=(),
        shown="none: every Monday to Friday is a school day",
    )
    operators: Annotated[Mapping[str, str], AfterValidator(MappingProxyType)] = _setting(
        "Who may give commands: each user of this machine with the short name of the account that acts.",
        '{ amy = "amy.officer" }',
        default=dict,
        shown="nobody",
    )

    @classmethod
    def load(cls, home_path: Path, environ: Mapping[str, str]) -> Settings:
        """The settings of the home at `home_path`, `LADOCS_…` variables of `environ` going first."""
        file = settings_file(home_path)
        return cls.of(reading.overlaid(reading.toml(file), environ), home_path)

    @classmethod
    def of(cls, values: Mapping[str, Any], home_path: Path = Path("/")) -> Settings:
        """Settings from plain data; relative paths start at `home_path`."""
        settings = reading.checked(cls, values)
        keys = settings.keys.model_copy(update={"dir": home_path / settings.keys.dir})
        secret = settings.mail.password_file
        places = {"folder": home_path / settings.mail.folder, "password_file": secret and home_path / secret}
        audit = settings.audit
        versions = [text.model_copy(update={"file": home_path / text.file}) for text in settings.agreement.versions]
        witnesses = {
            "checkpoint_file": audit.checkpoint_file and home_path / audit.checkpoint_file,
            "checkpoint_ca": audit.checkpoint_ca and home_path / audit.checkpoint_ca,
        }
        return settings.model_copy(
            update={
                "keys": keys,
                "mail": settings.mail.model_copy(update=places),
                "audit": audit.model_copy(update=witnesses),
                "agreement": settings.agreement.model_copy(update={"versions": tuple(versions)}),
            }
        )

    def main_url(self, home_path: Path) -> str:
        """The URL of the main database."""
        return self.database.url or f"sqlite:///{home_path}/ladocs.db"

    def record_url(self, home_path: Path) -> str:
        """The URL of the record's database."""
        if self.database.record_url is None and self.database.url and not self.database.url.startswith("sqlite"):
            return self.database.url
        return self.database.record_url or f"sqlite:///{home_path}/record.db"
