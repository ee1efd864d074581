"""`ladocs demo` as a person or a script starts it: what it prints, what it serves, and what it never throws away."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import paramiko
import pytest

from auth.totp import code_at
from config.clock import SystemClock
from gateway.demo.build import Built
from gateway.demo.people import SCHOOLS
from policy.schools import folder_name
from tests.support.waiting import until

ANY_PORTS = ("--sftp-port", "0", "--https-port", "0", "--http-port", "0")
LADOCS = (sys.executable, "-m", "gateway")


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LADOCS, *arguments], capture_output=True, text=True, timeout=120, cwd=cwd, check=False)


@contextmanager
def serving(home: Path, *arguments: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """A demo that serves, with what it printed when it was ready. Ends by SIGTERM, with exit status 0."""
    command = [*LADOCS, "demo", "--home", str(home), "--json", *(arguments or ANY_PORTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            yield json.loads(line), process
        finally:
            process.send_signal(signal.SIGTERM)
            rest, log = process.communicate(timeout=30)
    assert (process.returncode, rest) == (0, ""), log
    assert "Traceback" not in log


@pytest.fixture(scope="module")
def home(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo home of today, as one that was built here; its building by the command is proved last."""
    path = shutil.copytree(built.home.path, tmp_path_factory.mktemp("command") / "home")
    guide = path / "demo.json"
    guide.write_text(guide.read_text("utf-8").replace(str(built.home.path), str(path)), "utf-8")
    return path


def asked(
    guide: dict[str, Any], person: dict[str, Any], path: str, *, method: str = "GET", headers: Mapping[str, str] = {}
) -> tuple[int, str]:
    """Status and body of a request with a device password, over HTTPS, trusting the file that the guide names."""
    token = base64.b64encode(f"{person['username']}:{person['device_password']}".encode()).decode()
    url = guide["https"]["url"] + path.removeprefix("/")
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {token}", **headers}, method=method)
    context = ssl.create_default_context(cafile=guide["https"]["ca_file"])
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_everybody_who_may_signs_in_at_both_doors_and_the_leaver_at_none(home: Path) -> None:
    with serving(home) as (guide, _):
        for person in guide["people"]:
            if person["device_password"]:
                status, _body = asked(guide, person, "/")
                assert status == (401 if person["state"] == "left" else 200), person["username"]
            if person["state"] == "left":
                with pytest.raises(paramiko.AuthenticationException):
                    root_over_sftp(guide, person)
            else:
                assert root_over_sftp(guide, person) >= folders_of(person), person["username"]


def test_everybody_sees_what_the_guide_and_the_list_of_documents_say(home: Path) -> None:
    listed_documents = run("document", "list", "--home", str(home), "--json")
    assert listed_documents.returncode == 0, listed_documents.stderr
    documents = json.loads(listed_documents.stdout)
    with serving(home) as (guide, _):
        for person in guide["people"]:
            if person["device_password"] and person["state"] != "left":
                assert tree_over_webdav(guide, person) == tree_of(person, documents), person["username"]


Tree = Counter[tuple[str, str, str, int]]
"""How many documents of a size lie in a school's category and month."""


def tree_of(person: dict[str, Any], documents: list[dict[str, Any]]) -> Tree:
    return Counter(
        (dfe, document["month"], document["category"], document["size"])
        for document in documents
        for dfe in document["schools"]
        if document["state"] == "visible" and document["category"] in person["categories"].get(dfe, ())
    )


def tree_over_webdav(guide: dict[str, Any], person: dict[str, Any]) -> Tree:
    found: Tree = Counter()
    folders = ["/"]
    while folders:
        for href, size in listed(guide, person, folders.pop()):
            if size is None:
                folders.append(href)
                continue
            names = [unquote(name) for name in href.strip("/").split("/")]
            if len(names) >= 4:  # all but the text that stands in the root
                *school, _, month, category, _ = names
                found[school[0][:8] if school else person["schools"][0], month[:7], category, size] += 1
    return found


def listed(guide: dict[str, Any], person: dict[str, Any], folder: str) -> Iterator[tuple[str, int | None]]:
    """What lies in `folder`: each href, with its size, or None for a folder."""
    status, body = asked(guide, person, folder, method="PROPFIND", headers={"Depth": "1"})
    assert status == 207, folder
    for response in ET.fromstring(body):
        href, size = response.findtext("{DAV:}href", ""), response.findtext(".//{DAV:}getcontentlength")
        if href != folder:
            yield href, int(size) if size else None


def folders_of(person: dict[str, Any]) -> set[str]:
    """What stands in a person's root whether or not anything was sent [R3] [R6]."""
    if person["layout"] == "single":
        return {"Derbyshire Documents"} if person["schools"] else set()
    return {folder_name(dfe, SCHOOLS[dfe].name, None, None, SystemClock().now()) for dfe in person["schools"]}


def root_over_sftp(guide: dict[str, Any], person: dict[str, Any]) -> set[str]:
    """The names of the root over SFTP: by key and one-time code, or by key alone for a script."""
    sftp = guide["sftp"]
    with closing(paramiko.Transport((sftp["host"], sftp["port"]))) as transport:
        transport.start_client(timeout=30)
        assert transport.get_remote_server_key().get_base64() == sftp["host_key"].split()[1]
        key = paramiko.Ed25519Key.from_private_key_file(person["private_key"])
        if transport.auth_publickey(person["username"], key):
            code = code_at(person["totp_secret"], SystemClock().now())
            transport.auth_interactive(person["username"], lambda *_: [code])
        channel = paramiko.SFTPClient.from_transport(transport)
        assert channel is not None
        with channel:
            return set(channel.listdir("/"))


def test_one_json_object_stands_on_one_line_with_what_a_script_needs(home: Path) -> None:
    with serving(home) as (guide, process):
        assert set(guide) == {"home", "sftp", "https", "http", "people", "pid"}
        assert (guide["home"], guide["pid"]) == (str(home), process.pid)
        assert json.loads((home / "demo.json").read_text("utf-8")) == guide


def test_a_second_start_has_the_same_people_with_the_same_credentials(home: Path) -> None:
    with serving(home) as (first, _):
        pass
    with serving(home) as (second, _):
        assert second["people"] == first["people"]
        assert second["sftp"]["host_key"] == first["sftp"]["host_key"]


def test_once_prints_how_to_connect_to_what_is_being_served(home: Path) -> None:
    with serving(home) as (guide, _):
        printed = json.loads(run("demo", "--home", str(home), "--once", "--json").stdout)
        assert printed == guide


def test_a_port_that_is_taken_gives_way_to_the_next(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serving(home, "--sftp-port", str(port), "--https-port", "0", "--http-port", "0") as (guide, _):
            assert port < guide["sftp"]["port"] <= port + 50


def test_the_pages_are_served_without_a_certificate_on_loopback(home: Path) -> None:
    with (
        serving(home) as (guide, _),
        urllib.request.urlopen(guide["http"]["url"] + "portal/", timeout=30) as answer,
    ):
        assert answer.status == 200


def test_a_second_server_of_one_home_is_refused_in_one_line(home: Path) -> None:
    with serving(home):
        done = run("demo", "--home", str(home), *ANY_PORTS)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--once" in done.stderr


def test_a_home_older_than_a_day_is_built_again(home: Path, tmp_path: Path) -> None:
    old = (SystemClock().now() - timedelta(days=1, minutes=1)).timestamp()
    before = json.loads((home / "demo.json").read_text("utf-8"))
    os.utime(home / "format", (old, old))
    after = json.loads(run("demo", "--home", str(home), "--once", "--json").stdout)
    assert after["sftp"]["host_key"] != before["sftp"]["host_key"]


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ladocs.toml").write_text('[service]\nname = "Real"\n', "utf-8")
    (tmp_path / "letters.txt").write_text("precious", "utf-8")
    done = run("demo", "--home", str(tmp_path), "--once")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "empty folder" in done.stderr
    assert sorted(child.name for child in tmp_path.iterdir()) == ["ladocs.toml", "letters.txt"]


def test_a_demo_whose_building_was_killed_is_built_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [*LADOCS, "demo", "--home", str(home), "--once"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert until((home / "ladocs.db").exists, 60)
        process.kill()
    assert not (home / "format").exists()
    assert run("demo", "--home", str(home), "--once").returncode == 0
    assert (home / "format").exists()
