"""The door as real clients meet it: OpenSSH's sftp and scp with askpass, paramiko, psftp."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from tests.sftp.door import BIG, CODE, DOCUMENT, HOST, HOST_KEY, Door, running
from tests.support.askpass import askpass

PASSWORD = "correct horse battery"
SIZE = 1900


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with running() as door:
        yield door


def _openssh(
    door: Door, folder: Path, program: str, *arguments: str, says: tuple[str, ...] = (), commands: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run sftp or scp; an askpass program gives `says` in turn to its prompts."""
    options = ["-F", "none", "-o", f"UserKnownHostsFile={door.known_hosts(folder)}", "-o", "IdentityAgent=none"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **askpass(folder, says)}
    return subprocess.run(
        [program, "-P", str(door.port), *options, *arguments],
        input=commands,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.needs("sftp")
def test_openssh_signs_in_with_password_and_code(door: Door, tmp_path: Path) -> None:
    done = _openssh(door, tmp_path, "sftp", f"jo.head@{HOST}", says=(PASSWORD, CODE), commands=f'get "{DOCUMENT}"\n')
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "Provision map.pdf").stat().st_size == SIZE
    assert [line.rpartition(") ")[2] for line in (tmp_path / "asked").read_text().splitlines()] == [
        "Password:",
        "One-time code:",
    ]


@pytest.mark.needs("sftp")
def test_openssh_signs_in_with_key_and_code(door: Door, tmp_path: Path) -> None:
    key = str(door.key_file("jo.head", tmp_path))
    done = _openssh(door, tmp_path, "sftp", "-i", key, f"jo.head@{HOST}", says=(CODE,), commands="ls -l\ndf\n")
    assert done.returncode == 0, done.stderr
    assert "About this drive.txt" in done.stdout
    assert "100%" in done.stdout


@pytest.mark.needs("sftp")
def test_openssh_mirrors_the_tree_unattended(door: Door, tmp_path: Path) -> None:
    key = str(door.key_file("nightly", tmp_path))
    done = _openssh(door, tmp_path, "sftp", "-i", key, "-o", "BatchMode=yes", f"nightly@{HOST}", commands="get -pr .\n")
    assert done.returncode == 0, done.stderr
    assert done.stderr.replace("Connected to 127.0.0.1.\n", "") == ""
    assert (tmp_path / BIG.lstrip("/")).read_bytes() == bytes(range(256)) * 4096


@pytest.mark.needs("scp")
def test_openssh_scp_ends_with_status_0(door: Door, tmp_path: Path) -> None:
    key = str(door.key_file("nightly", tmp_path))
    done = _openssh(door, tmp_path, "scp", "-i", key, f"nightly@{HOST}:{BIG}", "copy")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "copy").stat().st_size == 1 << 20


@pytest.mark.needs("sftp")
def test_openssh_tells_why_writing_is_refused(door: Door, tmp_path: Path) -> None:
    key = str(door.key_file("nightly", tmp_path))
    done = _openssh(door, tmp_path, "sftp", "-i", key, f"nightly@{HOST}", commands="mkdir /new\n")
    assert "remote mkdir" in done.stderr
    assert "Permission denied" in done.stderr


@pytest.mark.needs("sftp")
def test_openssh_shows_the_reason_of_a_refusal(door: Door, tmp_path: Path) -> None:
    done = _openssh(door, tmp_path, "sftp", f"lee.left@{HOST}", says=("once upon a time", CODE))
    assert done.returncode != 0
    assert "Ask your headteacher." in done.stderr


def _transport(door: Door) -> paramiko.Transport:
    transport = paramiko.Transport(socket.create_connection((HOST, door.port), timeout=20))
    transport.start_client(timeout=20)
    assert transport.get_remote_server_key().asbytes() == HOST_KEY.public_data
    return transport


def _root(transport: paramiko.Transport) -> list[str]:
    client = paramiko.SFTPClient.from_transport(transport)
    assert client is not None
    return sorted(client.listdir("."))


def test_paramiko_signs_in_with_the_password_method_and_then_the_code(door: Door) -> None:
    transport = _transport(door)
    try:
        assert transport.auth_password("jo.head", PASSWORD) == ["keyboard-interactive"]
        transport.auth_interactive("jo.head", lambda title, text, prompts: [CODE for _ in prompts])
        assert _root(transport) == ["About this drive.txt", "Derbyshire Documents"]
    finally:
        transport.close()


def test_paramiko_signs_in_with_key_and_code(door: Door, tmp_path: Path) -> None:
    transport = _transport(door)
    try:
        key = paramiko.Ed25519Key(filename=str(door.key_file("jo.head", tmp_path)))
        assert transport.auth_publickey("jo.head", key) == ["keyboard-interactive"]
        transport.auth_interactive("jo.head", lambda title, text, prompts: [CODE for _ in prompts])
        assert _root(transport) == ["About this drive.txt", "Derbyshire Documents"]
    finally:
        transport.close()


def test_paramiko_reads_a_document_with_its_prefetch(door: Door) -> None:
    transport = _transport(door)
    try:
        answers = iter([PASSWORD, CODE])
        transport.auth_interactive("jo.head", lambda title, text, prompts: [next(answers) for _ in prompts])
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        with client.open(BIG) as file:
            file.prefetch()
            assert file.read() == bytes(range(256)) * 4096
    finally:
        transport.close()


@pytest.mark.needs("psftp")
def test_psftp_signs_in_with_password_and_code(door: Door, tmp_path: Path) -> None:
    (tmp_path / "commands").write_text(f'get "{DOCUMENT}" copy\nquit\n')
    arguments = ["-P", str(door.port), "-hostkey", HOST_KEY.get_fingerprint(), "-b", "commands", f"jo.head@{HOST}"]
    process = subprocess.Popen(
        ["psftp", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        cwd=tmp_path,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    said = b""
    for prompt, answer in ((b"Password:", PASSWORD), (b"One-time code:", CODE)):
        while prompt not in said:  # it reads all that stands there: an answer that comes early is lost
            said += (more := os.read(process.stdout.fileno(), 4096))
            assert more, said
        process.stdin.write(f"{answer}\n".encode())
        process.stdin.flush()
    said += process.communicate(timeout=30)[0]
    assert (tmp_path / "copy").is_file(), said
