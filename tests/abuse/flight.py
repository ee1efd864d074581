"""Every flow of signing in, driven right and wrong over a real server, with each secret kept as a canary.

A person is added by command, activates by the mailed link and lives on the pages; others come by SFTP, by drive and by
recovery code; passwords and codes are reset and mailed; and all of it once more while a table is missing.
"""

from __future__ import annotations

import email
import email.policy
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import paramiko
from sqlalchemy import text

from auth.totp import code_at
from config.clock import SystemClock
from tests.abuse.canaries import Canaries
from tests.support.browser import Browser, Shown
from tests.support.county import HOST, County
from tests.support.databases import opened
from tests.support.drives import DavDrive
from tests.support.people import KEY
from tests.support.story import ASHBY, GENERAL, Person
from tests.support.waiting import until

NEWCOMER = "c.newcomer"
PAGES, FILES, DRIVES, LOST = "r.reader19", "r.reader18", "r.reader17", "r.reader20"
_LINK = re.compile(r"https?://[^\s\"<>]+/portal/link/([\w-]{43})")


@dataclass
class Flight:
    """A running server, the canaries so far, and what commands said. `shown` is what printed a secret on purpose."""

    county: County
    canaries: Canaries = field(default_factory=Canaries)
    said: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def all(self) -> None:
        """Each flow once."""
        for person in (self.county[name] for name in (PAGES, FILES, DRIVES, LOST)):
            self._know(person)
        self._activate()
        self._live_on_the_pages()
        self._new_authenticator()
        self._by_sftp(self.county[FILES])
        self._by_drive(self.county[DRIVES])
        self._reset()
        with self._a_table_is_missing("throttle_count"):
            self._in_vain()
        with self._a_table_is_missing("device"):
            self._told_of_a_fault("device", "add", DRIVES, "--name", "Lost PC")

    # --- by command and mail

    def ladocs(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command with tracebacks on; what it says is kept."""
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *arguments, "--home", str(self.county.home)],
            env={**os.environ, "LADOCS_DEBUG": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.said += [done.stdout, done.stderr]
        return done

    def mails(self) -> list[str]:
        """The texts of all mails that left so far, with their heads."""
        files = sorted((self.county.home / "mail" / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns)
        parsed = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
        return [
            "\n".join(
                [
                    *(f"{name}: {value}" for name, value in mail.items()),
                    *(str(part.get_content()) for part in mail.walk() if part.get_content_maintype() == "text"),
                ]
            )
            for mail in parsed
        ]

    def link(self, what: str) -> str:
        """The token of the link that is mailed next."""
        found: set[str] = set()

        def came() -> bool:
            found.update(token for mail in self.mails() for token in _LINK.findall(mail))
            return bool(found - self.canaries.links)

        assert until(came, 30), self.county.log()[-2000:]
        [token] = found - self.canaries.links
        return self.canaries.add(what, token, is_link=True)

    def _told_of_a_fault(self, *arguments: str) -> None:
        done = self.ladocs(*arguments)
        assert "Traceback" in done.stderr, "LADOCS_DEBUG shows where"

    # --- the pages

    def _activate(self) -> None:
        canaries, address = self.canaries, f"{NEWCOMER}@ashbyvale.example.sch.uk"
        person = ("--name", "Casey Newcomer", "--email", address, "--school", ASHBY, "--role", "Office")
        assert self.ladocs("account", "add", NEWCOMER, *person, "--category", GENERAL).returncode == 0
        link = f"link/{self.link('link of the invitation')}"
        with self._browser() as browser:
            assert browser.get(link).status == 200
            unequal = canaries.add("password typed unequally", "Kanariëntypo-of-two")
            weak = canaries.add("password that is too weak", "passwordpassword")
            self.password = canaries.add("password of the activation", "kanarie flew over Ashby – zwölf")
            for new, again in ((unequal, "else"), (weak, weak)):
                assert browser.post(f"{link}/password", new=new, again=again, terms="accepted").status == 422
            scan = browser.post(f"{link}/password", new=self.password, again=self.password, terms="accepted")
            self.seed = self._seed(scan)
            wrong = canaries.add("wrong code of the activation", "canary-code-1")
            assert browser.post(f"{link}/confirm", code=wrong, terms="accepted").status == 422
            done = browser.post(f"{link}/confirm", code=self._code(self.seed), terms="accepted")
            self.recovery = self._recovery(done)
            assert browser.post(f"{link}/password", new=self.password, again=self.password).status == 410

    def _live_on_the_pages(self) -> None:
        canaries = self.canaries
        with self._browser() as browser:
            slip = canaries.add("password typed as a name", "canary-in-the-name-field", as_name=True)
            assert browser.sign_in(slip, "x" * 12, "000000").status == 403
            assert browser.post("forgotten", name=slip).status == 200
            wrong = canaries.add("wrong password of the pages", "canary-wrong-at-the-pages")
            assert browser.sign_in(NEWCOMER, wrong, "000000").status == 403
            wrong_code = canaries.add("wrong code of the pages", "canary-code-2")
            assert browser.sign_in(NEWCOMER, self.password, wrong_code).status == 403
            assert browser.sign_in(NEWCOMER, self.password, self._code(self.seed, later=1)).status == 303
            canaries.add("cookie", browser.cookie)
            assert browser.get("account").status == 200
            canaries.add("seal of the forms", browser.seal)
            made = browser.post("account/devices", name="Office PC", networks="")
            assert made.status == 200
            canaries.add("device password of the pages", self._codes_in(made)[-1])
            browser.get("account")
            assert browser.post("account/keys", name="Laptop", key=KEY).status == 303
            self._change_password(browser)
            browser.get("account/codes")
            assert browser.post("account/codes/recovery", password="canary-wrong-of-recovery").status == 422
            canaries.add("wrong password for recovery codes", "canary-wrong-of-recovery")
            browser.get("account/codes")
            self.recovery = self._recovery(browser.post("account/codes/recovery", password=self.password))
            browser.get("account")
            assert browser.post("sign-out").status == 200
        with self._browser() as browser:
            assert browser.sign_in(NEWCOMER, self.password, self.recovery[0]).status == 303
            canaries.add("cookie after a recovery code", browser.cookie)
        with self._browser() as browser:
            assert browser.sign_in(NEWCOMER, self.password, self.recovery[0]).status == 403

    def _change_password(self, browser: Browser) -> None:
        wrong = self.canaries.add("wrong current password", "canary-wrong-current")
        new = self.canaries.add("password after the change", "kanarie second feather")
        browser.get("account/password")
        assert browser.post("account/password", password=wrong, new=new, again=new).status == 422
        browser.get("account/password")
        done = browser.post("account/password", password=self.password, new=new, again=new)
        assert done.status == 303, done.words
        self.password = new
        self.canaries.add("cookie after the change", browser.cookie)

    def _new_authenticator(self) -> None:
        person = self.county[PAGES]
        with self._browser() as browser:
            assert browser.sign_in(person.username, person.password, self._code(person.secret)).status == 303
            self.canaries.add("cookie of the second person", browser.cookie)
            browser.get("account/codes")
            wrong = self.canaries.add("wrong password for an authenticator", "canary-wrong-of-codes")
            assert browser.post("account/codes", password=wrong).status == 422
            seed = self._seed(browser.post("account/codes", password=person.password))
            wrong_code = self.canaries.add("wrong code of an authenticator", "canary-code-3")
            assert browser.post("account/codes/confirm", code=wrong_code).status == 422
            done = browser.post("account/codes/confirm", code=self._code(seed, later=1))
            self._recovery(done)
            self.canaries.add("cookie after the new authenticator", browser.cookie)

    def _reset(self) -> None:
        person = self.county[LOST]
        assert self.ladocs("account", "totp-reset", LOST).returncode == 0
        link = f"link/{self.link('link for codes')}"
        with self._browser() as browser:
            wrong = self.canaries.add("wrong password behind a link", "canary-wrong-behind-a-link")
            assert browser.post(f"{link}/codes", password=wrong).status == 422
            seed = self._seed(browser.post(f"{link}/codes", password=person.password))
            self._recovery(browser.post(f"{link}/confirm", code=self._code(seed)))
            assert browser.post("forgotten", name=LOST).status == 200
            forgotten = self.link("link for whoever forgot")
            assert self.ladocs("account", "password-reset", LOST).returncode == 0
            link = f"link/{self.link('link of a reset')}"
            assert browser.get(f"link/{forgotten}").status == 410
            chosen = self.canaries.add("password after a reset", "kanarie third feather")
            assert browser.post(f"{link}/password", new=chosen, again=chosen).status == 200

    # --- SFTP and the drive

    def _by_sftp(self, person: Person) -> None:
        wrong = self.canaries.add("wrong password of SFTP", "canary-wrong-over-sftp")
        as_name = self.canaries.add("password typed as a name over SFTP", "canary-name-over-sftp", as_name=True)
        code = self.canaries.add("wrong code of SFTP", "canary-code-4")
        for name, answers in (
            (person.username, [wrong]),
            (as_name, [wrong]),
            (person.username, [person.password, code]),
            (person.username, [person.password, self._code(person.secret)]),
        ):
            with self._ssh() as transport, suppress(paramiko.SSHException):
                transport.auth_interactive(name, _answering(answers))
        with self._ssh() as transport:  # trusted by now
            transport.auth_password(person.username, person.password, fallback=False)
            assert transport.is_authenticated()

    def _by_drive(self, person: Person) -> None:
        wrong = self.canaries.add("account's password at the drive", person.password)
        unknown = self.canaries.add("wrong device password", "0CANARY0-0CANARY0-0CANAR"[:24])
        as_name = self.canaries.add("password typed as a drive's name", "canary-name-at-the-drive", as_name=True)
        for name, password, status in (
            (person.username, wrong, 401),
            (person.username, unknown, 401),
            (as_name, unknown, 401),
            (f"ASHBY\\{person.username}", person.device, 207),
        ):
            self.canaries.basic(name, password)
            with closing(DavDrive(self.county, name, password)) as drive:
                assert drive.ask("PROPFIND", "/", {"Depth": "0"})[0] == status
        query = self.canaries.add("password in an address", "canary-in-a-query")
        with closing(DavDrive(self.county, person.username, person.device)) as drive:
            drive.ask_raw("GET", f"/nothing?password={query}")
            broken = self.canaries.add("broken Basic header", "Y2FuYXJ5LWJyb2tlbg!!")
            assert drive.ask("OPTIONS", "/", {"Authorization": f"Basic {broken}"})[0] == 401
        done = self.ladocs("device", "add", person.username, "--name", "Second PC")
        self.shown.append(self.said.pop(-2))
        self.canaries.add("device password of the command", done.stdout.splitlines()[1].split()[-1])

    # --- in vain

    @contextmanager
    def _a_table_is_missing(self, table: str) -> Iterator[None]:
        with opened(self.county.database_url) as database:
            with database.write() as connection:
                connection.execute(text(f"ALTER TABLE {table} RENAME TO {table}_gone"))
            yield
            with database.write() as connection:
                connection.execute(text(f"ALTER TABLE {table}_gone RENAME TO {table}"))

    def _in_vain(self) -> None:
        """Each door while the service cannot judge: nobody comes in, and the log tells of a fault."""
        person, before = self.county[FILES], len(self.county.log())
        with self._ssh() as transport:
            with suppress(paramiko.SSHException):
                transport.auth_password(person.username, person.password, fallback=False)
            assert not transport.is_authenticated()
        guess = self.canaries.add("device password during a fault", "1CANARY1-1CANARY1-1CANAR"[:24])
        self.canaries.basic(person.username, guess)
        with closing(DavDrive(self.county, person.username, guess)) as drive:
            assert drive.ask("PROPFIND", "/", {"Depth": "0"})[0] in (401, 503)
        with self._browser() as browser:
            assert browser.sign_in(NEWCOMER, self.password, self.recovery[1]).status == 503
        assert len(self.county.log()) > before

    # --- what is read off a page, and codes

    def _know(self, person: Person) -> None:
        for what in ("password", "secret", "device"):
            self.canaries.add(f"{what} of {person.username}", getattr(person, what))

    def _seed(self, page: Shown) -> str:
        found = re.search(r"secret=([A-Z2-7]{16,})", unescape(page.text))
        assert found is not None, page.words
        return self.canaries.add("seed of an authenticator", found[1])

    def _recovery(self, page: Shown) -> list[str]:
        codes = [code for code in self._codes_in(page) if re.fullmatch(r"[0-9A-Z]{5}-[0-9A-Z]{5}", code)]
        assert len(codes) == 10, page.words
        return [self.canaries.add("recovery code", code) for code in codes]

    def _codes_in(self, page: Shown) -> list[str]:
        return re.findall(r"<code[^>]*>([^<]+)</code>", page.text)

    def _code(self, seed: str, later: int = 0) -> str:
        """A code of now, or of so many steps later."""
        at = SystemClock().now().timestamp() + 30 * later
        return self.canaries.add("one-time code", code_at(seed, SystemClock().now().fromtimestamp(at).astimezone()))

    @contextmanager
    def _browser(self) -> Iterator[Browser]:
        with closing(Browser(self.county)) as browser:
            yield browser

    @contextmanager
    def _ssh(self) -> Iterator[paramiko.Transport]:
        with closing(paramiko.Transport((HOST, self.county.sftp_port))) as transport:
            transport.start_client(timeout=30)
            yield transport


def _answering(answers: list[str]) -> Callable[[str, str, list[tuple[str, bool]]], list[str]]:
    """What is said to each prompt in turn, and then nothing."""
    left = iter(answers)
    return lambda _, __, asked: [next(left, "") for _ in asked]


def files_of(home: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a home, by its path there."""
    for file in sorted(home.rglob("*")):
        if file.is_file():
            yield str(file.relative_to(home)), file.read_bytes()
