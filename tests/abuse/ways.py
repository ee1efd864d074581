"""Every way in, each tried from outside on one household at a running server, and what came of it.

What comes of a trial is in, not accepted, ended, or else the sentence that was told. Each trial comes from an address
of its own, where nobody is trusted; one that follows up what was done before the change comes from where that was done.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import paramiko

from auth.principal import Door, Factor, Kind
from policy.access import OBSTACLES
from tests.abuse.residents import Household, Resident, Standing, Street
from tests.support.browser import Browser, Shown
from tests.support.county import HOST, County
from tests.support.drives import DavDrive
from tests.support.story import Person

_TIMEOUT = 30.0
_PASSWORD, _CODE = "Password:", "One-time code:"
_INTERACTIVE = ["keyboard-interactive"]
_NO_REASON = "This key was not accepted."
PEOPLE = 5


class Outcome(StrEnum):
    """What came of trying, where no reason was told."""

    IN = "in"
    NOT_ACCEPTED = "not accepted"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class Before:
    """What a household left open: sessions of the first of its people and of its script, and the page of the third."""

    person: paramiko.SFTPClient
    script: paramiko.SFTPClient
    cookie: str

    @classmethod
    @contextmanager
    def of(cls, county: County, standing: Standing, household: Household) -> Iterator[Before]:
        """Come in by every door while all is in order; the first and the fourth are trusted from now on."""
        first, _, third, fourth, _ = (resident.person for resident in household.people)
        script, place = household.script.person, earlier(standing)
        assert _drive(county, first.username, first.device, place) is Outcome.IN
        code = {_CODE: lambda: county.code(fourth)}
        assert _sign_in(county, place, fourth, _by_key(fourth), code) is Outcome.IN
        with (
            closing(Browser(county, place)) as browser,
            _ssh(county, place) as by_person,
            _ssh(county, place) as by_script,
        ):
            assert browser.sign_in(third.username, third.password, county.code(third)).status == 303
            answers = {_PASSWORD: first.password, _CODE: county.code(first)}
            by_person.auth_interactive(first.username, lambda _, __, asked: [answers[prompt] for prompt, _ in asked])
            _by_key(script)(by_script)
            yield cls(person=_opened(by_person), script=_opened(by_script), cookie=browser.cookie)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A household, what is still open from before its standing changed, and an address of this trial's own."""

    county: County
    street: Street
    standing: Standing
    before: Mapping[Standing, Before]
    place: str

    @property
    def household(self) -> Household:
        return self.street[self.standing]

    @property
    def earlier(self) -> str:
        """Where the first of the people signed in before."""
        return earlier(self.standing)

    def resident(self, number: int) -> Resident:
        """One of the people. Two codes of each can be used within half a minute."""
        return self.household.people[number]

    def person(self, number: int) -> Person:
        """One of the people."""
        return self.resident(number).person

    @property
    def script(self) -> Person:
        return self.household.script.person


@dataclass(frozen=True, kw_only=True)
class Way:
    """A door, who comes by it, what is shown there, and the trying."""

    door: Door
    kind: Kind = Kind.PERSON
    shown: frozenset[Factor]
    tried: Callable[[Trial], str]


def earlier(standing: Standing) -> str:
    """The address from which the first of a household signs in while all is in order."""
    return f"127.100.0.{list(Standing).index(standing) + 1}"


# --- SFTP

_Answers = Mapping[str, Callable[[], str]]


class _NothingToSayError(Exception):
    """A prompt to which whoever tries has no answer."""


def _password_then_code(at: Trial) -> str:
    who = at.person(1)
    by_password = lambda transport: transport.auth_password(who.username, who.password, fallback=False)
    return _sign_in(at.county, at.place, who, by_password, {_CODE: lambda: at.county.code(who)})


def _prompts(at: Trial) -> str:
    who = at.person(1)
    answers = {_PASSWORD: lambda: who.password, _CODE: lambda: at.county.code(who)}
    return _sign_in(at.county, at.place, who, lambda _: _INTERACTIVE, answers)


def _key_then_code(at: Trial) -> str:
    who = at.person(0)
    return _sign_in(at.county, at.place, who, _by_key(who), {_CODE: lambda: at.county.code(who)})


def _key_alone(at: Trial) -> str:
    who = at.person(1)
    return _sign_in(at.county, at.place, who, _by_key(who), {})


def _script_key(at: Trial) -> str:
    return _sign_in(at.county, at.place, at.script, _by_key(at.script), {})


def _trusted_password(at: Trial) -> str:
    who = at.person(0)
    return _sign_in(at.county, at.earlier, who, lambda _: _INTERACTIVE, {_PASSWORD: lambda: who.password})


def _drive_password_over_sftp(at: Trial) -> str:
    who = at.person(1)
    by_password = lambda transport: transport.auth_password(who.username, who.device, fallback=False)
    return _sign_in(at.county, at.place, who, by_password, {})


def _trusted_key(at: Trial) -> str:
    who = at.person(3)
    return _sign_in(at.county, at.earlier, who, _by_key(who), {})


def _session_of(client: paramiko.SFTPClient) -> str:
    try:
        client.listdir("/")
    except (OSError, EOFError, paramiko.SSHException):
        return Outcome.ENDED
    return Outcome.IN


def _by_key(person: Person) -> Callable[[paramiko.Transport], list[str]]:
    return lambda transport: transport.auth_publickey(person.username, paramiko.Ed25519Key(filename=str(person.key)))


def _sign_in(
    county: County, place: str, who: Person, first: Callable[[paramiko.Transport], list[str]], answers: _Answers
) -> str:
    """What `first` comes to, and `answers` to the prompts that follow it."""
    told: list[str] = []

    def answer(title: str, text: str, asked: list[tuple[str, bool]]) -> list[str]:
        told.extend(filter(None, [text]))
        if any(prompt not in answers for prompt, _ in asked):
            raise _NothingToSayError
        return [answers[prompt]() for prompt, _ in asked]

    with _ssh(county, place) as transport:
        try:
            if first(transport) and answers:
                transport.auth_interactive(who.username, answer)
        except (paramiko.SSHException, _NothingToSayError):
            banner = transport.get_banner()
            told.extend([] if banner is None else [banner.decode()])
        if transport.is_authenticated():
            assert _opened(transport).listdir("/") is not None
            return Outcome.IN
        return Outcome.NOT_ACCEPTED if not told or told[0].strip() == _NO_REASON else told[0]


def _opened(transport: paramiko.Transport) -> paramiko.SFTPClient:
    client = paramiko.SFTPClient.from_transport(transport)
    assert client is not None
    return client


@contextmanager
def _ssh(county: County, place: str) -> Iterator[paramiko.Transport]:
    with closing(_connected(county, place)) as transport:
        yield transport


def _connected(county: County, place: str) -> paramiko.Transport:
    """A connection from `place` on which nobody has signed in."""
    raw = socket.create_connection((HOST, county.sftp_port), timeout=_TIMEOUT, source_address=(place, 0))
    transport = paramiko.Transport(raw)
    transport.start_client(timeout=_TIMEOUT)
    key = transport.get_remote_server_key()
    assert f"{key.get_name()} {key.get_base64()}" == county.host_key
    return transport


# --- WebDAV


def _drive(county: County, username: str, password: str, place: str) -> str:
    """The root of the drive, asked for from `place`."""
    with closing(DavDrive(county, username, password, place)) as opened:
        status, _, body = opened.ask("PROPFIND", "/", {"Depth": "0"})
    if status == 403:
        return body.decode()
    assert status in (207, 401), status
    return Outcome.IN if status == 207 else Outcome.NOT_ACCEPTED


def _drive_of(who: Person, place: str, at: Trial) -> str:
    return _drive(at.county, who.username, who.device, place)


# --- the pages


def _page(who: Callable[[Trial], Person], code: Callable[[Trial], str]) -> Callable[[Trial], str]:
    def tried(at: Trial) -> str:
        with closing(Browser(at.county, at.place)) as browser:
            person = who(at)
            answer = browser.sign_in(person.username, person.password or "the script has none", code(at))
            return _outcome(browser.get("account") if answer.status == 303 else answer)

    return tried


def _open_page(at: Trial) -> str:
    with closing(Browser(at.county, at.earlier, at.before[at.standing].cookie)) as browser:
        shown = browser.get("account")
    return Outcome.ENDED if shown.status == 303 else _outcome(shown)


def _reset_link(at: Trial) -> str:
    """Whether the link still lets its holder choose a password."""
    chosen = f"wintry orchard {at.standing.word}"
    with closing(Browser(at.county, at.place)) as browser:
        shown = browser.post(f"link/{at.resident(4).link}/password", new=chosen, again=chosen)
    assert shown.status in (200, 410), shown.words
    return Outcome.IN if shown.status == 200 else Outcome.ENDED


def _outcome(shown: Shown) -> str:
    if shown.status == 200:
        return Outcome.IN
    assert shown.status == 403, shown.words
    told = [sentence for sentence in OBSTACLES.values() if sentence in shown.words]
    return told[0] if told else Outcome.NOT_ACCEPTED


def _shown(*factors: Factor) -> frozenset[Factor]:
    return frozenset(factors)


_KEY, _SECRET, _TOTP, _DEVICE = Factor.PUBLIC_KEY, Factor.PASSWORD, Factor.TOTP, Factor.DEVICE_PASSWORD
_SFTP, _WEBDAV, _PAGES, _SCRIPT = Door.SFTP, Door.WEBDAV, Door.PORTAL, Kind.SERVICE

WAYS: Mapping[str, Way] = MappingProxyType(
    {
        "password, code": Way(door=_SFTP, shown=_shown(_SECRET, _TOTP), tried=_password_then_code),
        "prompts": Way(door=_SFTP, shown=_shown(_SECRET, _TOTP), tried=_prompts),
        "key, code": Way(door=_SFTP, shown=_shown(_KEY, _TOTP), tried=_key_then_code),
        "key alone": Way(door=_SFTP, shown=_shown(_KEY), tried=_key_alone),
        "drive's password": Way(door=_SFTP, shown=_shown(_DEVICE), tried=_drive_password_over_sftp),
        "trusted password": Way(door=_SFTP, shown=_shown(_SECRET, Factor.TRUST), tried=_trusted_password),
        "trusted key": Way(door=_SFTP, shown=_shown(_KEY, Factor.TRUST), tried=_trusted_key),
        "script's key": Way(door=_SFTP, kind=_SCRIPT, shown=_shown(_KEY), tried=_script_key),
        "drive": Way(door=_WEBDAV, shown=_shown(_DEVICE), tried=lambda at: _drive_of(at.person(1), at.place, at)),
        "script's drive": Way(
            door=_WEBDAV, kind=_SCRIPT, shown=_shown(_DEVICE), tried=lambda at: _drive_of(at.script, at.place, at)
        ),
        "remembered drive": Way(
            door=_WEBDAV, shown=_shown(_DEVICE), tried=lambda at: _drive_of(at.person(0), at.earlier, at)
        ),
        "drive, password": Way(
            door=_WEBDAV,
            shown=_shown(_SECRET),
            tried=lambda at: _drive(at.county, at.person(1).username, at.person(1).password, at.place),
        ),
        "open session": Way(
            door=_SFTP, shown=_shown(_SECRET, _TOTP), tried=lambda at: _session_of(at.before[at.standing].person)
        ),
        "script's session": Way(
            door=_SFTP, kind=_SCRIPT, shown=_shown(_KEY), tried=lambda at: _session_of(at.before[at.standing].script)
        ),
        "page": Way(
            door=_PAGES,
            shown=_shown(_SECRET, _TOTP),
            tried=_page(lambda at: at.person(2), lambda at: at.county.code(at.person(2))),
        ),
        "page, recovery code": Way(
            door=_PAGES,
            shown=_shown(_SECRET, Factor.RECOVERY_CODE),
            tried=_page(lambda at: at.person(2), lambda at: at.resident(2).recovery),
        ),
        "script's page": Way(
            door=_PAGES,
            kind=_SCRIPT,
            shown=_shown(_SECRET, _TOTP),
            tried=_page(lambda at: at.script, lambda _: "123456"),
        ),
        "reset link": Way(door=_PAGES, shown=_shown(), tried=_reset_link),
        "open page": Way(door=_PAGES, shown=_shown(_SECRET, _TOTP), tried=_open_page),
    }
)
