"""What opens a drive, as its programs see it: the device password alone, behind any DOMAIN; else they are told so."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import webdav4.client

from tests.interop.running import run, well
from tests.interop.test_mounts import as_root
from tests.support.county import HOST, County
from tests.support.programs import need, need_fuse
from tests.support.story import ABOUT

SENTENCE = "Drives need a device password"
Asked = tuple[bool, str]


def by_curl(county: County, folder: Path, name: str, password: str) -> Asked:
    options = ("-sS", "--cacert", county.ca_file, "-u", f"{name}:{password}", "-X", "PROPFIND", "-H", "Depth: 1")
    done = well(run(folder, need("curl"), *options, f"https://{HOST}:{county.https_port}/"))
    return "multistatus" in done.stdout, done.stdout


def by_rclone(county: County, folder: Path, name: str, password: str) -> Asked:
    program = need("rclone")
    hidden = well(run(folder, program, "obscure", password)).stdout.strip()
    url = f"https://{HOST}:{county.https_port}/"
    (folder / "rclone.conf").write_text(
        f"[drive]\ntype = webdav\nurl = {url}\nvendor = other\nuser = {name}\npass = {hidden}\n"
    )
    options = ("--config", "rclone.conf", "--ca-cert", county.ca_file, "--retries", "1", "--low-level-retries", "1")
    done = run(folder, program, *options, "lsf", "drive:")
    return done.returncode == 0, done.stdout + done.stderr


def by_webdav4(county: County, folder: Path, name: str, password: str) -> Asked:
    context = ssl.create_default_context(cafile=str(county.ca_file))
    with httpx.Client(verify=context, auth=(name, password)) as http:
        client = webdav4.client.Client(f"https://{HOST}:{county.https_port}", http_client=http)
        try:
            return True, "\n".join(entry["name"] for entry in client.ls(""))
        except webdav4.client.HTTPError as exc:
            return False, exc.response.text


def by_davfs2(county: County, folder: Path, name: str, password: str) -> Asked:
    need_fuse()
    program, root, at = need("mount.davfs"), as_root(folder), folder / "drive"
    at.mkdir()
    with tempfile.TemporaryDirectory() as place:  # where the user as whom davfs2 runs may look
        Path(place).chmod(0o755)
        certificate, settings = Path(place) / "ca.pem", Path(place) / "davfs2.conf"
        certificate.write_bytes(county.ca_file.read_bytes())
        settings.write_text(f"trust_ca_cert {certificate}\nuse_locks 0\nbuf_size 64\n")
        url, options = f"https://{HOST}:{county.https_port}/", ("-o", f"ro,conf={settings}")
        done = run(folder, *root, program, url, at, *options, says=f"{name}\n{password}\n")
    if done.returncode != 0:
        return False, done.stderr
    try:
        return True, "\n".join(file.name for file in at.iterdir())
    finally:
        well(run(folder, *root, "umount", at))


CLIENTS = [by_curl, by_rclone, by_webdav4, by_davfs2]
Client = Callable[[County, Path, str, str], Asked]


@pytest.mark.parametrize("client", CLIENTS)
def test_the_device_password_opens_the_drive_behind_any_domain(county: County, tmp_path: Path, client: Client) -> None:
    person = county["r.reader13"]
    opened, said = client(county, tmp_path, f"ASHBY\\{person.username}", person.device)
    assert opened and ABOUT in said.replace("%20", " "), said


@pytest.mark.parametrize("client", CLIENTS)
def test_the_password_of_the_account_opens_no_drive(county: County, tmp_path: Path, client: Client) -> None:
    person = county["r.reader14"]
    opened, said = client(county, tmp_path, person.username, person.password)
    assert not opened
    assert ("Could not authenticate" if client is by_davfs2 else SENTENCE) in said  # davfs2 has words of its own
