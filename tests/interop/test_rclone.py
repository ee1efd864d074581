"""rclone over both protocols: a copy, and a second one that transfers nothing; check, about, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from auth.principal import Door
from tests.interop.running import Done, judge_copy, run, well
from tests.support.county import HOST, County
from tests.support.story import BRIGID, Person, folder_of

pytestmark = pytest.mark.needs("rclone")
TREE = folder_of(BRIGID)


@dataclass(frozen=True)
class Remote:
    """A configured remote, and rclone in a folder of its own."""

    door: Door
    person: Person
    rclone: Callable[..., Done]


@pytest.fixture(params=[Door.SFTP, Door.WEBDAV])
def remote(request: pytest.FixtureRequest, county: County, tmp_path: Path) -> Remote:
    person = county["nightly"]
    hidden = well(run(tmp_path, "rclone", "obscure", person.device)).stdout.strip()
    (tmp_path / "rclone.conf").write_text(
        f"[sftp]\ntype = sftp\nhost = {HOST}\nport = {county.sftp_port}\nuser = {person.username}\n"
        f"key_file = {person.key}\nknown_hosts_file = {county.known_hosts(tmp_path)}\n"
        f"[webdav]\ntype = webdav\nurl = https://{HOST}:{county.https_port}/\nvendor = other\n"
        f"user = {person.username}\npass = {hidden}\n"
    )
    options = (
        "--config",
        "rclone.conf",
        "--ca-cert",
        str(county.ca_file),
        "--retries",
        "1",
        "--low-level-retries",
        "1",
    )
    return Remote(request.param, person, lambda *arguments: run(tmp_path, "rclone", *options, *arguments))


def test_a_second_copy_transfers_nothing(county: County, remote: Remote, tmp_path: Path) -> None:
    source = f"{remote.door}:{TREE}"
    well(remote.rclone("copy", source, "copy"))
    judge_copy(county, remote.person, remote.door, BRIGID, tmp_path / "copy")
    again = well(remote.rclone("copy", "--use-json-log", "-v", "--stats-log-level", "NOTICE", source, "copy"))
    stats = [json.loads(line)["stats"] for line in again.stderr.splitlines() if '"stats"' in line][-1]
    assert (stats["transfers"], stats["bytes"], stats["errors"]) == (0, 0, 0)
    checked = remote.rclone("check", source, "copy")
    assert "0 differences found" in well(checked).stderr


def test_about_tells_what_may_be_read(county: County, remote: Remote) -> None:
    used = sum(len(letter.data) for letter in county.visible(remote.person).values())
    about = json.loads(well(remote.rclone("about", "--json", f"{remote.door}:")).stdout)
    assert (used <= about["used"] < used + 4096, about.get("free", 0)) == (True, 0)


def test_a_listing_has_sizes_and_times(county: County, remote: Remote) -> None:
    listed = json.loads(well(remote.rclone("lsjson", "-R", "--files-only", f"{remote.door}:{TREE}")).stdout)
    found = {f"/{TREE}/{each['Path']}": (each["Size"], each["ModTime"][:19]) for each in listed}
    letters = {path: letter for path, letter in county.visible(remote.person).items() if path.startswith(f"/{TREE}/")}
    assert found == {
        path: (len(letter.data), letter.at.strftime("%Y-%m-%dT%H:%M:%S")) for path, letter in letters.items()
    }


@pytest.mark.parametrize("command", ["copy", "sync", "delete", "mkdir"])
def test_writing_is_refused_and_told(remote: Remote, tmp_path: Path, command: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.txt").write_text("mine")
    target = f"{remote.door}:{TREE}"
    arguments = {"copy": ("mine", target), "sync": ("mine", target), "mkdir": (f"{target}/new",)}.get(
        command, (target,)
    )
    done = remote.rclone(command, *arguments)
    assert done.returncode != 0
    told = {Door.SFTP: "permission denied", Door.WEBDAV: "LA Documents is read-only: copy the file"}
    assert told[remote.door] in done.stderr
