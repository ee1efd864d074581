"""Mail as `ladocs serve` sends it: a link that opens, a mail server that hangs beside work that goes on."""

from __future__ import annotations

import sqlite3
import ssl
import urllib.request
from contextlib import closing
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

import pytest

from tests.cli.county import County, made, person
from tests.cli.test_serve import serving
from tests.mail.postroom import words
from tests.mail.server import silent_server
from tests.support.waiting import until

_SECONDS = 30.0


@pytest.fixture
def county(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> County:
    for name, value in (("SFTP_PORT", "0"), ("HTTPS_PORT", "0"), ("SFTP_PROCESSES", "1")):
        monkeypatch.setenv(f"LADOCS_SERVE__{name}", value)
    return made(tmp_path)


def mails(county: County) -> list[EmailMessage]:
    """What lies in the home's folder of mails."""
    parser: BytesParser[EmailMessage] = BytesParser(policy=default)
    return [parser.parsebytes(file.read_bytes()) for file in (county.home / "mail").glob("new/*")]


def attempts(county: County) -> int:
    """How often the mail that waits was tried, the try that goes on included."""
    with closing(sqlite3.connect(county.home / "ladocs.db")) as connection:
        waiting = "SELECT attempts FROM mail WHERE sent_at IS NULL AND dropped_at IS NULL"
        return int(connection.execute(waiting).fetchone()[0])


def test_who_is_entered_gets_a_link_that_opens(county: County) -> None:
    with serving(county) as process:
        county(*person("n.new", "Nora New"), "--school", "830-2001", "--role", "Office")
        assert until(lambda: any("n.new@" in message["To"] for message in mails(county)), _SECONDS)
        [message] = [message for message in mails(county) if "n.new@" in message["To"]]
        [link] = [line for line in words(message).splitlines() if line.startswith("https://localhost:")]
        trusting = ssl._create_unverified_context()  # noqa: S323 - the home's own certificate, on this machine
        with urllib.request.urlopen(link, context=trusting, timeout=_SECONDS) as answer:
            page = answer.read().decode()
        process.terminate()
        assert process.wait(_SECONDS) == 0
    assert answer.status == 200
    assert "n.new" in page


def test_a_mail_server_that_hangs_stops_no_other_work_and_no_end(county: County) -> None:
    with silent_server() as running:
        county.settings.write_text(
            f'{county.settings.read_text()}\n[mail]\nserver = "localhost"\nport = {running.port}\n'
        )
        county(*person("n.new", "Nora New"), "--school", "830-2001", "--role", "Office")
        with serving(county) as process:
            assert until(lambda: attempts(county) == 1, _SECONDS)
            assert until(lambda: bool(county("audit", "list", "--event", "service:heartbeat", "--json").json), _SECONDS)
            process.terminate()
            assert process.wait(_SECONDS) == 0
