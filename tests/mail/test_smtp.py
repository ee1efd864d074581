"""Mail servers as they are: one that takes mails, ones that refuse, put off, hang, lie or are not there."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from gateway.mail.outbox import MailKind
from gateway.mail.smtp import MailServer, Smtp
from tests.mail.postroom import URL, Postroom, words
from tests.mail.server import PASSWORD, USERNAME, Running, mail_server, make_certificate, silent_server
from tests.support.ports import free_ports


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "mail-password"
    file.write_text(f"{PASSWORD}\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def number(postroom: Postroom) -> int:
    """A mail that waits."""
    return postroom.post(MailKind.PASSWORD_CHANGED)


def trouble(postroom: Postroom, number: int, server: MailServer) -> str:
    """What is noted of a mail that `server` did not take, and which is due again."""
    postroom.turn(Smtp(server))
    row = postroom.row(number)
    assert (row.sent_at, row.given_up_at) == (None, None)
    assert row.due_at > postroom.world.clock.now()
    return str(row.trouble)


def test_a_mail_arrives_encrypted_and_signed_in(
    postroom: Postroom, number: int, running: Running, password_file: Path
) -> None:
    postroom.turn(Smtp(running.settings(username=USERNAME, password_file=password_file)))
    [message] = running.postmaster.messages()
    assert message["Subject"] == "LA Documents: your password was changed"
    assert "was changed" in words(message)
    assert running.postmaster.recipients == ["o.office@school.example"]
    assert running.postmaster.encrypted == [True]
    assert running.postmaster.signed_in == [True]
    assert postroom.row(number).sent_at == postroom.world.clock.now()


def test_one_connection_takes_all_mails_of_a_turn(postroom: Postroom, running: Running) -> None:
    for _ in range(3):
        postroom.post(MailKind.PASSWORD_CHANGED)
    postroom.turn(Smtp(running.settings()))
    assert len(running.postmaster.taken) == 3


def test_a_server_on_this_machine_is_spoken_to_in_clear(postroom: Postroom, number: int) -> None:
    with mail_server() as running:
        postroom.turn(Smtp(running.settings(security="none")))
    assert running.postmaster.encrypted == [False]


def test_tls_from_the_first_byte(
    postroom: Postroom, number: int, certificate: tuple[Path, Path], trusted: None
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with mail_server(ssl_context=context) as running:
        postroom.turn(Smtp(running.settings(security="tls")))
    assert len(running.postmaster.taken) == 1


def test_a_mail_is_never_sent_in_clear_to_a_server_without_starttls(postroom: Postroom, number: int) -> None:
    with mail_server() as running:
        said = trouble(postroom, number, running.settings())
    assert "does not offer what is wanted (STARTTLS extension not supported by server.): check mail.security" in said
    assert running.postmaster.taken == []


def test_a_certificate_that_nobody_vouches_for_is_refused(
    postroom: Postroom, number: int, certificate: tuple[Path, Path]
) -> None:
    with mail_server(certificate) as running:
        said = trouble(postroom, number, running.settings())
    assert "no certificate that is trusted here" in said
    assert running.postmaster.taken == []


def test_a_certificate_of_another_host_is_refused(
    postroom: Postroom, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_certificate(tmp_path, "mail.elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(other[0]))
    with mail_server(other) as running:
        said = trouble(postroom, number, running.settings())
    assert "no certificate that is trusted here" in said


def test_a_wrong_password_is_said_without_showing_it(
    postroom: Postroom, number: int, running: Running, password_file: Path
) -> None:
    password_file.write_text("another-canary")
    said = trouble(postroom, number, running.settings(username=USERNAME, password_file=password_file))
    assert "does not accept mail.username with its password (535): check mail.password_file" in said
    assert "another-canary" not in said


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file.chmod(0o640), "is open to others: run 'chmod 600"),
        (
            lambda file: file.unlink(),
            "cannot be read (No such file or directory): put the mail server's password there",
        ),
        (lambda file: file.write_bytes(b"\xff\xfe"), "cannot be read (no text)"),
        (lambda file: file.write_text("pässword"), "choose a password of plain ASCII"),
    ],
)
def test_a_password_file_that_will_not_do_is_said(
    postroom: Postroom, number: int, running: Running, password_file: Path, spoil: Any, said: str
) -> None:
    spoil(password_file)
    found = trouble(postroom, number, running.settings(username=USERNAME, password_file=password_file))
    assert said in found


def test_a_server_that_hangs_is_left_after_the_time_out(postroom: Postroom, number: int) -> None:
    with silent_server() as running:
        said = trouble(postroom, number, running.settings(timeout=0.2))
    assert "is out of reach: " in said
    assert "timed out" in said


def test_a_server_that_is_not_there_is_out_of_reach(postroom: Postroom, number: int) -> None:
    [port] = free_ports(1)
    said = trouble(postroom, number, Running(None, port).settings())  # type: ignore[arg-type]
    assert f"localhost port {port} is out of reach" in said


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_what_the_server_will_never_take_is_given_up_with_its_words(
    postroom: Postroom, number: int, running: Running, step: str
) -> None:
    running.postmaster.says[step] = "550 5.1.1 no such\x1b[31m mailbox here"
    postroom.turn(Smtp(running.settings()))
    row = postroom.row(number)
    assert row.given_up_at == postroom.world.clock.now()
    assert row.trouble == "localhost refused: 550 5.1.1 no such [31m mailbox here"


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_what_the_server_puts_off_is_tried_again(postroom: Postroom, number: int, running: Running, step: str) -> None:
    running.postmaster.says[step] = "451 4.7.1 come back later"
    assert trouble(postroom, number, running.settings()) == "localhost puts off: 451 4.7.1 come back later"
    running.postmaster.says.clear()
    postroom.world.clock.advance(minutes=1)
    postroom.turn(Smtp(running.settings()))
    assert postroom.row(number).sent_at == postroom.world.clock.now()
    assert len(running.postmaster.taken) == 1


def test_a_sender_that_the_server_refuses_is_no_fault_of_the_mail(
    postroom: Postroom, number: int, running: Running
) -> None:
    running.postmaster.says["MAIL"] = "553 not your domain"
    assert trouble(postroom, number, running.settings()) == "localhost refused: 553 not your domain"


def test_one_mail_that_is_refused_does_not_keep_the_next(postroom: Postroom, running: Running) -> None:
    bad = postroom.post(MailKind.PASSWORD_CHANGED, address="one two@school.example")
    good = postroom.post(MailKind.PASSWORD_CHANGED)
    postroom.turn(Smtp(running.settings()))
    assert postroom.row(bad).trouble.startswith("it cannot be written: ")
    assert postroom.row(good).sent_at is not None


def test_a_link_that_a_server_repeats_in_its_refusal_is_not_kept(
    postroom: Postroom, running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    number = postroom.post(MailKind.PASSWORD_RESET)
    running.postmaster.says["DATA"] = "554 blocked: {link}"
    postroom.turn(Smtp(running.settings()))
    assert postroom.row(number).trouble == f"localhost refused: 554 blocked: {URL}/portal/link/…"
    assert f"{URL}/portal/link/…" in caplog.text
