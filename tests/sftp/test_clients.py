"""What real clients see of the door that a running county does not show; the rest is in tests/interop."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from tests.sftp.door import CODE, HOST, HOST_KEY, Door, running
from tests.support.askpass import askpass

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with running() as door:
        yield door


@pytest.mark.needs("sftp")
def test_openssh_shows_the_reason_of_a_refusal(door: Door, tmp_path: Path) -> None:
    options = ["-F", "none", "-o", f"UserKnownHostsFile={door.known_hosts(tmp_path)}", "-o", "IdentityAgent=none"]
    done = subprocess.run(
        ["sftp", "-P", str(door.port), *options, f"lee.left@{HOST}"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **askpass(tmp_path, ("once upon a time", CODE))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
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
