"""Where checkpoints go: a file that can only be added to, and syslog in TLS whose certificate is verified."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from policy.audit.targets import FileTarget, SyslogTarget, frame
from policy.audit.testimony import read_all
from tests.audit.test_checkpoint import LINE, MADE
from tests.mail.server import make_certificate


@dataclass
class Collector:
    """A syslog server that keeps what it was sent."""

    port: int
    heard: list[bytes] = field(default_factory=list)


@contextmanager
def collector(files: tuple[Path, Path]) -> Iterator[Collector]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Collector(listening.getsockname()[1])

        def serve() -> None:
            plain, _ = listening.accept()
            try:
                with context.wrap_socket(plain, server_side=True) as secured:
                    made.heard.append(b"".join(iter(lambda: secured.recv(4096), b"")))
            except OSError:  # whoever calls does not trust us
                plain.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield made
        thread.join(10)


def test_a_file_gets_a_line_for_each_and_keeps_what_it_has(tmp_path: Path) -> None:
    file = tmp_path / "witness"
    file.write_text(f"{LINE}\n")
    FileTarget(file).deliver(MADE)
    assert file.read_text() == f"{LINE}\n" * 2


def test_a_file_whose_folder_is_gone_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileTarget(tmp_path / "mount" / "witness").deliver(MADE)


def test_a_disk_that_is_full_is_a_failure() -> None:
    with pytest.raises(OSError, match="space"):
        FileTarget(Path("/dev/full")).deliver(MADE)


def test_syslog_is_sent_one_counted_message_of_rfc_5424(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, "127.0.0.1")
    with collector(files) as server:
        SyslogTarget("127.0.0.1", server.port, files[0]).deliver(MADE)
    [heard] = server.heard
    length, _, message = heard.partition(b" ")
    assert int(length) == len(message)
    header, _, said = message.decode().partition(" - ")
    assert header.split(" ")[:4] == ["<109>1", "2026-11-23T12:00:00.000000Z", "documents.example", "ladocs"]
    assert said == LINE


@pytest.mark.parametrize("name", ["logs.example", None])
def test_syslog_is_sent_nothing_whose_certificate_is_not_its_own(tmp_path: Path, name: str | None) -> None:
    """A certificate of another host, and one of an authority that nobody trusts."""
    files = make_certificate(tmp_path, name or "127.0.0.1")
    with collector(files) as server, pytest.raises(ssl.SSLCertVerificationError):
        SyslogTarget("127.0.0.1", server.port, files[0] if name else None).deliver(MADE)
    assert server.heard == []


def test_syslog_that_does_not_answer_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        SyslogTarget("127.0.0.1", port).deliver(MADE)


@pytest.mark.parametrize(
    ("setting", "host", "port"),
    [
        ("logs.example", "logs.example", 6514),
        ("logs.example:10514", "logs.example", 10514),
        ("[2001:db8::1]", "2001:db8::1", 6514),
        ("[2001:db8::1]:601", "2001:db8::1", 601),
    ],
)
def test_the_setting_names_host_and_port(setting: str, host: str, port: int) -> None:
    assert SyslogTarget.of(setting, None) == SyslogTarget(host, port)


def test_what_a_syslog_server_wrote_down_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "syslog"
    file.write_bytes(frame(MADE) + b"\n\n")
    assert [one.checkpoint for one in read_all([file])] == [MADE]


def test_a_line_of_a_file_that_holds_no_whole_checkpoint_is_told_by_its_number(tmp_path: Path) -> None:
    file = tmp_path / "witness"
    file.write_text(f"{LINE}\n{LINE[:-9]}\nhello\n")
    assert [(one.where, one.checkpoint is not None) for one in read_all([file])] == [
        (f"{file}, line 1", True),
        (f"{file}, line 2", False),
        (f"{file}, line 3", False),
    ]


def test_an_empty_file_holds_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "witness").touch()
    [said] = read_all([tmp_path / "witness"])
    assert said.fault == "it holds no checkpoint"
